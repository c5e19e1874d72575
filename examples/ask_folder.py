"""Ask a folder of documents a question: text, Markdown, HTML, and PDF if pypdf is installed.

    python examples/ask_folder.py examples/passages "Who keeps the key?"

Documents are split at empty lines. Of a large folder, the passages that share rare words with the question are read by
the model. All of them are one request and share one softmax: their scores are comparable, and lower than those of a
request with one passage.
"""

import argparse
import math
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import mooring

MOST_PASSAGES = 50
"""Passages that the model reads. A search engine in front of it would choose better ones."""
MOST_CHARACTERS = 4000
"""Length at which a passage without empty lines is split."""
BLOCKS = ("p", "div", "li", "tr", "br", "h1", "h2", "h3", "h4", "section", "article", "blockquote", "pre")
HIDDEN = ("script", "style", "title", "template", "noscript")


@dataclass(frozen=True)
class Passage:
    """A part of a document."""

    file: Path
    text: str


class _Text(HTMLParser):
    """The visible text of a page, with an empty line between blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, _attributes: object) -> None:
        self._hidden += tag in HIDDEN
        if tag in BLOCKS:
            self.parts.append("\n\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        if tag in BLOCKS:
            self.parts.append("\n\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(re.sub(r"\s+", " ", data))


def text_of_html(source: str) -> str:
    """The text that a browser would show, without its layout."""
    parser = _Text()
    parser.feed(source)
    parser.close()
    return "".join(parser.parts)


def text_of_pdf(path: Path) -> str:
    """The text of a PDF, page by page. A scanned page has none: it needs OCR first."""
    try:
        from pypdf import PdfReader
    except ImportError:
        sys.exit(f"{path} is a PDF. Install pypdf to read it: pip install pypdf")
    return "\n\n".join(page.extract_text() for page in PdfReader(path).pages)


def text_of(path: Path) -> str:
    """A document's text."""
    kind = path.suffix.lower()
    if kind == ".pdf":
        return text_of_pdf(path)
    source = path.read_text(encoding="utf-8", errors="replace")
    return text_of_html(source) if kind in (".html", ".htm") else source


def passages(folder: Path) -> Iterator[Passage]:
    """The paragraphs of all documents below the folder."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in (".txt", ".md", ".html", ".htm", ".pdf") and path.is_file():
            for part in re.split(r"\n\s*\n", text_of(path)):
                text = part.strip()
                yield from (
                    Passage(path, text[begin : begin + MOST_CHARACTERS])
                    for begin in range(0, len(text), MOST_CHARACTERS)
                )


def words(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return re.findall(r"\w+", text.lower())


def best(question: str, found: list[Passage], most: int = MOST_PASSAGES) -> list[Passage]:
    """The passages that share most with the question, a word counting the more the rarer it is."""
    if len(found) <= most:
        return found
    held = [frozenset(words(passage.text)) for passage in found]
    counts = Counter(word for one in held for word in one)
    rare = {word: math.log(len(found) / counts[word]) for word in set(words(question)) if word in counts}
    order = sorted(range(len(found)), key=lambda place: -sum(rare[word] for word in rare if word in held[place]))
    return [found[place] for place in order[:most]]


def main() -> int:
    """Print the best answers, each with its file and its sentence. Returns 1 if none is good enough."""
    parser = argparse.ArgumentParser(description="Ask a folder of documents a question.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("question")
    parser.add_argument("--model", help="folder, .tar.gz or Hub id (default: the embedded model)")
    parser.add_argument("--top-k", type=int, default=3, help="number of answers (default: 3)")
    parser.add_argument("--min-score", type=float, default=0.001, help="leave out answers below it (default: 0.001)")
    options = parser.parse_args()

    found = best(options.question, list(passages(options.folder)))
    if not found:
        sys.exit(f"{options.folder} has no .txt, .md, .html or .pdf file with text.")
    with mooring.open(options.model) as model:
        answers = model(question=options.question, contexts=[one.text for one in found], top_k=options.top_k)
    shown = [one for one in (answers if isinstance(answers, list) else [answers]) if one["score"] >= options.min_score]
    for one in shown:
        passage = found[one["context_index"]]
        start = passage.text.rfind(". ", 0, one["start"]) + 1
        end = passage.text.find(". ", one["end"])
        sentence = " ".join(passage.text[start : end + 1 if end >= 0 else None].split())
        print(f"{one['score']:.3f}  {one['answer']}  ({passage.file.name})\n       {sentence}")
    if not shown:
        print(f"No answer with a score of at least {options.min_score}.")
    return 0 if shown else 1


if __name__ == "__main__":
    sys.exit(main())
