"""What `moor serve` says: pure text from facts."""

import json
import shlex
from typing import Any

import pytest

from mooring.cli import banner
from mooring.cli.facts import gate_line, gate_of, quality_of, served_line

MODEL: dict[str, Any] = {
    "name": "minilm-squad",
    "source": "embedded",
    "task": "question-answering",
    "family": "bert",
    "precision": "int8",
    "max_seq_len": 384,
    "revision": None,
    "gate": {"metric": "f1", "passed": True, "skipped": False, "drop_upper": 0.41, "max_drop": 0.5},
    "quality": {"exact_match": 72.44, "f1": 81.56, "questions": 10570, "dataset": "dev-v1.1.json"},
}
URL = "http://127.0.0.1:8080"
BACKEND = {"threads": 2, "cpu_capabilities": ["BF16", "FP32", "INT8"], "int8": "VNNI"}


def test_one_glance_says_what_how_and_where() -> None:
    """Model, task, precision with its proof, cores, address."""
    assert dict(banner.facts(MODEL, BACKEND, URL, "127.0.0.1")) == {
        "model": "minilm-squad, embedded in Mooring",
        "task": "question-answering, bert, windows of 384 tokens",
        "precision": "int8, accuracy check passed (at most 0.41 F1 below fp32), "
        "exact match 72.4 and F1 81.6 on dev-v1.1.json",
        "cpu": "2 threads, int8 (VNNI) and bf16 supported",
        "address": "http://127.0.0.1:8080",
    }


def test_a_hub_model_shows_its_revision_and_a_folder_its_path() -> None:
    """What was named is shown where the name alone does not tell."""
    hub = {**MODEL, "name": "org/qa", "source": "org/qa", "revision": "0123456789abcdef", "gate": None, "quality": None}
    rows = dict(banner.facts(hub, {}, URL, "127.0.0.1"))
    assert rows["model"] == "org/qa, revision 0123456789ab"
    assert rows["precision"] == "int8"
    assert "computing" not in rows
    folder = {**hub, "name": "qa", "source": "./models/qa", "revision": None}
    assert dict(banner.facts(folder, {}, URL, "127.0.0.1"))["model"] == "qa (./models/qa)"


EXAMPLE = {"inputs": {"question": "Whose is it?", "context": "It's Ada's."}}


def test_listening_everywhere_is_said() -> None:
    """Others on the network can ask too, which may not be meant."""
    assert dict(banner.facts(MODEL, {}, URL, "0.0.0.0"))["address"] == "http://127.0.0.1:8080, on every interface"


def test_the_curl_line_is_one_shell_command_with_a_whole_request() -> None:
    """Quoted so that it survives a copy into a shell."""
    command = shlex.split(banner.trial(URL, EXAMPLE))
    assert command[:3] == ["curl", "-s", "http://127.0.0.1:8080/invocations"]
    assert command[3:5] == ["-H", "Content-Type: application/json"]
    assert json.loads(command[6]) == EXAMPLE


def test_without_a_terminal_the_text_is_plain(capsys: pytest.CaptureFixture[str]) -> None:
    """No escape sequences in a container's log; warnings come first."""
    banner.show(banner.facts(MODEL, BACKEND, URL, "127.0.0.1"), "curl …", ("Something is odd.",))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "warning     Something is odd."
    assert lines[2] == "  model      minilm-squad, embedded in Mooring"
    assert not any("\x1b" in line for line in lines)
    assert lines[-1] == "  try        curl …"


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        (None, ""),
        ({"skipped": True}, "accuracy not checked (--no-gate)"),
        ({"passed": True, "metric": "agreement", "drop_upper": 3.0, "max_drop": 5.0},
         "accuracy check passed (at most 3.00 agreement below fp32)"),
        ({"passed": False, "drop_upper": None, "max_drop": 0.5}, "accuracy check failed"),
    ],
)  # fmt: skip
def test_the_gate_in_a_few_words(gate: object, said: str) -> None:
    """A model that was not compared with fp32 says so wherever it is shown."""
    assert gate_line(gate) == said


GATE = {"passed": True, "drop_upper": 0.2, "max_drop": 0.5, "narrow": {"passed": False, "drop_upper": 0.9}}


@pytest.mark.parametrize(
    ("precision", "rewritten", "said"),
    [
        ("int8", "none", "accuracy check passed (at most 0.20 F1 below fp32)"),
        ("int8", "pointwise", "accuracy check failed (up to 0.90 F1 below fp32)"),
        ("fp32", "apart", ""),
    ],
)
def test_the_gate_is_that_of_what_is_computed_here(precision: str, rewritten: str, said: str) -> None:
    """With AVX2 alone int8 has fewer levels, and a gate of its own; in floating point there was none to pass."""
    model = {"precision": precision, "weights_dtype": "I8", "gate": {"metric": "f1", **GATE}}
    assert gate_line(gate_of({"model": model, "backend": {"rewritten": rewritten}})) == said


def test_levels_that_nobody_judged_have_no_gate_to_show() -> None:
    """An older artefact, computed in int8 on a CPU with AVX2 alone since somebody asked for it."""
    backend = {"rewritten": "pointwise"}
    model = {"precision": "int8", "weights_dtype": "I8", "gate": {**GATE, "narrow": None}}
    assert gate_of({"model": model, "backend": backend}) is None
    skipped = {**model, "gate": {"skipped": True}}
    assert gate_line(gate_of({"model": skipped, "backend": backend})) == "accuracy not checked (--no-gate)"


@pytest.mark.parametrize(
    ("precision", "rewritten", "em", "found"),
    [
        ("int8", "none", 63.0, (64.0, 75.0)),
        ("int8", "pointwise", 63.0, (63.0, 74.0)),
        ("int8", "pointwise", None, None),
        ("fp32", "apart", 63.0, None),
    ],
)
def test_em_and_f1_are_of_what_is_computed_here(
    precision: str, rewritten: str, em: float | None, found: tuple[float, float] | None
) -> None:
    """Or nothing is said: they were measured with other levels, or with levels at all."""
    narrow = {"figures": em and {"exact_match": em, "f1": 74.0}, "candidate": 74.0, "passed": True}
    model = {
        "precision": precision,
        "weights_dtype": "I8",
        "gate": {**GATE, "narrow": narrow},
        "quality": {"exact_match": 64.0, "f1": 75.0, "dataset": "dev"},
    }
    quality = quality_of({"model": model, "backend": {"rewritten": rewritten}})
    assert quality == (found and {"exact_match": found[0], "f1": found[1], "dataset": "dev"})


def test_what_was_built_for_bf16_keeps_its_gate() -> None:
    """It was judged as it is computed."""
    model = {"precision": "bf16", "weights_dtype": "F16", "gate": GATE}
    assert gate_of({"model": model}) == GATE


def test_a_figure_says_what_it_was_made_with() -> None:
    """Also where a server that is not ours says nothing of itself."""
    assert served_line({"url": "http://h:1/x"}) == "http://h:1/x"
    assert served_line({"model": {"name": "m", "precision": "int8", "gate": {"skipped": True}}}) == (
        "m, int8, accuracy not checked (--no-gate)"
    )
