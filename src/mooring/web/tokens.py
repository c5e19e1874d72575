"""Tokenize texts and decode token ids, without running the model. Used by `protocols/tei.py`."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from mooring.engine.job import deadline_exceeded
from mooring.errors import InvalidRequest, NotOffered, PayloadTooLarge, echo
from mooring.tokenization.text import TextTokenizer
from mooring.web.asking import Answer, Asking
from mooring.web.encode import encode
from mooring.web.json_object import engine_of, read_object, texts, typed
from mooring.web.media import JSON
from mooring.web.reply import Reply
from mooring.web.wire import Asks

MOST_CHARACTERS = 1 << 18
"""Characters of one request to tokenize."""
MOST_IDS = 1 << 18
"""Token ids of one request to decode."""
AT_ONCE = 2
"""Large requests computed at the same time: each takes a core for seconds and up to hundreds of megabytes."""

# A thread cannot be cancelled: one whose request has ended must still count, as it does in a pool.
_POOL = ThreadPoolExecutor(AT_ONCE, "moor-tokens")


class TokenizeRequest(msgspec.Struct):
    """Texts to tokenize."""

    inputs: str | Annotated[list[str], Meta(min_length=1)]
    add_special_tokens: bool = True


class Token(msgspec.Struct):
    """A token."""

    id: int
    text: str
    """The part of the text, or the special token's name."""
    special: bool
    start: int | None
    """In characters; None for a special token that was added."""
    stop: int | None


Tokens = list[list[Token]]

Id = Annotated[int, Meta(ge=0)]


class DecodeRequest(msgspec.Struct):
    """Token ids to decode: of one text or of several."""

    ids: Annotated[list[Id | list[Id]], Meta(min_length=1)]
    skip_special_tokens: bool = True


def tokenize(tokenizer: TextTokenizer, body: Any, most: int) -> list[msgspec.Raw]:
    """Tokens of each text, as JSON. Raises InvalidRequest, or PayloadTooLarge for more than `most` texts."""
    if body.get("inputs") is None:
        raise InvalidRequest("missing `inputs`.", hint='Send {"inputs": "…"}.')
    texts(body["inputs"], "/inputs")
    wanted = typed(body, TokenizeRequest)
    found = [wanted.inputs] if isinstance(wanted.inputs, str) else wanted.inputs
    _check_count(len(found), most, "texts")
    _check_count(sum(map(len, found)), MOST_CHARACTERS, "characters")
    # Written one by one: as objects, the tokens of all texts would take several times the memory.
    return [msgspec.Raw(encode(JSON, _tokens(tokenizer, one, special=wanted.add_special_tokens))) for one in found]


def _tokens(tokenizer: TextTokenizer, text: str, *, special: bool) -> list[Token]:
    encoded = tokenizer.encode(text)
    own = [
        Token(number, text[start:stop], False, start, stop)
        for number, (start, stop) in zip(encoded.ids.tolist(), encoded.places.tolist(), strict=True)
    ]
    if not special:
        return own
    frame = tokenizer.frame
    return [*_special(tokenizer, frame.before), *own, *_special(tokenizer, frame.after)]


def _special(tokenizer: TextTokenizer, ids: Any) -> list[Token]:
    names = ((number, tokenizer.tokenizer.id_to_token(number) or "") for number in ids.tolist())
    return [Token(number, name, True, None, None) for number, name in names]


def decode(tokenizer: TextTokenizer, body: Any, most: int) -> list[str]:
    """The text of each list of ids. Raises InvalidRequest, or PayloadTooLarge for more than `most` lists."""
    given = body.get("ids")
    if not isinstance(given, list) or not given:
        raise InvalidRequest(f"expected a list of token ids, found {echo(given)}.", pointer="/ids")
    several = isinstance(given[0], list)
    found: list[Any] = given if several else [given]
    _check_count(len(found), most, "texts")
    _check_count(sum(len(ids) for ids in found if isinstance(ids, list)), MOST_IDS, "token ids")
    size = tokenizer.tokenizer.get_vocab_size()
    for place, ids in enumerate(found):
        _check_ids(ids, f"/ids/{place}" if several else "/ids", size)
    special = typed({**body, "ids": [0]}, DecodeRequest).skip_special_tokens
    return [tokenizer.tokenizer.decode(ids, skip_special_tokens=special) for ids in found]


def _check_ids(ids: object, at: str, size: int) -> None:
    if not isinstance(ids, list):
        raise InvalidRequest(f"expected a list of token ids, found {echo(ids)}.", pointer=at)
    for place, number in enumerate(ids):
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < size:
            raise InvalidRequest(
                f"{echo(number)} is not a token id of this model: 0 to {size - 1}.", pointer=f"{at}/{place}"
            )


def _check_count(count: int, most: int, what: str) -> None:
    if count > most:
        raise PayloadTooLarge(
            f"The request has {count} {what}; the limit is {most}.", hint="Split it into several requests."
        )


def _begin(work: Callable[[TextTokenizer, Any, int], object]) -> Asks:
    def begin(asking: Asking) -> Answer:
        tokenizer = engine_of(asking).tokenizer
        if tokenizer is None:
            raise NotOffered("This model has no tokenizer.")
        most = asking.limits.max_records

        def answered(body: bytes) -> bytes:
            return encode(JSON, work(tokenizer, read_object(body), most))

        async def answer(body: bytes) -> Reply:
            if len(body) <= asking.limits.thread_bytes // 16:
                return Reply(answered(body), JSON)
            deadline_s = asking.limits.deadline_s
            working = asyncio.get_running_loop().run_in_executor(_POOL, answered, body)
            try:
                return Reply(await asyncio.wait_for(working, deadline_s), JSON)
            except TimeoutError:
                raise deadline_exceeded(deadline_s) from None

        return answer

    return Asks(begin)


tokenizing = _begin(tokenize)
decoding = _begin(decode)
