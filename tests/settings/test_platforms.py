"""Variables of SageMaker and of the stock toolkit keep their meaning, and what they do not change is said."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.errors import UsageError, echo
from mooring.settings import BY_NAME, OPTIONS, environment_notes, load_settings

REFUSED = object()
"""The value cannot be meant; the variable is named with it."""

TIMEOUTS: dict[str, Any] = {
    "45": 45.0,
    "0.5": 0.5,
    "1e3": 1000.0,
    "100000": 86_400.0,
    "1e308": 86_400.0,
    "0": 60.0,
    "-1": 60.0,
}
MINUTES: dict[str, Any] = {
    "2": 120.0,
    "0.5": 30.0,
    "1440": 86_400.0,
    "1441": 86_400.0,
    "3600": 86_400.0,
    "2147483647": 86_400.0,
}
MINUTES |= {"0": 60.0, "+1": 60.0, "1e308": 86_400.0, "-1": REFUSED, "1h": REFUSED}
SWITCH: dict[str, Any] = {"true": True, "false": False, "1": False, "yes": False}
HUB_SWITCH: dict[str, Any] = {
    "1": True,
    "ON": True,
    "Yes": True,
    "true": True,
    "0": False,
    "no": False,
    "y": False,
    "2": False,
}
WORKERS: dict[str, Any] = {"3": 3, "0": 0, "256": 256, "300": 256, "-1": REFUSED, "1.5": REFUSED, "auto": REFUSED}
NUMBERS = ("soon", "nan", "inf", "1 2", "0x10")

TABLE: dict[str, tuple[str, dict[str, Any]]] = {
    "MMS_DEFAULT_RESPONSE_TIMEOUT_SECONDS": ("deadline_s", TIMEOUTS),
    "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS": ("deadline_s", TIMEOUTS),
    "MMS_DEFAULT_RESPONSE_TIMEOUT": ("deadline_s", MINUTES),
    "SAGEMAKER_MODEL_SERVER_TIMEOUT": ("deadline_s", MINUTES),
    "SAGEMAKER_MAX_PAYLOAD_IN_MB": (
        "max_body_bytes",
        {"6": 6 << 20, "0.5": 1 << 19, "0": 26_214_400, "1e308": 1 << 40, "-1": REFUSED, "6MB": REFUSED},
    ),
    "MMS_MAX_REQUEST_SIZE": (
        "max_body_bytes",
        {"6553500": 6_553_500, "2147483647": 2_147_483_647, "9" * 30: 1 << 40, "0": REFUSED, "-1": REFUSED},
    ),
    "SAGEMAKER_MODEL_SERVER_WORKERS": ("workers", WORKERS),
    "MMS_DEFAULT_WORKERS_PER_MODEL": ("workers", WORKERS),
    "MMS_JOB_QUEUE_SIZE": ("max_in_flight", {"100": 100, "2147483647": 16_384, "0": REFUSED, "-5": REFUSED}),
    "OMP_NUM_THREADS": (
        "threads",
        {"2": 2, "4,3,2": 4, "2, 1": 2, "0": 0, "99999": 4096, "-2": REFUSED, "2,x": REFUSED, ",": REFUSED},
    ),
    "SAGEMAKER_BIND_TO_PORT": ("port", {"9000": 9000, "65535": 65_535, "65536": REFUSED, "0": REFUSED, "-1": REFUSED}),
    "SAGEMAKER_CONTAINER_LOG_LEVEL": (
        "log_level",
        {"0": "debug", "10": "debug", "20": "info", "25": "warning", "50": "critical", "99": "critical"}
        | {"INFO": "info", "warn": "warning", "-1": REFUSED, "loud": REFUSED},
    ),
    "SAGEMAKER_MULTI_MODEL": ("multi_model", SWITCH | {"True": False}),
    "SAGEMAKER_BATCH": ("batch", SWITCH | {"True": True, "TRUE": True}),
    "HF_HUB_OFFLINE": ("offline", HUB_SWITCH),
    "TRANSFORMERS_OFFLINE": ("offline", HUB_SWITCH),
}
"""Variable → setting, and texts as its own platform takes them → values."""
TEXTS = {
    "HF_MODEL_ID": "model",
    "HF_MODEL_REVISION": "revision",
    "HF_REVISION": "revision",
    "HF_TASK": "task",
    "HF_ENDPOINT": "hub_endpoint",
    **dict.fromkeys(("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_API_TOKEN", "HF_HUB_TOKEN"), "hub_token"),
    "SAGEMAKER_BASE_DIR": "base_dir",
    "SAGEMAKER_PROGRAM": "program",
    "SAGEMAKER_SUBMIT_DIRECTORY": "submit_dir",
    "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "default_accept",
}
"""Variables whose text is taken as it is."""
NUMERIC = [name for name, (setting, _) in TABLE.items() if BY_NAME[setting].kind in (int, float)]


def test_every_foreign_variable_is_in_these_tables() -> None:
    """And every one that is no plain text says how its own platform reads it."""
    aliases = [(option, alias) for option in OPTIONS for alias in option.aliases]
    named = {alias if isinstance(alias, str) else alias.name: option.name for option, alias in aliases}
    assert named == {name: setting for name, (setting, _) in TABLE.items()} | TEXTS
    assert [option.name for option, alias in aliases if isinstance(alias, str) and option.kind not in (str, Path)] == []


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [(name, text, value) for name, (_, texts) in TABLE.items() for text, value in texts.items()]
    + [(name, text, REFUSED) for name in NUMERIC for text in NUMBERS],
)
def test_a_foreign_variable_is_taken_as_its_platform_takes_it(name: str, text: str, value: Any) -> None:
    """In its unit and range; what is more than is possible here is cut; an error has its own name, text and unit."""
    setting = TABLE[name][0]
    if value is REFUSED:
        with pytest.raises(UsageError) as caught:
            load_settings({name: text})
        assert caught.value.message == f"{name} is {text!r}."
        (alias,) = (one for one in BY_NAME[setting].aliases if not isinstance(one, str) and one.name == name)
        assert caught.value.hint == f"It must be {alias.allowed}."
        return
    found = getattr(load_settings({name: text}), setting)
    assert found == value
    assert type(found) is type(value)
    assert getattr(load_settings({name: f"  {text} "}), setting) == value


@pytest.mark.parametrize("name", [*TABLE, *TEXTS])
@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_variable_is_not_set(name: str, empty: str) -> None:
    """SDK 2 sends SAGEMAKER_PROGRAM="" when there is none."""
    assert load_settings({name: empty}) == load_settings({})
    assert environment_notes({name: empty}) == ()


@pytest.mark.parametrize(("name", "setting"), TEXTS.items())
def test_texts_are_taken_as_they_are(name: str, setting: str) -> None:
    """Without the blanks around them."""
    assert str(getattr(load_settings({name: " some/thing "}), setting)) == "some/thing"


@pytest.mark.parametrize("name", NUMERIC)
def test_what_is_cut_is_said_once_with_its_own_value(name: str) -> None:
    """In one line, with what it is instead."""
    setting, texts = TABLE[name]
    most = BY_NAME[setting].maximum
    for text, value in texts.items():
        if value is REFUSED:
            continue
        said = [note for note in environment_notes({name: text}) if "is above the maximum" in note]
        cut = name != "SAGEMAKER_BIND_TO_PORT" and value == most and text not in ("86400", "1440", "256")
        assert len(said) == cut, (text, said)
        if cut:
            assert said[0].startswith(f"{name}={text} (")
            assert said[0].endswith(f"above the maximum: {setting} is {int(most)}.")


@given(name=st.sampled_from(sorted(TABLE)), text=st.text(max_size=20) | st.integers().map(str) | st.floats().map(str))
def test_any_text_gives_a_value_within_bounds_or_an_error_with_that_text(name: str, text: str) -> None:
    """Never a converted value in another unit."""
    option = BY_NAME[TABLE[name][0]]
    refused = ""
    try:
        value = getattr(load_settings({name: text}), option.name)
    except UsageError as error:
        refused = error.message
    if refused:
        assert refused == f"{name} is {echo(text.strip())}."
        return
    if option.kind in (int, float):
        assert option.minimum <= value <= option.maximum
    for note in environment_notes({name: text}):
        assert note.startswith(f"{name}=")


@pytest.mark.parametrize(
    ("environ", "name", "value"),
    [
        ({"SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS": "45", "SAGEMAKER_MODEL_SERVER_TIMEOUT": "2"}, "deadline_s", 45.0),
        ({"SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS": "0", "SAGEMAKER_MODEL_SERVER_TIMEOUT": "2"}, "deadline_s", 120.0),
        ({"SAGEMAKER_MODEL_SERVER_TIMEOUT": "2", "MMS_DEFAULT_RESPONSE_TIMEOUT": "1"}, "deadline_s", 60.0),
        ({"SAGEMAKER_MODEL_SERVER_TIMEOUT": "2", "MMS_DEFAULT_RESPONSE_TIMEOUT_SECONDS": "7"}, "deadline_s", 7.0),
        ({"SAGEMAKER_MAX_PAYLOAD_IN_MB": "6", "MMS_MAX_REQUEST_SIZE": "10"}, "max_body_bytes", 10),
        ({"SAGEMAKER_MODEL_SERVER_WORKERS": "3", "MMS_DEFAULT_WORKERS_PER_MODEL": "0"}, "workers", 0),
        ({"HF_HUB_OFFLINE": "0", "TRANSFORMERS_OFFLINE": "1"}, "offline", False),
        ({"MOORING_PORT": "1", "SAGEMAKER_BIND_TO_PORT": "2"}, "port", 1),
        ({"MOORING_DEADLINE_S": "5", "SAGEMAKER_MODEL_SERVER_TIMEOUT": "soon"}, "deadline_s", 5.0),
    ],
)
def test_which_of_several_wins(environ: dict[str, str], name: str, value: Any) -> None:
    """Ours, then as in the stock server: its own variables before SageMaker's, seconds before minutes."""
    assert getattr(load_settings(environ), name) == value


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        (
            {"SAGEMAKER_MODEL_SERVER_TIMEOUT": "2"},
            "SAGEMAKER_MODEL_SERVER_TIMEOUT=2 is read as minutes, as the stock server reads it: deadline_s is 120.0.",
        ),
        (
            {"SAGEMAKER_MODEL_SERVER_VMARGS": "-Xmx1g"},
            "SAGEMAKER_MODEL_SERVER_VMARGS has no effect: Mooring does not use Java.",
        ),
        (
            {"HF_TRUST_REMOTE_CODE": "true"},
            "HF_TRUST_REMOTE_CODE has no effect: code from a model's repository is never run.",
        ),
        ({"MMS_SOMETHING_NEW": "1"}, "MMS_SOMETHING_NEW has no effect here."),
        (
            {"SAGEMAKER_MODEL_SERVER_TIMEOUT": "3600"},
            "SAGEMAKER_MODEL_SERVER_TIMEOUT=3600 (minutes) is above the maximum: deadline_s is 86400.",
        ),
        (
            {"SAGEMAKER_MULTI_MODEL": "True"},
            "SAGEMAKER_MULTI_MODEL=True is read as on for `true` exactly, else off: multi_model is False.",
        ),
    ],
)
def test_what_a_user_should_know_is_said_once(environ: dict[str, str], said: str) -> None:
    """A line each."""
    assert environment_notes(environ) == (said,)


def test_what_is_plain_is_not_commented_on() -> None:
    """Nor what does not decide."""
    plain = {
        "SAGEMAKER_BIND_TO_PORT": "9000",
        "HF_MODEL_ID": "a/b",
        "MMS_MAX_REQUEST_SIZE": "5",
        "SAGEMAKER_PROGRAM": "",
        "SAGEMAKER_BATCH": "true",
        "HF_HUB_OFFLINE": "1",
        "HF_TRUST_REMOTE_CODE": "False",
    }
    assert environment_notes(plain) == ()
    assert environment_notes({"MOORING_DEADLINE_S": "5", "SAGEMAKER_MODEL_SERVER_TIMEOUT": "2"}) == ()
