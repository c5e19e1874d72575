"""The toolkit's default functions, for classes that build on them."""

from sagemaker_inference import decoder, encoder, errors, utils


class DefaultInferenceHandler:
    """Subclasses load and predict."""

    def default_model_fn(self, model_dir, context=None):
        """To be overridden; raises NotImplementedError as the toolkit's does."""
        raise NotImplementedError("Define model_fn(model_dir) in inference.py.")

    def default_input_fn(self, input_data, content_type, context=None):
        """A numpy array."""
        return decoder.decode(input_data, content_type)

    def default_predict_fn(self, data, model, context=None):
        """To be overridden; raises NotImplementedError as the toolkit's does."""
        raise NotImplementedError("Define predict_fn(data, model) in inference.py.")

    def default_output_fn(self, prediction, accept, context=None):
        """The body, and the first accepted type that can be written. Raises UnsupportedFormatError if none can."""
        for content_type in utils.parse_accept(accept):
            if content_type in encoder.SUPPORTED_CONTENT_TYPES:
                return encoder.encode(prediction, content_type), content_type
        raise errors.UnsupportedFormatError(accept)
