"""The errors of the stock Hugging Face inference toolkit: requests to the model fail with 400, whatever is wrong.

For clients that were written for it (`--hft-errors`). Requests and answers are those of the endpoints that it is for.
"""

import msgspec

from mooring.web.media import JSON
from mooring.web.reply import Reply
from mooring.web.status import ErrorBody, describe, headers_of
from mooring.web.wire import Endpoint, WireProtocol

STATUS = 400
TYPE = "InternalServerException"


def refuse(error: BaseException, request_id: str) -> Reply:
    """The response to a request that failed."""
    body = ErrorBody(STATUS, TYPE, describe(error, request_id).message, request_id)
    return Reply(msgspec.json.encode(body), JSON, STATUS, headers_of(error))


def hf_toolkit(*endpoints: Endpoint) -> WireProtocol:
    """These endpoints with the toolkit's errors."""
    return WireProtocol("Hugging Face inference toolkit", endpoints, refuse, ErrorBody)
