"""Imitate the errors of the Hugging Face inference toolkit: every failed inference request is a 400.

For clients written for the toolkit (`--hft-errors`). Requests and answers are unchanged.
"""

import msgspec

from mooring.web.media import JSON
from mooring.web.reply import Reply
from mooring.web.status import ErrorBody, describe, headers_of
from mooring.web.wire import Endpoint, WireProtocol

STATUS = 400
TYPE = "InternalServerException"


def refuse(error: BaseException, request_id: str) -> Reply:
    """The response to a failed request."""
    body = ErrorBody(STATUS, TYPE, describe(error, request_id).message, request_id)
    return Reply(msgspec.json.encode(body), JSON, STATUS, headers_of(error))


def hf_toolkit(*endpoints: Endpoint) -> WireProtocol:
    """The given endpoints with the toolkit's errors."""
    return WireProtocol("Hugging Face inference toolkit", endpoints, refuse, ErrorBody)
