"""Write the tables of docs/clients.md: which client does what, and what fails, with versions.

Reads .work/seen.json, which `make test-sdk` writes from the tests that passed. `--check` reads only the page, without
running anything: it exits with 1 unless every client and every task is there.

python scripts/clients_page.py [--check]
"""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mooring.tasks import TASKS

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "clients.md"
SEEN = ROOT / ".work" / "seen.json"
BEGIN = "<!-- Written by `make test-sdk` from the tests that passed; do not change it by hand. -->"
END = "<!-- End of the generated part. -->"
CLIENTS = ("huggingface_hub", "@huggingface/inference", "openai", "curl")
"""Those with a column of their own."""
LIBRARIES = (
    "cohere",
    "cohere-haystack",
    "haystack-ai",
    "huggingface-api-haystack",
    "jina-haystack",
    "langchain-openai",
    "litellm",
    "llama-index-embeddings-openai",
    "llama-index-embeddings-openai-like",
    "llama-index-embeddings-text-embeddings-inference",
    "llama-index-postprocessor-jinaai-rerank",
    "llama-index-postprocessor-tei-rerank",
    "tritonclient",
)
VERSION = r"\d+\.\d+[\w.]*"
FAILS = """\
These fail:

| package | call | error |
| --- | --- | --- |
"""


def main() -> None:
    """Write the page, or check it."""
    text = PAGE.read_text(encoding="utf-8")
    if "--check" in sys.argv[1:]:
        if wrong := faults(text):
            sys.exit(f"docs/clients.md: {'; '.join(wrong)}. Run make test-sdk.")
        return
    if not SEEN.exists():
        sys.exit(f"{SEEN} not found. Run make test-sdk first.")
    seen = json.loads(SEEN.read_text(encoding="utf-8"))
    if lacking := [name for name in (*CLIENTS, *LIBRARIES) if not seen.get(name, {}).get("did")]:
        shown = ", ".join(lacking)
        print(f"docs/clients.md is unchanged: no results for {shown}. make test-sdk needs npm for all tests.")
        return
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n\n{tables(seen)}\n\n{END}{after}", encoding="utf-8")
    print(PAGE.relative_to(ROOT))


def tables(seen: Mapping[str, Any]) -> str:
    """All three of them."""
    lines = [
        "| task | " + " | ".join(f"{name} {seen[name]['version']}" for name in CLIENTS) + " |",
        "| --- |" + " --- |" * len(CLIENTS),
    ]
    for task in TASKS:
        cells = [", ".join(f"`{call}`" for call in seen[name]["did"].get(task, [])) for name in CLIENTS]
        lines.append("| " + " | ".join([task, *cells]).replace("  ", " ") + " |")
    lines += ["", "| package | task | call |", "| --- | --- | --- |"]
    for name in sorted(seen.keys() - set(CLIENTS)):
        for task in sorted(seen[name]["did"]):
            lines += [f"| {name} {seen[name]['version']} | {task} | `{call}` |" for call in seen[name]["did"][task]]
    lines += ["", *FAILS.splitlines()]
    for name in sorted(seen):
        cannot = sorted(seen[name]["cannot"].items())
        lines += [f"| {name} {seen[name]['version']} | `{call}` | {error} |" for call, error in cannot]
    return "\n".join(lines)


def faults(text: str) -> list[str]:
    """What the page lacks; empty if nothing."""
    part = text.partition(BEGIN)[2].partition(END)[0]
    rows = [line.split(" | ") for line in part.splitlines() if line.startswith("| ")]
    first = [row[0].removeprefix("| ") for row in rows]
    heads = re.escape("| task | ") + re.escape(" | ").join(f"{re.escape(name)} {VERSION}" for name in CLIENTS)
    wrong = [] if re.search(rf"^{heads} \|$", part, re.MULTILINE) else [f"no columns {', '.join(CLIENTS)}"]
    wrong += [f"no row for {task}" for task in TASKS if task not in first]
    named = [
        name for name in LIBRARIES if not any(re.fullmatch(rf"{re.escape(name)} {VERSION}", cell) for cell in first)
    ]
    return wrong + [f"nothing about {name}" for name in named]


if __name__ == "__main__":
    main()
