"""The toolkit's entry point. The server is not here: this one runs already."""

from mooring.handler.not_offered import SERVER, refusing
from sagemaker_huggingface_inference_toolkit import handler_service

HANDLER_SERVICE = handler_service.__name__

__getattr__ = refusing(__name__, {"main": SERVER})
