"""Variables of SageMaker and of the stock Hugging Face toolkit: those that are read as settings, and the others.

The names and units are the stock container's, so that what was written for it keeps its meaning. Used by `table.py`.
"""

import math
from collections.abc import Mapping

from mooring.settings.option import Alias

MEGABYTE = 1024 * 1024


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise ValueError(text)
    return value


def _minutes(text: str) -> str:
    return f"{60 * _positive(text):g}"


def _megabytes(text: str) -> str:
    return str(round(MEGABYTE * _positive(text)))


def _or_auto(text: str) -> str:
    """0 means "decide yourself" to the stock server."""
    return "" if int(text) == 0 else text


def _level(text: str) -> str:
    """A level's number, as Python's logging has it."""
    number = int(text)
    if number < 0:
        raise ValueError(text)
    names = ((10, "debug"), (20, "info"), (30, "warning"), (40, "error"))
    return next((name for most, name in names if number <= most), "critical")


def _switch(text: str) -> str:
    """The stock toolkit turns a switch on for "true" alone, in whatever case."""
    return "true" if text.lower() == "true" else "false"


def _count(text: str) -> str:
    value = int(text)
    if value < 0:
        raise ValueError(text)
    return str(value)


TIMEOUT = (
    "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS",
    Alias("SAGEMAKER_MODEL_SERVER_TIMEOUT", _minutes, "minutes, as the stock server reads it", "a number of minutes"),
    "MMS_DEFAULT_RESPONSE_TIMEOUT_SECONDS",
    Alias("MMS_DEFAULT_RESPONSE_TIMEOUT", _minutes, "minutes, as the stock server reads it", "a number of minutes"),
)
BODY = (
    Alias("SAGEMAKER_MAX_PAYLOAD_IN_MB", _megabytes, "megabytes of 1,048,576 bytes", "a number of megabytes"),
    "MMS_MAX_REQUEST_SIZE",
)
WORKERS = (
    Alias("SAGEMAKER_MODEL_SERVER_WORKERS", _or_auto, "a number of workers, 0 for automatic", "a whole number"),
    Alias("MMS_DEFAULT_WORKERS_PER_MODEL", _or_auto, "a number of workers, 0 for automatic", "a whole number"),
)
THREADS = (Alias("OMP_NUM_THREADS", _count, "a number of threads", "a whole number"),)
LEVEL = (Alias("SAGEMAKER_CONTAINER_LOG_LEVEL", _level, "a level of Python's logging", "a whole number, 20 for info"),)
TOKEN = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_API_TOKEN", "HF_HUB_TOKEN")
REVISION = ("HF_MODEL_REVISION", "HF_REVISION")
MULTI_MODEL = (Alias("SAGEMAKER_MULTI_MODEL", _switch, "on for true", "true or false"),)
BATCH = (Alias("SAGEMAKER_BATCH", _switch, "on for true", "true or false"),)

WITHOUT_EFFECT: Mapping[str, str] = {
    "HF_TRUST_REMOTE_CODE": "code from a model's repository is never run",
    "HF_MODEL_TRUST_REMOTE_CODE": "code from a model's repository is never run",
    "SAGEMAKER_MODEL_SERVER_VMARGS": "there is no Java here",
    "SAGEMAKER_STARTUP_TIMEOUT": "the start takes as long as the model needs, and a failed one ends the process",
    "SAGEMAKER_REGION": "the server calls no AWS service",
    "SAGEMAKER_SAFE_PORT_RANGE": "no second port is opened",
    "SAGEMAKER_HANDLER": "the handler is the folder's code/inference.py or handler.py",
    "CA_REPOSITORY_ARN": "requirements are installed from pip's own index, which PIP_INDEX_URL names",
    "HF_OPTIMUM_BATCH_SIZE": "that is for Neuron devices",
    "HF_OPTIMUM_SEQUENCE_LENGTH": "that is for Neuron devices",
    "HF_FRAMEWORK": "the engine is OpenVINO",
    "HF_MODEL_DIR": "the model's folder is MOORING_MODEL, or the platform's",
    "HF_DEFAULT_PIPELINE_NAME": "the handler is the folder's code/inference.py or handler.py",
    "HF_MODULE_NAME": "the handler is the folder's code/inference.py or handler.py",
    "MMS_MAX_RESPONSE_SIZE": "responses have no limit",
    "MMS_UNREGISTER_MODEL_TIMEOUT": "a model is unloaded when its requests are answered",
    "MMS_NUMBER_OF_NETTY_THREADS": "there is no Java here",
    "MMS_NETTY_CLIENT_THREADS": "there is no Java here",
    "MMS_NUMBER_OF_GPU": "the engine runs on the CPU",
    "MMS_MODEL_STORE": "the model's folder is MOORING_MODEL, or the platform's",
    "MMS_LOAD_MODELS": "the model's folder is MOORING_MODEL, or the platform's",
    "MMS_INFERENCE_ADDRESS": "the address is --host and --port",
    "MMS_MANAGEMENT_ADDRESS": "the address is --host and --port",
    "MMS_DEFAULT_SERVICE_HANDLER": "the handler is the folder's code/inference.py or handler.py",
    "MMS_DECODE_INPUT_REQUEST": "bodies are decoded by their Content-Type",
    "MMS_PRELOAD_MODEL": "the model is loaded before the server is ready",
    "MMS_ASYNC_LOGGING": "there is no Java here",
    "MMS_CONFIG_FILE": "there is no Java here",
    "MMS_CORS_ALLOWED_ORIGIN": "put what browsers need into a proxy in front",
    "MMS_CORS_ALLOWED_METHODS": "put what browsers need into a proxy in front",
    "MMS_CORS_ALLOWED_HEADERS": "put what browsers need into a proxy in front",
    "MMS_KEYSTORE": "put TLS into a proxy in front",
    "MMS_KEYSTORE_PASS": "put TLS into a proxy in front",
    "MMS_KEYSTORE_TYPE": "put TLS into a proxy in front",
    "MMS_CERTIFICATE_FILE": "put TLS into a proxy in front",
    "MMS_PRIVATE_KEY_FILE": "put TLS into a proxy in front",
}
"""Variable of the stock container → why it changes nothing here."""
