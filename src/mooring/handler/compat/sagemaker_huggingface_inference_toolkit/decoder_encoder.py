"""Decode request bodies to pipeline arguments, and encode results."""

import base64
import csv
import datetime as dt
import json
from io import BytesIO, StringIO

from mms.service import PredictionException
from sagemaker_inference import encoder, errors
from sagemaker_inference.decoder import _npy_to_numpy

JSON = "application/json"
CSV = "text/csv"
OCTET_STREAM = "application/octet-stream"
ANY = "*/*"
NPY = "application/x-npy"
UTF8_TYPES = [JSON, CSV]

JPEG = "image/jpeg"
PNG = "image/png"
TIFF = "image/tiff"
BMP = "image/bmp"
GIF = "image/gif"
WEBP = "image/webp"
X_IMAGE = "image/x-image"
VISION_TYPES = [JPEG, PNG, TIFF, BMP, GIF, WEBP, X_IMAGE]

FLAC = "audio/x-flac"
MP3 = "audio/mpeg"
WAV = "audio/wave"
OGG = "audio/ogg"
X_AUDIO = "audio/x-audio"
AUDIO_TYPES = [FLAC, MP3, WAV, OGG, X_AUDIO]

COLUMNS = ("question", "context", "inputs")
"""A CSV header names one of these."""


def decode_json(content):
    """Any JSON."""
    return json.loads(content)


def decode_csv(string_like):
    """{"inputs": rows}: the column `inputs`, or each row as an object. Raises PredictionException with 400."""
    rows = list(csv.DictReader(StringIO(string_like, newline="")))
    names = [name.lower() for name in (rows[0] if rows else {}) if name]
    if not any(wanted in name for name in names for wanted in COLUMNS):
        raise PredictionException(
            f"A CSV body needs a header with {', '.join(COLUMNS[:2])} or {COLUMNS[2]}, and a row.", 400
        )
    return {"inputs": [row["inputs"] for row in rows] if "inputs" in rows[0] else rows}


def decode_image(bpayload):
    """{"inputs": a PIL image in RGB}; needs pillow."""
    try:
        from PIL import Image
    except ImportError as error:
        message = "An image body needs pillow: list it in requirements.txt beside inference.py."
        raise ImportError(message, name="PIL") from error

    return {"inputs": Image.open(BytesIO(bpayload)).convert("RGB")}


def decode_audio(bpayload):
    """{"inputs": bytes}."""
    return {"inputs": bytes(bpayload)}


def _plain(value):
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, dt.datetime):
        return str(value)
    if hasattr(value, "save"):  # a PIL image
        return base64.b64encode(encode_image(value)).decode("ascii")
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def encode_json(content, accept_type=None):
    """Compact, non-ASCII kept, NaN refused."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)


def encode_csv(content, accept_type=None):
    """A list of objects as CSV rows below a header."""
    rows = content if isinstance(content, list) else [content]
    stream = StringIO(newline="")
    writer = csv.DictWriter(stream, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def encode_image(image, accept_type=PNG):
    """A PIL image in the format of the type; image/x-image is PNG."""
    kind = PNG if accept_type == X_IMAGE else accept_type
    with BytesIO() as out:
        image.save(out, format=kind.rpartition("/")[2].upper())
        return out.getvalue()


def _array_to_npy(array_like, accept_type=None):
    return encoder.encode(array_like, NPY)


_encoder_map = {
    NPY: _array_to_npy,
    CSV: encode_csv,
    JSON: encode_json,
    **dict.fromkeys(VISION_TYPES, encode_image),
}
_decoder_map = {
    NPY: _npy_to_numpy,
    CSV: decode_csv,
    JSON: decode_json,
    **dict.fromkeys(VISION_TYPES, decode_image),
    **dict.fromkeys(AUDIO_TYPES, decode_audio),
}


def decode(content, content_type=JSON):
    """Decode a body of that type. Raises UnsupportedFormatError."""
    if content_type not in _decoder_map:
        raise errors.UnsupportedFormatError(content_type)
    return _decoder_map[content_type](content)


def encode(content, accept_type=JSON):
    """Encode a body of that type. Raises UnsupportedFormatError."""
    if accept_type not in _encoder_map:
        raise errors.UnsupportedFormatError(accept_type)
    return _encoder_map[accept_type](content, accept_type)
