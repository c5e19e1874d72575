"""The toolkit's handler service, for code that makes one of its own and calls it."""

import os

from sagemaker_inference.transformer import Transformer

PYTHON_PATH_ENV = "PYTHONPATH"


class DefaultHandlerService:
    """Initialised once, then called with each request."""

    def __init__(self, transformer=None):
        self._service = transformer or Transformer()

    def handle(self, data, context):
        """The responses' bodies."""
        return self._service.transform(data, context)

    def initialize(self, context):
        """Load the model of the context's folder; its code/ goes on the path of processes that are started."""
        model_dir = context.system_properties.get("model_dir")
        rest = os.environ.get(PYTHON_PATH_ENV, "")
        os.environ[PYTHON_PATH_ENV] = f"{model_dir}/code:{rest}"
        self._service.validate_and_initialize(model_dir=model_dir, context=context)
