"""Import OpenVINO without its telemetry; graph/, backends/openvino.py and build/ import it only through here.

`import openvino` starts a child process that reports to an analytics service and writes below HOME. The module that
does this is disabled before the import, which is also faster.
"""

import sys
from typing import Any

from mooring.observe.memory import uncollected, without


def import_openvino() -> Any:
    """The `openvino` module, without its telemetry."""
    # None in sys.modules makes `import openvino_telemetry` raise ImportError; openvino falls back to its own stub.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    if "openvino" not in sys.modules:
        # Its converter takes nearly half of the import time and is not used here.
        with without("openvino.tools.ovc"), uncollected():
            import openvino
        openvino.__getattr__ = _converter
    import openvino

    return openvino


def _converter(name: str) -> Any:
    """For user code: `openvino.convert_model`, loaded on first use."""
    if name != "convert_model":
        raise AttributeError(f"module 'openvino' has no attribute {name!r}")
    from openvino.tools.ovc import convert_model

    return convert_model


def import_opset() -> Any:
    """The operator set for building graphs."""
    import_openvino()
    from openvino import opset13

    return opset13


def gist(error: Exception) -> str:
    """The essential part of an OpenVINO error: its last line, at most 300 characters."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # The lines before it are locations in OpenVINO's source.
    return lines[-1][:300] if lines else type(error).__name__
