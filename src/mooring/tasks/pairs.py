"""Fit a text or a pair of texts into one window. Shared by the tasks of sequence heads, which cannot split a text."""

from mooring.backends.base import Window
from mooring.errors import PayloadTooLarge
from mooring.tasks.texts import Fit, ending, too_long
from mooring.tasks.windows import longest_first
from mooring.tokenization.text import Ids, TextTokenizer


def fitted(tokenizer: TextTokenizer, fit: Fit, which: str, first: Ids, second: Ids | None) -> tuple[Window, bool]:
    """The window, and whether some of the text is not in it; the longer text of a pair is cut first.

    `which` names the text in the error, e.g. "Text 2". Raises PayloadTooLarge if it may not be cut.
    """
    # Counted before the window is made: a text may be much longer than a window.
    specials = (tokenizer.frame if second is None else tokenizer.template).specials
    length = specials + len(first) + (0 if second is None else len(second))
    if length <= fit.longest:
        return Window(*tokenizer.framed_ids(first, second)), False
    if not fit.truncate:
        raise too_long(which, length, fit)
    if second is None:
        first = ending(first, max(0, fit.longest - tokenizer.frame.specials), fit)
    else:
        room = max(0, fit.longest - tokenizer.template.specials)
        left, right = longest_first(len(first), len(second), room)
        first, second = ending(first, left, fit), ending(second, right, fit)
    return Window(*tokenizer.framed_ids(first, second)), True


def fitted_first(tokenizer: TextTokenizer, fit: Fit, which: str, first: Ids, second: Ids) -> tuple[Window, bool]:
    """As `fitted`, but only the first text is cut. Raises PayloadTooLarge also if the second leaves no room for it."""
    length = tokenizer.template.specials + len(first) + len(second)
    if length <= fit.longest:
        return Window(*tokenizer.framed_ids(first, second)), False
    if not fit.truncate:
        raise too_long(which, length, fit)
    room = fit.longest - tokenizer.template.specials - len(second)
    if room < 1:
        raise PayloadTooLarge(
            f"{which} has {length} tokens; the limit is {fit.longest}. {len(second)} of them cannot be cut.",
            hint="Shorten the labels or the hypothesis template.",
        )
    return Window(*tokenizer.framed_ids(ending(first, room, fit), second)), True
