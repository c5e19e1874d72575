"""Process a request through the functions of inference.py, as the toolkit does.

The server does not use it; it is for code that makes its own handler service and calls it.
"""

import importlib
import importlib.util
import os
import traceback
from http import HTTPStatus

from mooring.handler.functions import PARAMETERS, adapted, read_functions
from sagemaker_inference import content_types, decoder, encoder, environment, errors, utils
from sagemaker_inference.environment import PYTHON_PATH_ENV
from sagemaker_inference.errors import BaseInferenceToolkitError, GenericInferenceToolkitError


class DefaultInferenceHandler:
    """Default functions; subclasses define load and predict."""

    def default_model_fn(self, model_dir, context=None):
        """Override this; raises NotImplementedError as in the toolkit."""
        raise NotImplementedError("Define model_fn(model_dir) in inference.py.")

    def default_input_fn(self, input_data, content_type, context=None):
        """A numpy array."""
        return decoder.decode(input_data, content_type)

    def default_predict_fn(self, data, model, context=None):
        """Override this; raises NotImplementedError as in the toolkit."""
        raise NotImplementedError("Define predict_fn(data, model) in inference.py.")

    def default_output_fn(self, prediction, accept, context=None):
        """The body, in the first supported accepted type. Raises UnsupportedFormatError if none is supported."""
        for content_type in utils.parse_accept(accept):
            if content_type in encoder.SUPPORTED_CONTENT_TYPES:
                return encoder.encode(prediction, content_type), content_type
        raise errors.UnsupportedFormatError(accept)


class Transformer:
    """Functions of the user's module, with those of a default handler for the rest."""

    def __init__(self, default_inference_handler=None):
        self._default_inference_handler = default_inference_handler or DefaultInferenceHandler()
        self._environment = None
        self._functions = {}
        self._model = None

    @staticmethod
    def handle_error(context, inference_exception, trace):
        """Set the response status; message and traceback become the body."""
        phrase = utils.remove_crlf(inference_exception.phrase)
        context.set_response_status(code=inference_exception.status_code, phrase=phrase)
        return [f"{inference_exception.message}\n{trace}"]

    def validate_and_initialize(self, model_dir=environment.model_dir, context=None):
        """Read the user's module and load the model; once."""
        if self._functions:
            return
        self._environment = environment.Environment()
        name = self._environment.module_name
        given = read_functions(importlib.import_module(name)) if importlib.util.find_spec(name) else None
        functions = {}
        for function in PARAMETERS:
            default = getattr(self._default_inference_handler, f"default_{function}", None)
            chosen = getattr(given, function, None) or (default and adapted(name, function, default))
            functions[function] = chosen
        if functions["pre_model_fn"]:
            functions["pre_model_fn"](model_dir, context)
        self._model = functions["model_fn"](model_dir, context)
        if functions["model_warmup_fn"]:
            functions["model_warmup_fn"](model_dir, self._model, context)
        self._functions = functions

    def transform(self, data, context):
        """The response bodies. Exceptions become the status and body of the response."""
        try:
            self.validate_and_initialize(context.system_properties["model_dir"], context)
            return [self._one(entry.get("body"), context) for entry in data]
        except Exception as error:
            trace = traceback.format_exc()
            if not isinstance(error, BaseInferenceToolkitError):
                error = GenericInferenceToolkitError(HTTPStatus.INTERNAL_SERVER_ERROR.value, str(error))
            return self.handle_error(context, error, trace)

    def _one(self, body, context):
        headers = context.request_processor[0].get_request_properties()
        content_type = utils.retrieve_content_type_header(headers)
        accept = headers.get("Accept") or headers.get("accept")
        if not accept or accept == content_types.ANY:
            accept = self._environment.default_accept
        if content_type in content_types.UTF8_TYPES:
            body = body.decode("utf-8")
        call = self._functions
        if call["transform_fn"]:
            result = call["transform_fn"](self._model, body, content_type, accept, context)
        else:
            prediction = call["predict_fn"](call["input_fn"](body, content_type, context), self._model, context)
            result = call["output_fn"](prediction, accept, context)
        response, chosen = result if isinstance(result, tuple) else (result, accept)
        context.set_response_content_type(0, chosen)
        return response


class DefaultHandlerService:
    """Initialized once, then called with each request."""

    def __init__(self, transformer=None):
        self._service = transformer or Transformer()

    def handle(self, data, context):
        """The response bodies."""
        return self._service.transform(data, context)

    def initialize(self, context):
        """Load the model of the context's folder; its code/ is put on the path of child processes."""
        model_dir = context.system_properties.get("model_dir")
        rest = os.environ.get(PYTHON_PATH_ENV, "")
        os.environ[PYTHON_PATH_ENV] = f"{model_dir}/code:{rest}"
        self._service.validate_and_initialize(model_dir=model_dir, context=context)
