"""Serve Hugging Face's inference clients, which post to the bare address and poll /health.

Requests and answers are those of /invocations.
"""

import dataclasses

from mooring.web.protocols.sagemaker import INVOCATIONS, PING
from mooring.web.status import ErrorBody, refuse
from mooring.web.wire import WireProtocol

BARE = dataclasses.replace(INVOCATIONS, path="/", summary="Same as POST /invocations, for Hugging Face clients")
HEALTH = dataclasses.replace(PING, path="/health", summary="Same as GET /ping")

HF_INFERENCE = WireProtocol("Hugging Face", (BARE, HEALTH), refuse, ErrorBody)
