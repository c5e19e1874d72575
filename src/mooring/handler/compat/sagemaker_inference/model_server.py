"""Constants of the toolkit's server. The server itself is not here: this one runs already."""

import os

from mooring.handler.not_offered import SERVER, refusing
from sagemaker_inference import default_handler_service, environment, logging

logger = logging.get_logger()

DEFAULT_HANDLER_SERVICE = default_handler_service.__name__
DEFAULT_MMS_MODEL_NAME = "model"
ENABLE_MULTI_MODEL = os.getenv("SAGEMAKER_MULTI_MODEL", "false") == "true"
MODEL_STORE = "/"
PYTHON_PATH_ENV = "PYTHONPATH"
REQUIREMENTS_PATH = os.path.join(environment.code_dir, "requirements.txt")

_JAVA = "it configures a Java server, and there is none. Settings are variables: moor serve --help."

__getattr__ = refusing(
    __name__,
    {
        "start_model_server": SERVER,
        **dict.fromkeys(
            (
                "DEFAULT_MMS_CONFIG_FILE",
                "DEFAULT_MMS_LOG_FILE",
                "DEFAULT_MMS_MODEL_EXPORT_DIRECTORY",
                "MME_MMS_CONFIG_FILE",
                "MMS_CONFIG_FILE",
                "MMS_NAMESPACE",
            ),
            _JAVA,
        ),
    },
)
