"""Turn texts into token ids with their offsets, and frame them with special tokens.

Each text is tokenized alone and windows are assembled from the pieces (`tasks/windows.py`), so a context is tokenized
once, however many windows and questions it has.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from mooring.errors import InvalidRequest, ModelInvalid, echo

Ids = npt.NDArray[np.int32]

# The library's own thread pool would compete with the engine for cores.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

NO_WORD = -1
LONG_TEXT = 8192
"""Characters from which a text is tokenized without the interpreter's lock, which takes 0.02 ms more."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """One text, tokenized without special tokens. n tokens; n may be 0 for a text of control characters only."""

    ids: Ids
    """[n]."""
    places: npt.NDArray[np.int32]
    """[n, 2]: start and end (exclusive) of each token, in characters."""
    words: npt.NDArray[np.int32]
    """[n]: the word index of each token, ascending; `NO_WORD` if the tokenizer has none."""

    def __len__(self) -> int:
        return len(self.ids)

    def part(self, first: int, count: int) -> "Tokens":
        """`count` tokens from `first` on."""
        end = first + count
        return Tokens(self.ids[first:end], self.places[first:end], self.words[first:end])


@dataclass(frozen=True, slots=True)
class Frame:
    """The special tokens around a single text: before + text + after."""

    before: Ids
    after: Ids
    segment: int = 0
    """Segment of all tokens."""

    @property
    def specials(self) -> int:
        """Number of special tokens in a window."""
        return len(self.before) + len(self.after)


@dataclass(frozen=True, slots=True)
class Template:
    """The special tokens of a pair of texts: before + first + between + second + after."""

    before: Ids
    between: Ids
    after: Ids
    first_type: int
    """Segment of all tokens up to and including `between`."""
    second_type: int
    """Segment of the tokens after `between`."""

    @property
    def specials(self) -> int:
        """Number of special tokens in a window."""
        return len(self.before) + len(self.between) + len(self.after)

    @property
    def ids(self) -> frozenset[int]:
        """Ids of the special tokens."""
        return frozenset(np.concatenate((self.before, self.between, self.after)).tolist())


@dataclass(frozen=True, slots=True)
class Habits:
    """How texts become windows, beyond the `tokenizers` library's own settings."""

    cls_id: int | None = None
    """The token that stands for "no answer"; it takes part in every softmax."""
    segments: bool = True
    """Whether the second text may have another segment than the first."""
    from_left: bool = False
    """Whether windows are counted from the end of the text (`truncation_side: left`)."""
    unk_id: int | None = None
    """The unknown token."""
    mask_id: int | None = None
    pad_id: int | None = None
    clean_up: bool = False
    """Whether decoding removes spaces before punctuation (`clean_up_tokenization_spaces`)."""


@dataclass(frozen=True)
class TextTokenizer:
    """Tokenize texts. Thread-safe."""

    tokenizer: Tokenizer
    habits: Habits
    frame: Frame
    template: Template
    beyond: Mapping[int, str] = field(default_factory=dict)
    """Added tokens without an embedding, by id."""
    warnings: tuple[str, ...] = ()
    """Warnings for the operator."""

    @property
    def cls_id(self) -> int | None:
        """See `Habits.cls_id`."""
        return self.habits.cls_id

    def encode(self, text: str) -> Tokens:
        """Tokenize one text. Raises InvalidRequest for invalid Unicode, or for tokens that the model lacks."""
        try:
            if len(text) < LONG_TEXT:
                encoding = self.tokenizer.encode(text, add_special_tokens=False)
            else:
                # `encode` would hold the interpreter's lock, and with it the event loop, for a second per megabyte.
                [encoding] = self.tokenizer.encode_batch([text], add_special_tokens=False)
        except TypeError as error:
            raise InvalidRequest(
                "the text contains an unpaired surrogate, which is not a valid character.",
                hint="Send it as valid UTF-8.",
            ) from error
        except BaseException as error:  # Boundary: the library, for texts that its model cannot encode.
            if not is_fault(error):
                raise
            raise InvalidRequest(f"the model's tokenizer cannot encode the text: {str(error)[:200]}.") from error
        found = encoding.ids
        if self.beyond:
            self._refuse_beyond(found)
        ids = np.array(found, np.int32)
        words = encoding.word_ids
        if None in words:
            words = [NO_WORD if word is None else word for word in words]
        places = np.array(encoding.offsets, np.int32).reshape(len(ids), 2)
        return Tokens(ids, places, np.array(words, np.int32))

    def ids_of(self, texts: Sequence[str]) -> list[Ids]:
        """The ids of each text, without special tokens or offsets, in one call of the library. Raises as `encode`."""
        try:
            found = self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        except BaseException as error:  # Boundary: one of the texts is at fault; find out which and why.
            if not is_fault(error):
                raise
            return [self.encode(text).ids for text in texts]
        if self.beyond:
            for one in found:
                self._refuse_beyond(one.ids)
        return [np.array(one.ids, np.int32) for one in found]

    def framed_ids(self, ids: Ids, pair: Ids | None = None) -> tuple[Ids, Ids]:
        """As `framed`, for the ids alone."""
        if pair is not None:
            return self._framed_pair(ids, pair)
        framed = np.concatenate((self.frame.before, ids, self.frame.after))
        return framed, np.full(len(framed), self.frame.segment, np.int32)

    def framed(self, text: Tokens, pair: Tokens | None = None) -> tuple[Ids, Ids]:
        """Token ids and segments, [length] each, of a text or a pair of texts with special tokens."""
        return self.framed_ids(text.ids, None if pair is None else pair.ids)

    def _framed_pair(self, ids: Ids, pair: Ids) -> tuple[Ids, Ids]:
        template = self.template
        framed = np.concatenate((template.before, ids, template.between, pair, template.after))
        segments = np.full(len(framed), template.first_type, np.int32)
        segments[len(framed) - len(template.after) - len(pair) :] = template.second_type
        return framed, segments

    def _refuse_beyond(self, ids: list[int]) -> None:
        number = next((number for number in ids if number in self.beyond), None)
        if number is not None:
            raise InvalidRequest(
                f"the text contains the token {echo(self.beyond[number])} (id {number}), which has no embedding in the "
                "model.",
                hint="Remove it from the text.",
            )


def is_fault(error: BaseException) -> bool:
    """Whether an error is one of the `tokenizers` library: a bare Exception, or a panic, which is not an Exception."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def frame_of(tokenizer: Tokenizer, habits: Habits) -> Frame:
    """Determined by encoding a sample text. Raises ModelInvalid if the tokenizer drops it or fails."""
    try:
        framed = tokenizer.encode("a")
    except BaseException as error:  # Boundary: see `is_fault`.
        if not is_fault(error):
            raise
        raise ModelInvalid(f"The tokenizer cannot encode a sample text: {str(error)[:200]}.", hint=_OWN) from error
    sides = framed.sequence_ids
    if 0 not in sides:
        raise ModelInvalid("The tokenizer's post_processor drops the text.", hint=_OWN)
    ids, first = np.array(framed.ids, np.int32), sides.index(0)
    segment = framed.type_ids[first] if habits.segments else 0
    return Frame(ids[:first], ids[first + sides.count(0) :], segment)


def template_of(tokenizer: Tokenizer, habits: Habits) -> Template:
    """Determined by encoding a sample pair: tokens of neither text are the frame.

    Raises ModelInvalid if the tokenizer drops one of the texts or fails.
    """
    try:
        framed = tokenizer.encode("a", "b")
    except BaseException as error:  # Boundary: see `is_fault`.
        if not is_fault(error):
            raise
        raise ModelInvalid(f"The tokenizer cannot encode a sample text: {str(error)[:200]}.", hint=_OWN) from error
    sides = framed.sequence_ids
    texts = [side for side in sides if side is not None]
    if set(texts) != {0, 1} or texts != sorted(texts):
        raise ModelInvalid(
            "The tokenizer cannot encode a pair of texts: its post_processor drops one of them.", hint=_OWN
        )
    if max(framed.ids) > np.iinfo(np.int32).max:
        raise ModelInvalid(
            f"The tokenizer has a token with id {max(framed.ids)}, which is beyond any vocabulary.", hint=_OWN
        )
    ids, types = np.array(framed.ids, np.int32), framed.type_ids if habits.segments else [0] * len(framed.ids)
    first, second = sides.index(0), sides.index(1)
    first_end, second_end = first + sides.count(0), second + sides.count(1)
    parts = (ids[:first], ids[first_end:second], ids[second_end:])
    return Template(*parts, first_type=types[first], second_type=types[second])


_OWN = "Use tokenizer.json from the model's own repository."
