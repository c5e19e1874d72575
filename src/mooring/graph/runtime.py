"""The only door to OpenVINO: graph/, backends/openvino.py and build/ import it through here.

`import openvino` forks a child that reports to an analytics service and writes below HOME. Nobody asked for that, so
the module that does it is switched off before the import; leaving it out is also faster.
"""

import sys
from typing import Any

from mooring.observe.lean import uncollected, without


def import_openvino() -> Any:
    """The `openvino` module, with its telemetry never loaded."""
    # None in sys.modules makes `import openvino_telemetry` raise ImportError; openvino falls back to a stub of its own.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    if "openvino" not in sys.modules:
        # Its converter is nearly half of the import, and nothing here converts.
        with without("openvino.tools.ovc"), uncollected():
            import openvino
        openvino.__getattr__ = _converter
    import openvino

    return openvino


def _converter(name: str) -> Any:
    """For user code, which may: `openvino.convert_model`, loaded when it is asked for."""
    if name != "convert_model":
        raise AttributeError(f"module 'openvino' has no attribute {name!r}")
    from openvino.tools.ovc import convert_model

    return convert_model


def import_opset() -> Any:
    """The operator set that graphs are built from."""
    import_openvino()
    from openvino import opset13

    return opset13


def gist(error: Exception) -> str:
    """What OpenVINO says is wrong: the last line of its error's text, at most 300 characters."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # The lines before it are places in OpenVINO's source.
    return lines[-1][:300] if lines else type(error).__name__
