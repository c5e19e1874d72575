"""The one table of settings: precedence, parsing, and errors that name what is wrong."""

import dataclasses
from pathlib import Path

import pytest

from mooring.errors import UsageError
from mooring.settings import BY_NAME, OPTIONS, Settings, environment_notes, load_settings, wants_debug


def test_defaults_without_flags_and_environment() -> None:
    """An empty environment gives the table's defaults."""
    assert Settings() == load_settings({})
    assert (Settings().port, Settings().host, Settings().model) == (8080, "127.0.0.1", None)


def test_a_flag_wins_over_a_variable_and_a_variable_over_the_default() -> None:
    """Flag, variable, default, in this order."""
    environ = {"MOORING_PORT": "9001", "MOORING_HOST": "0.0.0.0"}
    settings = load_settings(environ, port="9002", host=None)
    assert (settings.port, settings.host) == (9002, "0.0.0.0")


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_variable_counts_as_not_set(empty: str) -> None:
    """`MOORING_PORT= moor serve` is what a compose file with an unset value makes."""
    assert Settings() == load_settings({"MOORING_PORT": empty, "MOORING_HUB_TOKEN": empty})


def test_every_field_is_read_from_its_own_variable() -> None:
    """No field of the table is forgotten by the loader."""
    samples = {str: "x", int: "7", float: "7.5", bool: "yes", Path: "/tmp/x"}
    environ = {option.own: option.choices[-1] if option.choices else samples[option.kind] for option in OPTIONS} | {
        option.own: "no" for option in OPTIONS if option.default is True
    }
    settings = load_settings(environ)
    assert [f.name for f in dataclasses.fields(Settings) if getattr(settings, f.name) == f.default] == []


def test_values_have_the_type_of_their_field() -> None:
    """Numbers, truth values and paths arrive as such."""
    settings = load_settings(
        {"MOORING_DEADLINE_S": "1.5", "MOORING_OFFLINE": "TRUE", "MOORING_CACHE_DIR": "~/m", "MOORING_THREADS": " 2 "}
    )
    assert (1.5, True, Path("~/m").expanduser(), 2) == (
        settings.deadline_s,
        settings.offline,
        settings.cache_dir,
        settings.threads,
    )


def test_a_typed_flag_is_taken_as_it_is() -> None:
    """Callers other than the command line pass numbers, not text."""
    assert (load_settings({}, threads=3).threads, load_settings({}, offline=True).offline) == (3, True)


def test_the_hub_tokens_usual_names_are_honoured_after_our_own() -> None:
    """HF_TOKEN is read, MOORING_HUB_TOKEN wins."""
    assert load_settings({"HF_TOKEN": "a"}).hub_token == "a"
    assert load_settings({"HUGGING_FACE_HUB_TOKEN": "b"}).hub_token == "b"
    assert load_settings({"HF_TOKEN": "a", "MOORING_HUB_TOKEN": "c"}).hub_token == "c"


def test_a_secret_is_never_shown_and_has_no_flag() -> None:
    """Neither repr nor the flags give the token away."""
    settings = load_settings({"HF_TOKEN": "hf_canary"})
    assert "hf_canary" not in repr(settings)
    assert "hf_canary" not in str(settings)
    assert BY_NAME["hub_token"].flag == ""


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("MOORING_PORT", "80a", "a whole number from 0 to 65535"),
        ("MOORING_PORT", "65536", "a whole number from 0 to 65535"),
        ("MOORING_PORT", "1.5", "a whole number"),
        ("MOORING_DEADLINE_S", "nan", "a number of seconds"),
        ("MOORING_DEADLINE_S", "inf", "a number of seconds"),
        ("MOORING_DEADLINE_S", "0", "a number of seconds"),
        ("MOORING_MAX_WINDOWS", "0", "at least 1"),
        ("MOORING_PRECISION", "fp16", "fp32, bf16, int8, mixed"),
        ("MOORING_LOG_LEVEL", "loud", "debug, info"),
        ("MOORING_OFFLINE", "maybe", "1, true, yes, on"),
    ],
)
def test_a_wrong_value_names_the_variable_the_value_and_what_is_allowed(
    variable: str, value: str, allowed: str
) -> None:
    """One line is enough to correct it."""
    with pytest.raises(UsageError) as caught:
        load_settings({variable: value})
    assert variable in caught.value.message
    assert repr(value) in caught.value.message
    assert allowed in caught.value.hint


def test_a_wrong_flag_is_named_as_typed() -> None:
    """`--max-windows`, not `max_windows` and not the variable."""
    with pytest.raises(UsageError, match=r"^--max-windows is 'many'\."):
        load_settings({"MOORING_MAX_WINDOWS": "5"}, max_windows="many")


def test_a_flag_hides_a_wrong_variable() -> None:
    """What is not used is not checked: a flag is a way out of a broken environment."""
    assert load_settings({"MOORING_PORT": "x"}, port="1").port == 1


def test_a_misspelt_variable_is_warned_of_with_the_nearest_name() -> None:
    """A setting that silently does nothing costs an afternoon."""
    (warning,) = environment_notes({"MOORING_PROT": "1", "MOORING_PORT": "2", "HF_TOKEN": "x"})
    assert "MOORING_PROT" in warning
    assert "Did you mean MOORING_PORT?" in warning


def test_debug_is_read_leniently() -> None:
    """A wrong MOORING_DEBUG does not get in the way of the error that is being shown."""
    assert [wants_debug({"MOORING_DEBUG": text}) for text in ("On", "perhaps", "")] == [True, False, False]


def test_every_option_says_what_it_is_for() -> None:
    """Help is a sentence; an option without a default says what that means."""
    for option in OPTIONS:
        assert option.help.endswith("."), option.name
        assert option.default is not None or option.unset, option.name


def test_a_flag_leaves_the_unit_to_its_help() -> None:
    """`--deadline 5`, MOORING_DEADLINE_S=5."""
    assert (BY_NAME["deadline_s"].flag, BY_NAME["deadline_s"].own) == ("--deadline", "MOORING_DEADLINE_S")


def test_an_empty_flag_is_an_error() -> None:
    """`--host "$HOST"` with HOST unset must not listen somewhere else than was meant."""
    with pytest.raises(UsageError, match="--host is empty"):
        load_settings({}, host="")


def test_a_number_may_have_a_name() -> None:
    """`deadline` is the longest deadline; another word is an error that names it."""
    assert load_settings({"MOORING_MAX_QUEUE_MS": " Deadline "}).max_queue_ms == 86_400_000
    assert load_settings({}, max_queue_ms="deadline").max_queue_ms == 86_400_000
    with pytest.raises(UsageError, match=r"--max-queue-ms is 'never'.*0 to 86400000, or deadline"):
        load_settings({}, max_queue_ms="never")


def test_words_are_read_in_any_case() -> None:
    """As other tools write their levels."""
    assert load_settings({"MOORING_LOG_LEVEL": "DEBUG"}).log_level == "debug"


def test_the_variables_of_a_kubernetes_service_are_not_ours() -> None:
    """One that is called `mooring` has its address put into the environment of every pod."""
    environ = {
        "MOORING_PORT": "tcp://10.96.0.17:8080",
        "MOORING_SERVICE_HOST": "10.96.0.17",
        "MOORING_SERVICE_PORT": "8080",
        "MOORING_SERVICE_PORT_HTTP": "8080",
        "MOORING_PORT_8080_TCP": "tcp://10.96.0.17:8080",
        "MOORING_PORT_8080_TCP_PROTO": "tcp",
        "MOORING_PORT_8080_TCP_PORT": "8080",
        "MOORING_PORT_8080_TCP_ADDR": "10.96.0.17",
    }
    assert load_settings(environ).port == 8080
    assert environment_notes(environ) == ()
