"""What a peer is: how it is started, asked and understood. Each product's module makes its own for `catalogue.py`."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from bench.peers.setup import PEERS

SERVICES = Path(__file__).parent / "services"
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONDONTWRITEBYTECODE": "1",
}
"""No peer calls anybody. Tokenizers' own threads would compete with a worker's."""


@dataclass(frozen=True, slots=True)
class Models:
    """One model in every form that a peer takes. `prepare.py` makes them."""

    name: str
    source: Path
    """config, tokenizer and safetensors, as from the Hub."""
    onnx: Path
    """model.onnx, model-int8.onnx, tokenizer."""
    ours_int8: Path
    """What `moor build` made."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a peer is to run this time."""

    port: int
    models: Models
    folder: Path
    """Empty; for what the peer wants to write."""
    cores: int
    """How many it may use; it is pinned to them."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A command, run in `Place.folder`; `environ` goes on top of a bare environment."""

    command: list[str]
    environ: Mapping[str, str]


class Answer(NamedTuple):
    """A span."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Peer:
    """One configuration of one product."""

    product: str
    precision: str
    """fp32, bf16 or int8: of the large matrix products."""
    layout: str
    """Processes × threads each, or "default"."""
    environment: str
    """Name of its virtual environment; "" is ours."""
    path: str
    launch: Callable[[Place], Launch]
    body: Callable[[str, str], bytes]
    read: Callable[[Any], Answer]
    """From the decoded response. Raises LookupError or TypeError for what is no answer."""
    settings: str
    """What the page says of it."""

    @property
    def name(self) -> str:
        """As `--peers` takes it."""
        return f"{self.product}-{self.precision}-{self.layout}"


def flat_body(question: str, context: str) -> bytes:
    """{"question": …, "context": …}"""
    return _json({"question": question, "context": context})


def wrapped_body(question: str, context: str) -> bytes:
    """{"inputs": {"question": …, "context": …}}, as the Hugging Face stack takes it."""
    return _json({"inputs": {"question": question, "context": context}})


def named_body(name: str, *, listed: bool = False) -> Callable[[str, str], bytes]:
    """The flat body under a name, if `listed` as the only one of a list."""

    def body(question: str, context: str) -> bytes:
        asked = {"question": question, "context": context}
        return _json({name: [asked] if listed else asked})

    return body


def read_answer(found: Any) -> Answer:
    """The pipeline's form, alone or first of a list."""
    if isinstance(found, list):
        found = found[0]
    return Answer(found["answer"], found["start"], found["end"])


def launch(environment: str, command: list[str], **environ: str) -> Launch:
    """`command` by an environment's programs: the first word is looked up in its bin/ (every word may be a Path)."""
    folder = PEERS / environment / "bin"
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return Launch([str(folder / command[0]), *command[1:]], {**OFFLINE, "PATH": path, **environ})


def service_environ(place: Place, precision: str, threads: int) -> dict[str, str]:
    """What services/qa.py wants to know. `precision` is one of its own."""
    model = place.models.onnx if precision.startswith("ort") else place.models.source
    return {
        "QA_MODEL": str(model),
        "QA_PRECISION": precision,
        "QA_THREADS": str(threads),
        "OMP_NUM_THREADS": str(threads),
        "PYTHONPATH": str(SERVICES),
    }


def _json(body: dict[str, object]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()
