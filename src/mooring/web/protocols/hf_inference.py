"""Hugging Face's inference protocol: its clients post to the address that they are given, as it is, and ask /health.

Requests and answers are those of /invocations.
"""

import dataclasses

from mooring.web.protocols.sagemaker import INVOCATIONS, PING
from mooring.web.status import ErrorBody, refuse
from mooring.web.wire import WireProtocol

BARE = dataclasses.replace(INVOCATIONS, path="/", summary="As POST /invocations, for Hugging Face's clients")
HEALTH = dataclasses.replace(PING, path="/health", summary="As GET /ping")

HF_INFERENCE = WireProtocol("Hugging Face", (BARE, HEALTH), refuse, ErrorBody)
