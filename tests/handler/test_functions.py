"""Which functions are live, and whether each wants `context`: the stock toolkit's rules."""

from types import ModuleType
from typing import Any

import pytest

from mooring.errors import HandlerError
from mooring.handler.functions import PARAMETERS, read_endpoint, read_functions


def module(text: str) -> ModuleType:
    """A module named inference."""
    found = ModuleType("inference")
    exec(text, found.__dict__)
    return found


@pytest.mark.parametrize("name", PARAMETERS)
def test_each_with_and_without_context(name: str) -> None:
    """One more parameter means that context is wanted."""
    parameters = ", ".join(PARAMETERS[name])
    arguments = (*(f"<{parameter}>" for parameter in PARAMETERS[name]), "<context>")
    for wanted, given in ((parameters, arguments[:-1]), (f"{parameters}, context", arguments)):
        functions = read_functions(module(f"def {name}({wanted}): return ({wanted},)"))
        assert functions.live == (name,)
        assert getattr(functions, name)(*arguments) == given


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def predict_fn(data): ...", r"inference\.py:1: predict_fn takes 1 parameters"),
        ("\ndef input_fn(a, b, c, d): ...", r"inference\.py:2: input_fn takes 4"),
        ("model_fn = 7", "model_fn is a int, not a function"),
        ("def transform_fn(a, b, c, d): ...\ndef input_fn(a, b): ...", "transform_fn and input_fn"),
    ],
)
def test_what_cannot_be_called_is_refused_with_how_it_would_be(text: str, said: str) -> None:
    """At the start, and not at the first request."""
    with pytest.raises(HandlerError, match=said):
        read_functions(module(text))


@pytest.mark.parametrize(
    "text",
    ["def input_fn(*args): return args", "class C:\n  def __call__(self, a, b, c): return (a, b, c)\ninput_fn = C()"],
)
def test_whatever_can_be_called_will_do(text: str) -> None:
    """Variable arguments get context too; objects count their own parameters."""
    functions = read_functions(module(text))
    assert functions.input_fn is not None
    assert functions.input_fn(1, 2, 3) == (1, 2, 3)


def test_defaults_and_keywords_do_not_count_as_context() -> None:
    """Only positional parameters do."""
    functions = read_functions(module("def input_fn(a, b, *, c=5): return (a, b, c)"))
    assert functions.input_fn is not None
    assert functions.input_fn(1, 2, "context") == (1, 2, 5)


def test_an_endpoint_handler_is_a_class() -> None:
    """Of that name."""
    found: Any = read_endpoint(module("class EndpointHandler:\n  def __call__(self, data): ..."))
    assert found.__name__ == "EndpointHandler"
    with pytest.raises(HandlerError, match="no class EndpointHandler"):
        read_endpoint(module("EndpointHandler = 3"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("async def predict_fn(d, m): ...", "predict_fn is async"),
        ("def predict_fn(d, m): yield d", "predict_fn is a generator"),
        ("async def predict_fn(d, m): yield d", "predict_fn is a generator"),
        ("class C:\n  async def __call__(self, a, b): ...\npredict_fn = C()", "predict_fn is async"),
    ],
)
def test_what_would_answer_with_no_answer_is_refused_by_name(text: str, said: str) -> None:
    """A coroutine or a generator is not a result."""
    with pytest.raises(HandlerError, match=said):
        read_functions(module(text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("class EndpointHandler: pass", "has no __call__"),
        ("class EndpointHandler:\n  async def __call__(self, data): ...", "EndpointHandler.__call__ is async"),
    ],
)
def test_an_endpoint_handler_that_cannot_be_called(text: str, said: str) -> None:
    """At the start, and not at the first request."""
    with pytest.raises(HandlerError, match=said):
        read_endpoint(module(text))
