"""Bodies to what a pipeline is called with, and back."""

import base64
import csv
import datetime as dt
import json
from io import BytesIO, StringIO

from sagemaker_huggingface_inference_toolkit import content_types
from sagemaker_inference import errors
from sagemaker_inference.decoder import _npy_to_numpy
from sagemaker_inference.encoder import _array_to_npy

IMAGES = ("jpeg", "png", "tiff", "bmp", "gif", "webp", "x-image")
AUDIO = (content_types.FLAC, content_types.MP3, content_types.WAV, content_types.OGG, content_types.X_AUDIO)


def decode_json(content):
    """Any JSON."""
    return json.loads(content)


def decode_csv(string_like):
    """{"inputs": rows}: the column `inputs`, or each row as an object. Raises BadRequestInferenceError."""
    rows = list(csv.DictReader(StringIO(string_like, newline="")))
    names = [name.lower() for name in (rows[0] if rows else {}) if name]
    if not any(wanted in name for name in names for wanted in ("question", "context", "inputs")):
        raise errors.BadRequestInferenceError("A CSV body needs a header with question, context or inputs, and a row.")
    return {"inputs": [row["inputs"] for row in rows] if "inputs" in rows[0] else rows}


def decode_image(bpayload):
    """{"inputs": a PIL image}; needs pillow."""
    from PIL import Image

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
        with BytesIO() as out:
            value.save(out, format="PNG")
            return base64.b64encode(out.getvalue()).decode("ascii")
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def encode_json(content):
    """Compact, non-ASCII kept, NaN refused."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)


def encode_csv(content):
    """A list of objects as rows below a header."""
    rows = content if isinstance(content, list) else [content]
    stream = StringIO(newline="")
    writer = csv.DictWriter(stream, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


_encoder_map = {content_types.NPY: _array_to_npy, content_types.CSV: encode_csv, content_types.JSON: encode_json}
_decoder_map = {
    content_types.NPY: _npy_to_numpy,
    content_types.CSV: decode_csv,
    content_types.JSON: decode_json,
    **{f"image/{kind}": decode_image for kind in IMAGES},
    **dict.fromkeys(AUDIO, decode_audio),
}


def decode(content, content_type=content_types.JSON):
    """What a body of that type says. Raises UnsupportedFormatError."""
    if content_type not in _decoder_map:
        raise errors.UnsupportedFormatError(content_type)
    return _decoder_map[content_type](content)


def encode(content, content_type=content_types.JSON):
    """A body of that type. Raises UnsupportedFormatError."""
    if content_type not in _encoder_map:
        raise errors.UnsupportedFormatError(content_type)
    return _encoder_map[content_type](content)
