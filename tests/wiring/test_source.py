"""Which model is served where a platform has one and a setting names another."""

from pathlib import Path

from mooring.settings import load_settings
from mooring.wiring.source import find_model
from tests.support.tiny_models import write_tiny_bert


def test_hf_model_id_wins_over_the_platforms_model_and_says_so(tmp_path: Path) -> None:
    """As in the stock container. The embedded model comes last."""
    platform = write_tiny_bert(tmp_path / "ml" / "model")
    other = write_tiny_bert(tmp_path / "other")
    both = {"SAGEMAKER_BASE_DIR": str(tmp_path / "ml"), "HF_MODEL_ID": str(other)}
    found = find_model(load_settings(both))
    assert found.folder == other
    (said,) = found.warnings
    assert said.startswith(f"The model in {platform} was ignored: ")
    assert said.endswith(" is set (HF_MODEL_ID or MOORING_MODEL).")
    alone = find_model(load_settings({"SAGEMAKER_BASE_DIR": str(tmp_path / "ml")}))
    assert (alone.folder, alone.warnings) == (platform, ())
    assert find_model(load_settings({})).kind == "embedded"


def test_no_warning_where_nothing_is_ignored(tmp_path: Path) -> None:
    """The setting names the platform's own folder; the folder is missing, empty or has only code."""
    other = write_tiny_bert(tmp_path / "other")
    (tmp_path / "code" / "model" / "code").mkdir(parents=True)
    (tmp_path / "empty" / "model").mkdir(parents=True)
    for base in ("none", "empty", "code"):
        environ = {"SAGEMAKER_BASE_DIR": str(tmp_path / base), "HF_MODEL_ID": str(other)}
        assert find_model(load_settings(environ)).warnings == ()
    platform = write_tiny_bert(tmp_path / "ml" / "model")
    environ = {"SAGEMAKER_BASE_DIR": str(tmp_path / "ml"), "MOORING_MODEL": f"{platform}/"}
    assert find_model(load_settings(environ)).warnings == ()
