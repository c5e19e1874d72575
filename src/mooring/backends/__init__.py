"""List the backends that can compute models. A new one is a file and a row here."""

from collections.abc import Mapping

from mooring.backends.base import BackendKind
from mooring.backends.openvino import OPENVINO

BACKENDS: Mapping[str, BackendKind] = {kind.name: kind for kind in (OPENVINO,)}
DEFAULT = OPENVINO.name
