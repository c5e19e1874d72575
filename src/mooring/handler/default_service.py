"""The default service as a file: copy it to `code/inference.py` beside a model, and change what you need.

    model/
      config.json, model.safetensors, tokenizer.json …
      code/
        inference.py       this file
        requirements.txt   packages that the image lacks, if any

Every function is optional; the server provides defaults. Leave out what you do not change: without model_fn, predict_fn
and transform_fn the server itself computes, in batches of several requests; with one of them, calls run one at a time.
Each may take `context` as its last parameter: request headers, response headers, status.

An exception is a 500; its message, file and line go to the log, not into the response. A ValueError from input_fn is a
400 with its message.
"""

from mooring.handler import decode, encode, load_model


def model_fn(model_dir):
    """Load the model in `model_dir`. Called once, before the server is ready."""
    return load_model(model_dir)


def input_fn(input_data, content_type):
    """Read a request's body: str for JSON and CSV, bytes for any other type."""
    return decode(input_data, content_type)


def predict_fn(data, model):
    """Compute the answer. `data` is the result of input_fn, `model` that of model_fn."""
    if not isinstance(data, dict):
        return model(data)
    inputs = data.pop("inputs", data)
    parameters = data.pop("parameters", None) or {}
    return model(inputs, **parameters)


def output_fn(prediction, accept):
    """Write the response body: bytes or str, or (body, content type) to override the accepted type."""
    return encode(prediction, accept)
