"""List the wire protocols of a single-model server. A new one is a file, a row here, and routes in `no_route.py`."""

from collections.abc import Sequence

from mooring.web.protocols.hf_inference import HF_INFERENCE, INFERENCE
from mooring.web.protocols.hf_toolkit import hf_toolkit
from mooring.web.protocols.kserve import KSERVE
from mooring.web.protocols.native import NATIVE
from mooring.web.protocols.open_inference import OPEN_INFERENCE
from mooring.web.protocols.openai import OPENAI
from mooring.web.protocols.rerank import RERANK
from mooring.web.protocols.sagemaker import INVOCATIONS, SAGEMAKER
from mooring.web.protocols.tei import TEI
from mooring.web.wire import WireProtocol

PROTOCOLS: Sequence[WireProtocol] = (
    SAGEMAKER,
    HF_INFERENCE,
    OPEN_INFERENCE,
    KSERVE,
    OPENAI,
    TEI,
    RERANK,
    NATIVE,
)
"""If two share a method and path, the first one answers."""
TOOLKIT_PROTOCOLS: Sequence[WireProtocol] = (hf_toolkit(INVOCATIONS, *INFERENCE), *PROTOCOLS)
"""With the errors of the stock Hugging Face inference toolkit."""
