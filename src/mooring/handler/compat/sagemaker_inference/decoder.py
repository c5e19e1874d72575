"""Decode request bodies to numpy arrays, and NPZ to a scipy sparse matrix."""

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
    # Never a pickled array: reading one can run arbitrary code.
    return np.load(BytesIO(npy_array), allow_pickle=False)


def _npz_to_sparse(npz_bytes):
    try:
        import scipy.sparse
    except ImportError as error:
        message = "A body of type application/x-npz needs scipy: list it in requirements.txt beside inference.py."
        raise ImportError(message, name="scipy") from error
    return scipy.sparse.load_npz(BytesIO(npz_bytes))


_decoder_map = {
    content_types.NPY: _npy_to_numpy,
    content_types.CSV: _csv_to_numpy,
    content_types.JSON: _json_to_numpy,
    content_types.NPZ: _npz_to_sparse,
}


def decode(obj, content_type):
    """Decode a body of that type. Raises UnsupportedFormatError."""
    if content_type not in _decoder_map:
        raise errors.UnsupportedFormatError(content_type)
    return _decoder_map[content_type](obj)
