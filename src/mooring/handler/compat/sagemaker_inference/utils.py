"""Read files, media types and request headers."""

import re

JSON = "application/json"
CSV = "text/csv"
OCTET_STREAM = "application/octet-stream"
ANY = "*/*"
NPY = "application/x-npy"
NPZ = "application/x-npz"
UTF8_TYPES = [JSON, CSV]

CONTENT_TYPE_REGEX = re.compile("^[Cc]ontent-?[Tt]ype")


def read_file(path, mode="r"):
    """The file's content."""
    with open(path, mode) as file:
        return file.read()


def write_file(path, data, mode="w"):
    """Replace the file's content."""
    with open(path, mode) as file:
        file.write(data)


def retrieve_content_type_header(request_property):
    """The value of the first header spelled like Content-Type, or None."""
    return next((value for name, value in request_property.items() if CONTENT_TYPE_REGEX.match(name)), None)


def parse_accept(accept):
    """The media types of an Accept header, in its order, with their parameters."""
    return [part.strip() for part in accept.split(",")]


def remove_crlf(illegal_string):
    """The text on one line."""
    return illegal_string.replace("\r", " ").replace("\n", " ")
