"""Read the words with which fill-mask may replace a mask."""

from mooring.errors import InvalidRequest, PayloadTooLarge, echo
from mooring.tasks.body import kind
from mooring.tokenization.text import TextTokenizer

MOST_TARGETS = 1000
LONGEST_TARGET = 1000
"""Characters: a target is a word."""


def read_targets(value: object, at: str) -> tuple[str, ...]:
    """Read a word or a list of words. Raises InvalidRequest or PayloadTooLarge."""
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list):
        raise InvalidRequest(f"expected a word or a list of words, found {kind(value)}: {echo(value)}.", pointer=at)
    if not listed:
        raise InvalidRequest("the list is empty.", pointer=at, hint="Name at least one target, or leave it out.")
    if len(listed) > MOST_TARGETS:
        raise PayloadTooLarge(
            f"The request has {len(listed):,} targets; the limit is {MOST_TARGETS:,}.",
            hint="Send fewer, or leave them out and use top_k.",
        )
    for place, target in enumerate(listed):
        if isinstance(target, str) and len(target) > LONGEST_TARGET:
            raise InvalidRequest(
                f"{len(target):,} characters exceed the limit of {LONGEST_TARGET:,}.", pointer=f"{at}/{place}"
            )
        if not isinstance(target, str) or not target:
            where = at if isinstance(value, str) else f"{at}/{place}"
            what = "the target is empty." if target == "" else f"expected a word, found {kind(target)}: {echo(target)}."
            raise InvalidRequest(what, pointer=where)
    return tuple(listed)


def ids_of_targets(
    tokenizer: TextTokenizer, targets: tuple[str, ...] | None, vocabulary: int
) -> tuple[int, ...] | None:
    """The ids of the targets, ascending. One that is not a token stands for the first of its tokens.

    None means the whole vocabulary. Raises InvalidRequest.
    """
    if targets is None:
        return None
    found = set()
    for place, target in enumerate(targets):
        number = tokenizer.tokenizer.token_to_id(target)
        if number is None:
            tokens = tokenizer.encode(target)
            if not len(tokens):
                raise InvalidRequest(f"{echo(target)} has no tokens.", pointer=f"/parameters/targets/{place}")
            number = int(tokens.ids[-1 if tokenizer.habits.from_left else 0])
        if number >= vocabulary:
            raise InvalidRequest(
                f"the token {echo(target)} (id {number}) has no embedding in the model.",
                pointer=f"/parameters/targets/{place}",
            )
        found.add(number)
    return tuple(sorted(found))
