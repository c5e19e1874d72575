"""Bodies to numpy arrays."""

import json
from io import BytesIO, StringIO

import numpy as np
from sagemaker_inference import content_types, errors


def _text(body):
    return body.decode("utf-8") if isinstance(body, (bytes, bytearray)) else body


def _json_to_numpy(string_like, dtype=None):
    return np.array(json.loads(_text(string_like)), dtype=dtype)


def _csv_to_numpy(string_like, dtype=None):
    return np.genfromtxt(StringIO(_text(string_like)), dtype=dtype, delimiter=",")


def _npy_to_numpy(npy_array):
    # Never a pickled array: reading one runs what it says.
    return np.load(BytesIO(npy_array), allow_pickle=False)


_decoder_map = {content_types.NPY: _npy_to_numpy, content_types.CSV: _csv_to_numpy, content_types.JSON: _json_to_numpy}


def decode(obj, content_type):
    """The array in a body of that type. Raises UnsupportedFormatError."""
    if content_type not in _decoder_map:
        raise errors.UnsupportedFormatError(content_type)
    return _decoder_map[content_type](obj)
