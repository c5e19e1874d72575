"""The only door to OpenVINO: graph/, backends/openvino.py and build/ import it through here.

`import openvino` forks a child that reports to an analytics service and writes below HOME. Nobody asked for that, so
the module that does it is switched off before the import; leaving it out is also faster.
"""

import sys
from typing import Any


def import_openvino() -> Any:
    """The `openvino` module, with its telemetry never loaded."""
    # None in sys.modules makes `import openvino_telemetry` raise ImportError; openvino falls back to a stub of its own.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def import_opset() -> Any:
    """The operator set that graphs are built from."""
    import_openvino()
    from openvino import opset13

    return opset13
