"""Provide the toolkit's handler service on Mooring's pipeline, for code that subclasses or calls it."""

import importlib
import importlib.util
import logging
import os
import sys

from mms.service import PredictionException
from mooring.handler import load_model
from mooring.handler.functions import read_functions
from sagemaker_huggingface_inference_toolkit import content_types, decoder_encoder
from sagemaker_inference import environment, utils

logger = logging.getLogger(__name__)

ENABLE_MULTI_MODEL = os.getenv("SAGEMAKER_MULTI_MODEL", "false") == "true"
PYTHON_PATH_ENV = "PYTHONPATH"
MODEL_FN = "model_fn"
INPUT_FN = "input_fn"
PREDICT_FN = "predict_fn"
OUTPUT_FN = "output_fn"
TRANSFORM_FN = "transform_fn"

HANDLER_SERVICE = DEFAULT_HANDLER_SERVICE = __name__
DEFAULT_MODEL_STORE = "/"


class HuggingFaceHandlerService:
    """load, preprocess, predict and postprocess may be overridden; functions of inference.py take precedence."""

    def __init__(self):
        self.error = None
        self.batch_size = 1
        self.model_dir = None
        self.model = None
        self.device = -1
        self.initialized = False
        self.attempted_init = False
        self.context = None
        self.manifest = None
        self.environment = environment.Environment()

    def initialize(self, context):
        """Read the user's functions and load the model."""
        self.attempted_init = True
        self.context = context
        self.model_dir = context.system_properties["model_dir"]
        self.batch_size = context.system_properties["batch_size"]
        sys.path.insert(0, os.path.join(self.model_dir, "code"))
        self.validate_and_initialize_user_module()
        self.device = self.get_device()
        self.model = self.load(self.model_dir, context)
        self.initialized = True

    def get_device(self):
        """-1: the CPU."""
        return -1

    def load(self, model_dir, context=None):
        """Mooring's pipeline."""
        return load_model(model_dir)

    def preprocess(self, input_data, content_type, context=None):
        """Decode the body."""
        return decoder_encoder.decode(input_data, content_type)

    def predict(self, data, model, context=None):
        """Call the model with inputs and parameters."""
        inputs = data.pop("inputs", data)
        parameters = data.pop("parameters", None) or {}
        return model(inputs, **parameters)

    def postprocess(self, prediction, accept, context=None):
        """Encode the response body."""
        return decoder_encoder.encode(prediction, accept)

    def transform_fn(self, model, input_data, content_type, accept, context=None):
        """All three."""
        data = self.preprocess(input_data, content_type, context)
        return self.postprocess(self.predict(data, model, context), accept, context)

    def handle(self, data, context):
        """The response body in a list. Raises PredictionException with 400 for any error."""
        try:
            if not self.initialized:
                self.initialize(context)
            body = data[0].get("body")
            headers = context.request_processor[0].get_request_properties()
            content_type = utils.retrieve_content_type_header(headers)
            accept = headers.get("Accept") or headers.get("accept")
            if not accept or accept == content_types.ANY:
                accept = content_types.JSON
            if content_type in content_types.UTF8_TYPES:
                body = body.decode("utf-8")
            response = self.transform_fn(self.model, body, content_type, accept, context)
            context.set_response_content_type(0, accept)
            return [response]
        except Exception as error:
            raise PredictionException(str(error), 400) from error

    def validate_and_initialize_user_module(self):
        """Let functions of inference.py replace the methods. Raises HandlerError for an invalid signature."""
        name = self.environment.module_name
        if importlib.util.find_spec(name) is None:
            return
        given = read_functions(importlib.import_module(name))
        methods = {MODEL_FN: "load", INPUT_FN: "preprocess", PREDICT_FN: "predict", OUTPUT_FN: "postprocess"}
        for function, method in {**methods, TRANSFORM_FN: TRANSFORM_FN}.items():
            if (found := getattr(given, function)) is not None:
                setattr(self, method, found)
