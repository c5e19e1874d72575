"""Decode UTF-8 and JSON, with errors that say where and why it fails. Used by `decode.py` and `records.py`."""

import msgspec

from mooring.errors import InvalidRequest, PayloadTooLarge

BOM = b"\xef\xbb\xbf"

MOST_CONTAINERS = 1_000_000
"""Most objects and lists in one JSON value: each takes 70 bytes for 3 bytes of the body. Braces in texts count too; a
text with that many would exceed the window limit anyway."""

_OTHER_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
"""Byte order marks of other encodings, longest first."""


def unmarked(data: bytes) -> bytes:
    """A body without its byte order mark. Raises InvalidRequest for a body in UTF-16 or UTF-32."""
    first = data[:4]
    if first.isascii() and b"\x00" not in first:
        return data
    if data.startswith(BOM):
        return data[len(BOM) :]
    other = next((name for mark, name in _OTHER_MARKS.items() if data.startswith(mark)), "")
    # Without a mark: no valid text has a NUL among its first characters.
    if not other and b"\x00" in first:
        other = "UTF-16 or UTF-32"
    if other:
        raise InvalidRequest(f"The body is encoded in {other}, not in UTF-8.", hint="Encode it as UTF-8.")
    return data


def read_text(data: bytes, where: str = "") -> str:
    """Decode UTF-8. Raises InvalidRequest with the place of the first invalid byte; `where` is e.g. "Line 3: "."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        place = f"byte {error.start} is 0x{data[error.start]:02x}"
        raise InvalidRequest(f"{where}Invalid UTF-8: {place}.", hint="Encode it as UTF-8.") from error


def read_json(data: bytes, hint: str, where: str = "") -> object:
    """Decode one JSON value. Raises PayloadTooLarge, or InvalidRequest with the `hint`; `where` is e.g. "Line 3: "."""
    if len(data) > MOST_CONTAINERS and data.count(b"{") + data.count(b"[") > MOST_CONTAINERS:
        raise PayloadTooLarge(
            f"{where}The JSON has more than {MOST_CONTAINERS} objects and lists.",
            hint="Split it into several requests.",
        )
    try:
        value: object = msgspec.json.decode(data)
    except RecursionError as error:
        raise InvalidRequest(f"{where}The JSON is nested too deeply.", hint=hint) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        read_text(data, where)  # names the first byte that is not UTF-8, which msgspec does not
        if "trailing" in str(error):
            hint = "Send one JSON value, or one per line with Content-Type: application/jsonlines."
        # msgspec's messages name bytes and types, never content.
        raise InvalidRequest(f"{where}Invalid JSON: {_plain(error)}.", hint=hint) from error
    return value


def _plain(error: Exception) -> str:
    text = str(error).removeprefix("JSON is malformed: ")
    return "it ends too early" if text == "Input data was truncated" else text[:1].lower() + text[1:]
