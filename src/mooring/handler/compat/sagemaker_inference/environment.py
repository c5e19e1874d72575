"""SageMaker's folders and variables. Where the model really is, model_fn gets as its `model_dir`."""

import os

from sagemaker_inference import content_types, logging, parameters

logger = logging.get_logger()

DEFAULT_MODULE_NAME = "inference.py"
DEFAULT_MODEL_SERVER_TIMEOUT = "60"
DEFAULT_STARTUP_TIMEOUT = "600"
DEFAULT_HTTP_PORT = "8080"
DEFAULT_VMARGS = "-XX:-UseContainerSupport"
DEFAULT_MAX_REQUEST_SIZE = None

SAGEMAKER_BASE_PATH = "/opt/ml"
base_dir = os.environ.get(parameters.BASE_PATH_ENV, SAGEMAKER_BASE_PATH)
_several = os.environ.get(parameters.MULTI_MODEL_ENV) == "true"
model_dir = os.path.join(base_dir, "models" if _several else "model")
code_dir = os.path.join(model_dir, "code")

MEGABYTE = 1024 * 1024


class Environment:
    """The variables as they are now, in the stock toolkit's types; read-only."""

    def __init__(self):
        variables = os.environ
        program = variables.get(parameters.USER_PROGRAM_ENV) or DEFAULT_MODULE_NAME  # the SDK sets it to ""
        seconds = variables.get(parameters.MODEL_SERVER_TIMEOUT_SECONDS_ENV)
        megabytes = variables.get(parameters.MAX_REQUEST_SIZE, DEFAULT_MAX_REQUEST_SIZE)
        port = variables.get(parameters.BIND_TO_PORT_ENV, DEFAULT_HTTP_PORT)
        self.module_name = program.removesuffix(".py")
        self.model_server_timeout = int(
            variables.get(parameters.MODEL_SERVER_TIMEOUT_ENV, DEFAULT_MODEL_SERVER_TIMEOUT)
        )
        self.model_server_timeout_seconds = None if seconds is None else int(seconds)
        self.model_server_workers = variables.get(parameters.MODEL_SERVER_WORKERS_ENV)
        self.startup_timeout = int(variables.get(parameters.STARTUP_TIMEOUT_ENV, DEFAULT_STARTUP_TIMEOUT))
        self.default_accept = variables.get(parameters.DEFAULT_INVOCATIONS_ACCEPT_ENV, content_types.JSON)
        self.inference_http_port = self.management_http_port = port
        self.safe_port_range = variables.get(parameters.SAFE_PORT_RANGE_ENV)
        self.vmargs = variables.get(parameters.MODEL_SERVER_VMARGS, DEFAULT_VMARGS)
        self.max_request_size = None if megabytes is None else int(megabytes) * MEGABYTE
