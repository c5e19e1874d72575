"""Variables of SageMaker and the stock Hugging Face toolkit: those read as settings, and those without effect.

Names, units and unset values are those of the stock container, so that existing deployments keep their meaning. As in
its model server, `MMS_` variables win over those of SageMaker, and seconds over minutes.
"""

import math
from collections.abc import Mapping

from mooring.settings.option import FALSE, TRUE, Alias

MEGABYTE = 1024 * 1024


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _at_least_0(value: float) -> float:
    if value < 0:
        raise ValueError(value)
    return value


def _seconds(text: str) -> float | None:
    """0 or less means not set: the minutes count, or the default."""
    value = _number(text)
    return value if value > 0 else None


def _minutes(text: str) -> float | None:
    """0 means the default."""
    return 60 * _at_least_0(_number(text)) or None


def _megabytes(text: str) -> int | None:
    """0 means the default; SageMaker sets it for transform jobs without a limit."""
    value = MEGABYTE * _at_least_0(_number(text))
    return max(1, round(min(value, 2.0**62))) if value else None


def _whole(text: str) -> int:
    return int(_at_least_0(int(text)))


def _at_least_1(text: str) -> int:
    value = _whole(text)
    if not value:
        raise ValueError(text)
    return value


def _threads(text: str) -> int | None:
    """OpenMP has a number for each level of nesting, and takes 0 as not set; the first level is ours."""
    first, *inner = text.split(",")
    for part in inner:
        _whole(part)
    return _whole(first) or None


def _port(text: str) -> int:
    value = _at_least_1(text)
    if value > 65_535:
        raise ValueError(text)
    return value


def _level(text: str) -> str:
    """A level's number or name, as in Python's logging."""
    names = ((10, "debug"), (20, "info"), (30, "warning"), (40, "error"))
    by_name = {name: name for _, name in names} | {"warn": "warning", "critical": "critical", "fatal": "critical"}
    if (named := by_name.get(text.lower())) is not None:
        return named
    number = _whole(text)
    return next((name for most, name in names if number <= most), "critical")


def _exactly_true(text: str) -> bool:
    return text == "true"


def _true(text: str) -> bool:
    """SageMaker writes `true`, the local mode of its SDK `True`."""
    return text.lower() == "true"


def _hub_switch(text: str) -> bool:
    """As in huggingface_hub: any other value is off."""
    return text.lower() in ("1", "on", "yes", "true")


def _any_case(*words: str) -> tuple[str, ...]:
    return tuple(form for word in words for form in (word, word.upper(), word.capitalize()))


_MINUTES = ("a number of minutes, at least 0", "minutes", "minutes, as the stock server reads it")
TIMEOUT = (
    Alias("MMS_DEFAULT_RESPONSE_TIMEOUT_SECONDS", _seconds, "a number of seconds", "seconds"),
    Alias("SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS", _seconds, "a number of seconds", "seconds"),
    Alias("MMS_DEFAULT_RESPONSE_TIMEOUT", _minutes, *_MINUTES),
    Alias("SAGEMAKER_MODEL_SERVER_TIMEOUT", _minutes, *_MINUTES),
)
_MEGABYTES = ("a number of megabytes, at least 0", "megabytes", "megabytes of 1,048,576 bytes")
BODY = (
    Alias("MMS_MAX_REQUEST_SIZE", _at_least_1, "a whole number of bytes, at least 1", "bytes"),
    Alias("SAGEMAKER_MAX_PAYLOAD_IN_MB", _megabytes, *_MEGABYTES),
)
_WORKERS = ("a whole number of workers, 0 for automatic", "workers", "a number of workers, 0 for automatic")
WORKERS = (
    Alias("MMS_DEFAULT_WORKERS_PER_MODEL", _whole, *_WORKERS),
    Alias("SAGEMAKER_MODEL_SERVER_WORKERS", _whole, *_WORKERS),
)
QUEUE = (Alias("MMS_JOB_QUEUE_SIZE", _at_least_1, "a whole number of requests, at least 1", "requests"),)
_THREADS = ("a whole number of threads, or several with commas", "threads", "a number of threads")
THREADS = (Alias("OMP_NUM_THREADS", _threads, *_THREADS),)
PORT = (Alias("SAGEMAKER_BIND_TO_PORT", _port, "a port, a whole number from 1 to 65535"),)
LEVEL = (
    Alias(
        "SAGEMAKER_CONTAINER_LOG_LEVEL",
        _level,
        "a level of Python's logging: a whole number, 20 for info, or a name",
        meaning="a level of Python's logging",
        plain=_any_case("debug", "info", "warning", "error", "critical"),
    ),
)
TOKEN = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_API_TOKEN", "HF_HUB_TOKEN")
REVISION = ("HF_MODEL_REVISION", "HF_REVISION")
MULTI_MODEL = (
    Alias(
        "SAGEMAKER_MULTI_MODEL",
        _exactly_true,
        "true or false",
        meaning="on for `true` exactly, else off",
        plain=("true", *_any_case("false")),
    ),
)
BATCH = (
    Alias(
        "SAGEMAKER_BATCH",
        _true,
        "true or false",
        meaning="on for `true`, else off",
        plain=_any_case("true", "false"),
    ),
)


def _offline(name: str) -> Alias:
    meaning = "on for 1, on, yes and true, else off"
    return Alias(name, _hub_switch, "1 or 0", meaning=meaning, plain=_any_case(*TRUE, *FALSE))


OFFLINE = (_offline("HF_HUB_OFFLINE"), _offline("TRANSFORMERS_OFFLINE"))

WITHOUT_EFFECT: Mapping[str, str] = {
    "HF_TRUST_REMOTE_CODE": "code from a model's repository is never run",
    "HF_MODEL_TRUST_REMOTE_CODE": "code from a model's repository is never run",
    "SAGEMAKER_MODEL_SERVER_VMARGS": "Mooring does not use Java",
    "SAGEMAKER_STARTUP_TIMEOUT": "startup has no time limit, and the process exits if it fails",
    "SAGEMAKER_REGION": "the server does not call AWS services",
    "SAGEMAKER_SAFE_PORT_RANGE": "Mooring uses a single port",
    "SAGEMAKER_HANDLER": "the handler is the folder's code/inference.py or handler.py",
    "CA_REPOSITORY_ARN": "requirements are installed from pip's index, which PIP_INDEX_URL sets",
    "HF_OPTIMUM_BATCH_SIZE": "it is for Neuron devices",
    "HF_OPTIMUM_SEQUENCE_LENGTH": "it is for Neuron devices",
    "HF_FRAMEWORK": "the engine is OpenVINO",
    "HF_MODEL_DIR": "MOORING_MODEL or the platform sets the model's folder",
    "HF_DEFAULT_PIPELINE_NAME": "the handler is the folder's code/inference.py or handler.py",
    "HF_MODULE_NAME": "the handler is the folder's code/inference.py or handler.py",
    "MMS_MAX_RESPONSE_SIZE": "the size of responses is not limited",
    "MMS_UNREGISTER_MODEL_TIMEOUT": "a model is unloaded when its requests have finished",
    "MMS_NUMBER_OF_NETTY_THREADS": "Mooring does not use Java",
    "MMS_NETTY_CLIENT_THREADS": "Mooring does not use Java",
    "MMS_NUMBER_OF_GPU": "the engine runs on the CPU",
    "MMS_MODEL_STORE": "MOORING_MODEL or the platform sets the model's folder",
    "MMS_LOAD_MODELS": "MOORING_MODEL or the platform sets the model's folder",
    "MMS_INFERENCE_ADDRESS": "--host and --port set the address",
    "MMS_MANAGEMENT_ADDRESS": "--host and --port set the address",
    "MMS_DEFAULT_SERVICE_HANDLER": "the handler is the folder's code/inference.py or handler.py",
    "MMS_DECODE_INPUT_REQUEST": "bodies are decoded by their Content-Type",
    "MMS_PRELOAD_MODEL": "the model is loaded before the server is ready",
    "MMS_ASYNC_LOGGING": "Mooring does not use Java",
    "MMS_CONFIG_FILE": "Mooring does not use Java",
    "MMS_CORS_ALLOWED_ORIGIN": "configure CORS in a proxy in front of Mooring",
    "MMS_CORS_ALLOWED_METHODS": "configure CORS in a proxy in front of Mooring",
    "MMS_CORS_ALLOWED_HEADERS": "configure CORS in a proxy in front of Mooring",
    "MMS_KEYSTORE": "configure TLS in a proxy in front of Mooring",
    "MMS_KEYSTORE_PASS": "configure TLS in a proxy in front of Mooring",
    "MMS_KEYSTORE_TYPE": "configure TLS in a proxy in front of Mooring",
    "MMS_CERTIFICATE_FILE": "configure TLS in a proxy in front of Mooring",
    "MMS_PRIVATE_KEY_FILE": "configure TLS in a proxy in front of Mooring",
}
"""Variable of the stock container → why it has no effect."""
