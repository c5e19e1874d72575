"""A model folder's tokenizer in, text as token ids with their places in the text out. The only importer of tokenizers.

Made by `wiring/`, used by `question_answering.py`. Each text is tokenised by itself and windows are put together from
the pieces (`windows.py`): that way a context is tokenised once, however many windows and questions it has.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from mooring.backends.base import Ids
from mooring.errors import InvalidRequest, ModelIncomplete, ModelInvalid, echo
from mooring.model.config import TOKENIZER_CONFIG_FILE, TOKENIZER_FILE, VOCAB_FILE, read_json

NO_WORD = -1


@dataclass(frozen=True, slots=True)
class Tokens:
    """One text, tokenised without special tokens. n tokens; n may be 0 for a text of control characters alone."""

    ids: Ids
    """[n]."""
    places: npt.NDArray[np.int32]
    """[n, 2]: each token's first character in the text, and the one after its last."""
    words: npt.NDArray[np.int32]
    """[n]: which word each token belongs to, ascending; `NO_WORD` where the tokenizer knows none."""

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Template:
    """What a pair of texts is put together with: before + first + between + second + after."""

    before: Ids
    between: Ids
    after: Ids
    first_type: int
    """`token_type_ids` of everything up to and with `between`."""
    second_type: int
    """And of what follows."""

    @property
    def specials(self) -> int:
        """Special tokens in a window."""
        return len(self.before) + len(self.between) + len(self.after)


class PairTokenizer:
    """Safe to call from several threads. One text a call: the library's own thread pool, which would fight the engine
    for the cores, works on lists of texts only."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Raises ModelInvalid if the tokenizer does not frame a pair of texts."""
        # A folder's tokenizer.json often has both on, at the lengths of some training run.
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self.template = _template(tokenizer)
        self.cls_id = int(self.template.before[0]) if len(self.template.before) else None
        """The token at which a model may put "no answer"; None if windows do not begin with a special token."""

    def encode(self, text: str) -> Tokens:
        """Tokenise one text. Raises InvalidRequest for a text that is not Unicode (a lone surrogate)."""
        try:
            encoding = self._tokenizer.encode(text, add_special_tokens=False)
        except TypeError as error:
            raise InvalidRequest(
                "the text holds half of a surrogate pair, which is no character.", hint="Send it as valid UTF-8."
            ) from error
        ids = np.array(encoding.ids, np.int32)
        words = encoding.word_ids
        if None in words:
            words = [NO_WORD if word is None else word for word in words]
        places = np.array(encoding.offsets, np.int32).reshape(len(ids), 2)
        return Tokens(ids, places, np.array(words, np.int32))


def load_tokenizer(folder: Path, *, vocab_size: int | None = None, lower_case: bool = True) -> PairTokenizer:
    """The tokenizer of `tokenizer.json`, or else a WordPiece one over `vocab.txt`.

    `vocab_size` is the model's number of embeddings: a tokenizer with more tokens belongs to another model. Raises
    ModelIncomplete or ModelInvalid.
    """
    if (folder / TOKENIZER_FILE).is_file():
        tokenizer = _from_json(folder / TOKENIZER_FILE)
    elif (folder / VOCAB_FILE).is_file():
        tokenizer = _from_vocabulary(folder)
    else:
        raise ModelIncomplete(
            f"The model folder {echo(str(folder))} has no tokenizer.",
            missing=(f"{TOKENIZER_FILE} (or {VOCAB_FILE})",),
            hint=f"Put its {TOKENIZER_FILE} there.",
        )
    _set_case(tokenizer, lower_case)
    if vocab_size is not None and (size := tokenizer.get_vocab_size(with_added_tokens=True)) > vocab_size:
        raise ModelInvalid(
            f"The tokenizer has {size} tokens, the model embeddings for {vocab_size}.",
            hint="The tokenizer is of another model; take both from the same revision.",
        )
    return PairTokenizer(tokenizer)


def _from_json(path: Path) -> Tokenizer:
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exceptions
        raise ModelInvalid(
            f"{path.name} in {echo(str(path.parent))} cannot be read: {str(error)[:200]}.",
            hint="Download or copy the file again.",
        ) from error


def _from_vocabulary(folder: Path) -> Tokenizer:
    """As transformers makes one from a bare `vocab.txt`."""
    config = read_json(folder / TOKENIZER_CONFIG_FILE) if (folder / TOKENIZER_CONFIG_FILE).is_file() else {}
    path = folder / VOCAB_FILE
    try:
        words = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ModelInvalid(f"{VOCAB_FILE} in {echo(str(folder))} is not UTF-8 (byte {error.start}).") from error
    unknown, sep, cls, *others = (_token(config, name, usual) for name, usual in _SPECIALS.items())
    specials = [unknown, sep, cls, *others]
    if absent := [token for token in specials if token not in words]:
        raise ModelInvalid(f"{VOCAB_FILE} in {echo(str(folder))} lacks the special tokens {', '.join(absent)}.")
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=unknown))
    tokenizer.add_special_tokens(specials)
    tokenizer.normalizer = normalizers.BertNormalizer(
        handle_chinese_chars=bool(config.get("tokenize_chinese_chars", True)), strip_accents=config.get("strip_accents")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing((sep, vocabulary[sep]), (cls, vocabulary[cls]))
    return tokenizer


_SPECIALS = {
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "cls_token": "[CLS]",
    "pad_token": "[PAD]",
    "mask_token": "[MASK]",
}


def _token(config: dict[str, Any], name: str, usual: str) -> str:
    """A special token, which is written as a string or as an object with `content`."""
    stated = config.get(name, usual)
    content = stated.get("content", usual) if isinstance(stated, dict) else stated
    return content if isinstance(content, str) else usual


def _set_case(tokenizer: Tokenizer, lower_case: bool) -> None:
    """tokenizer_config.json's `do_lower_case` wins over tokenizer.json, as in transformers."""
    normalizer = tokenizer.normalizer
    if isinstance(normalizer, normalizers.BertNormalizer) and normalizer.lowercase != lower_case:
        normalizer.lowercase = lower_case


def _template(tokenizer: Tokenizer) -> Template:
    """Found by framing a pair: what belongs to neither text is the frame."""
    framed = tokenizer.encode("a", "b")
    sides = framed.sequence_ids
    texts = [side for side in sides if side is not None]
    if set(texts) != {0, 1} or texts != sorted(texts):
        raise ModelInvalid(
            "The tokenizer cannot put a question and a context together: its post-processor does not keep both.",
            hint="Take tokenizer.json from the model's own repository.",
        )
    ids, types = np.array(framed.ids, np.int32), framed.type_ids
    first, second = sides.index(0), sides.index(1)
    first_end, second_end = first + sides.count(0), second + sides.count(1)
    return Template(ids[:first], ids[first_end:second], ids[second_end:], types[first], types[second])
