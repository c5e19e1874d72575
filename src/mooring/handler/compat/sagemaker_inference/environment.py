"""Provide SageMaker's folders, variables and constants. The real model folder is model_fn's `model_dir`."""

import logging
import os

from sagemaker_inference import content_types

# Variables

BASE_PATH_ENV = "SAGEMAKER_BASE_DIR"
USER_PROGRAM_ENV = "SAGEMAKER_PROGRAM"
LOG_LEVEL_ENV = "SAGEMAKER_CONTAINER_LOG_LEVEL"
DEFAULT_INVOCATIONS_ACCEPT_ENV = "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT"
MODEL_SERVER_WORKERS_ENV = "SAGEMAKER_MODEL_SERVER_WORKERS"
MODEL_SERVER_TIMEOUT_ENV = "SAGEMAKER_MODEL_SERVER_TIMEOUT"
MODEL_SERVER_TIMEOUT_SECONDS_ENV = "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS"
MODEL_SERVER_VMARGS = "SAGEMAKER_MODEL_SERVER_VMARGS"
STARTUP_TIMEOUT_ENV = "SAGEMAKER_STARTUP_TIMEOUT"
BIND_TO_PORT_ENV = "SAGEMAKER_BIND_TO_PORT"
SAFE_PORT_RANGE_ENV = "SAGEMAKER_SAFE_PORT_RANGE"
MULTI_MODEL_ENV = "SAGEMAKER_MULTI_MODEL"
MAX_REQUEST_SIZE = "SAGEMAKER_MAX_PAYLOAD_IN_MB"


# Logging: the toolkit's lines go to the server's log


def configure_logger():
    """Do nothing: the server has set up logging."""


def get_logger():
    """The logger "sagemaker-inference"."""
    return logging.getLogger("sagemaker-inference")


logger = get_logger()

# Folders and defaults

DEFAULT_MODULE_NAME = "inference.py"
DEFAULT_MODEL_SERVER_TIMEOUT = "60"
DEFAULT_STARTUP_TIMEOUT = "600"
DEFAULT_HTTP_PORT = "8080"
DEFAULT_VMARGS = "-XX:-UseContainerSupport"
DEFAULT_MAX_REQUEST_SIZE = None

SAGEMAKER_BASE_PATH = "/opt/ml"
base_dir = os.environ.get(BASE_PATH_ENV, SAGEMAKER_BASE_PATH)
ENABLE_MULTI_MODEL = os.environ.get(MULTI_MODEL_ENV, "false") == "true"
model_dir = os.path.join(base_dir, "models" if ENABLE_MULTI_MODEL else "model")
code_dir = os.path.join(model_dir, "code")

DEFAULT_HANDLER_SERVICE = "sagemaker_inference.default_handler_service"
DEFAULT_MMS_MODEL_NAME = "model"
MODEL_STORE = "/"
PYTHON_PATH_ENV = "PYTHONPATH"
REQUIREMENTS_PATH = os.path.join(code_dir, "requirements.txt")

MEGABYTE = 1024 * 1024


class Environment:
    """The current variables, in the stock toolkit's types; read-only."""

    def __init__(self):
        variables = os.environ
        program = variables.get(USER_PROGRAM_ENV) or DEFAULT_MODULE_NAME  # the SDK sets it to ""
        seconds = variables.get(MODEL_SERVER_TIMEOUT_SECONDS_ENV)
        megabytes = variables.get(MAX_REQUEST_SIZE, DEFAULT_MAX_REQUEST_SIZE)
        port = variables.get(BIND_TO_PORT_ENV, DEFAULT_HTTP_PORT)
        self.module_name = program.removesuffix(".py")
        self.model_server_timeout = int(variables.get(MODEL_SERVER_TIMEOUT_ENV, DEFAULT_MODEL_SERVER_TIMEOUT))
        self.model_server_timeout_seconds = None if seconds is None else int(seconds)
        self.model_server_workers = variables.get(MODEL_SERVER_WORKERS_ENV)
        self.startup_timeout = int(variables.get(STARTUP_TIMEOUT_ENV, DEFAULT_STARTUP_TIMEOUT))
        self.default_accept = variables.get(DEFAULT_INVOCATIONS_ACCEPT_ENV, content_types.JSON)
        self.inference_http_port = self.management_http_port = port
        self.safe_port_range = variables.get(SAFE_PORT_RANGE_ENV)
        self.vmargs = variables.get(MODEL_SERVER_VMARGS, DEFAULT_VMARGS)
        self.max_request_size = None if megabytes is None else int(megabytes) * MEGABYTE
