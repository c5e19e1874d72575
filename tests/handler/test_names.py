"""Functions of user code that nobody calls are named, with what they may be meant for."""

import ast
import time

import pytest

from mooring.handler.names import KNOWN, nearest, uncalled


def said(text: str) -> list[str]:
    """The warnings on a file's text."""
    return list(uncalled("code/inference.py", ast.parse(text)))


def test_functions_of_another_contract_are_named_with_what_they_may_be() -> None:
    """Names of an older toolkit, none of which is called."""
    text = "def load_fn(d): ...\ndef preprocess_fn(b, c): ...\ndef predict(d): ...\ndef _own(): ...\nX = 1\n"
    (warning,) = said(text)
    for part in (
        "load_fn (model_fn?)",
        "preprocess_fn (input_fn?)",
        "predict (predict_fn?)",
        *KNOWN,
        "code/inference.py",
    ):
        assert part in warning
    assert "_own" not in warning
    assert "served without" in warning


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("load_model", "model_fn"),
        ("initialize", "model_fn"),
        ("preprocess", "input_fn"),
        ("inference", "predict_fn"),
        ("postprocess", "output_fn"),
        ("handle", "transform_fn"),
        ("predict_fun", "predict_fn"),
        ("inputfn", "input_fn"),
        ("mode_fn", "model_fn"),
        ("model_warmup", "model_warmup_fn"),
        ("EndPointHandler", "EndpointHandler"),
        ("softmax", None),
        ("tokenize", None),
        ("predict_fn" * 10, None),
    ],
)
def test_the_nearest_name(name: str, meant: str | None) -> None:
    """By the part that the name has elsewhere, or by its spelling; only where that is clear."""
    assert nearest(name) == meant


@pytest.mark.parametrize(
    ("text", "names"),
    [
        # Misspelt beside functions that are called.
        ("def model_fn(d): ...\ndef predict_fun(d, m): ...", ["predict_fun"]),
        ("def model_fn(d): ...\ndef predict(d, m): ...", ["predict"]),
        ("if True:\n    def model_fn(d): ...\n    def inputfn(a, b): ...", ["inputfn"]),
        # Helpers, which may have any name.
        ("def predict_fn(d, m): return predict(d)\ndef predict(d): ...", []),
        ("def predict_fn(d, m): ...\ndef normalise(d): ...", []),
        # What is meant is there, or excluded by what is.
        ("def input_fn(a, b): ...\ndef preprocess(a): ...", []),
        ("def transform_fn(a, b, c, d): ...\ndef predict(d): ...", []),
        ("def predict_fn(d, m): ...\ndef handle(d, c): ...", []),
        # What an import brings cannot be seen.
        ("from other import *\ndef predict(d): ...", []),
        ("class EndpointHandler:\n    def __call__(self, data): ...", []),
        ("def model_warmup_fn(d, m): ...", []),
    ],
)
def test_beside_functions_that_are_called(text: str, names: list[str]) -> None:
    """A warning only for what looks like one of them and is used by nothing in the file."""
    warnings = said(text)
    assert [warning.split()[2].rstrip(",") for warning in warnings] == names
    assert all("never called" in warning for warning in warnings)


def test_a_file_without_functions() -> None:
    """Also named: an empty inference.py is a mistake."""
    assert "defines no function, but none of" in said("x = 1")[0]


def test_functions_that_only_running_shows_are_known() -> None:
    """Set by code that cannot be seen through."""
    text = "globals()['predict_fn'] = print\ndef predict(d): ..."
    assert not list(uncalled("inference.py", ast.parse(text), ["predict_fn"]))


def test_a_generated_file_costs_no_time() -> None:
    """Neither many names nor long ones."""
    many = "\n".join(f"def predict_function_number_{number}(): ..." for number in range(2_000))
    long = f"def {'predict' * 5_000}(): ..."
    began = time.process_time()
    assert "and 1990 more" in said(many)[0]
    assert len(said(f"def model_fn(d): ...\n{many}\n{long}")) <= 200
    assert time.process_time() - began < 5
