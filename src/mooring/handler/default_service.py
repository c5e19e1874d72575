"""The default service as a file of its own: copy it to `code/inference.py` beside a model, and change what you need.

    model/
      config.json, model.safetensors, tokenizer.json …
      code/
        inference.py       this file
        requirements.txt   what it imports beyond the image, if anything

Every function may be left out, and those that are left out are the server's. Leave out what you do not change: without
model_fn, predict_fn and transform_fn the server itself computes, and requests share batches; with one of them, calls
run one after the other. Each may take `context` as a last parameter: request headers, response headers, status.

What a function raises is a 500, with its message, file and line in the log and not in the response. A ValueError from
input_fn is the caller's fault: a 400 with its message.
"""

from mooring.handler import decode, encode, load_model


def model_fn(model_dir):
    """Load the model that lies in `model_dir`. Called once, before the server says that it is ready."""
    return load_model(model_dir)


def input_fn(input_data, content_type):
    """Read a request's body: str for JSON and CSV, bytes for any other type."""
    return decode(input_data, content_type)


def predict_fn(data, model):
    """Answer. `data` is what input_fn returned, `model` what model_fn did."""
    if not isinstance(data, dict):
        return model(data)
    inputs = data.pop("inputs", data)
    parameters = data.pop("parameters", None) or {}
    return model(inputs, **parameters)


def output_fn(prediction, accept):
    """Write the response's body: bytes or str, or (body, content type) for another type than the accepted one."""
    return encode(prediction, accept)
