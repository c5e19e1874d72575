"""The toolkit's default functions, for classes that build on them."""

from sagemaker_inference import content_types, decoder, encoder


class DefaultInferenceHandler:
    """Subclasses load and predict."""

    def default_model_fn(self, model_dir, context=None):
        """To be overridden."""
        raise NotImplementedError("define model_fn(model_dir)")

    def default_input_fn(self, input_data, content_type, context=None):
        """A numpy array."""
        return decoder.decode(input_data, content_type)

    def default_predict_fn(self, data, model, context=None):
        """To be overridden."""
        raise NotImplementedError("define predict_fn(data, model)")

    def default_output_fn(self, prediction, accept, context=None):
        """The first accepted type that can be written, and which one it was."""
        accepted = [accept] if isinstance(accept, str) else list(accept)
        for content_type in accepted:
            if content_type in (content_types.JSON, content_types.CSV, content_types.NPY):
                return encoder.encode(prediction, content_type), content_type
        return encoder.encode(prediction, accepted[0]), accepted[0]
