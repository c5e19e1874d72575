"""Constants of the toolkit's server. The server itself is not here: this one runs already."""

from mooring.handler.not_offered import SERVER, refusing
from sagemaker_huggingface_inference_toolkit import handler_service
from sagemaker_inference import logging

logger = logging.get_logger()

DEFAULT_HANDLER_SERVICE = handler_service.__name__
DEFAULT_MODEL_STORE = "/"

__getattr__ = refusing(
    __name__,
    {
        "start_model_server": SERVER,
        "DEFAULT_HF_HUB_MODEL_EXPORT_DIRECTORY": "models of the Hub are in the Hugging Face cache (HF_HUB_CACHE).",
    },
)
