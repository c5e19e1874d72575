"""Which files are pickled weights, and that the conversion command which is printed is one that works."""

import shlex

import pytest

from mooring.model.pickles import conversion_command, pickled_weights, unsafe_weights


def test_pickled_weights_are_known_by_name() -> None:
    """PyTorch's files are, training leftovers and OpenVINO's .bin are not."""
    names = ["pytorch_model.bin", "a.pt", "b.pth", "c.pkl", "d.ckpt", "model.safetensors", "training_args.bin"]
    assert pickled_weights([*names, "openvino_model.bin"]) == ("a.pt", "b.pth", "c.pkl", "d.ckpt", "pytorch_model.bin")


def test_the_conversion_is_one_python_command() -> None:
    """The command survives the shell and is valid Python that unpickles tensors only."""
    words = shlex.split(conversion_command(("one.bin", "two.bin")))
    assert words[:2] == ["python", "-c"]
    compile(words[2], "command", "exec")
    assert "weights_only=True" in words[2]


def test_on_the_hub_the_first_way_out_is_another_revision() -> None:
    """For a Hub id the hint names revisions; long lists of files are cut."""
    error = unsafe_weights("org/x", tuple(f"{n}.bin" for n in range(5)), hub=True)
    assert "--revision" in error.hint
    assert "0.bin, 1.bin, 2.bin and 2 more" in error.message


@pytest.mark.parametrize("hub", [True, False])
def test_the_reason_is_always_said(hub: bool) -> None:
    """Whoever is refused learns why."""
    assert "can run arbitrary code" in unsafe_weights("x", ("a.bin",), hub=hub).message
