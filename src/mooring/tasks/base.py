"""What a task is: `TaskSpec`, the facts of a kind of question, and `Task`, that task opened on one model.

`prepare` and `finish` are called by the engine in a thread, never on the event loop; `parse` by the web layer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mooring.backends.base import Outputs, Window
from mooring.model.folder import ModelFolder
from mooring.model.manifest import Manifest
from mooring.quality.examples import Format
from mooring.quality.metrics import Metric
from mooring.tokenization.text import TextTokenizer


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request after tokenizing: its windows, and whatever `finish` needs to read the numbers."""

    windows: Sequence[Window]
    state: Any
    """Belongs to the task alone."""
    truncated: bool = False
    """Whether some of the text is in no window."""

    @property
    def tokens(self) -> int:
        """Tokens of all windows, special tokens and overlaps included, padding not."""
        return sum(len(window) for window in self.windows)


class Task(Protocol):
    """A task opened on one model. Stateless between calls and safe to call from several threads."""

    @property
    def name(self) -> str:
        """The Hub's name of the task, e.g. "question-answering"."""

    def parse(self, body: object) -> Any:
        """Check a decoded body in the shape of Hugging Face's pipelines and return the task's own request.

        The body may be wrapped (`{"inputs": …, "parameters": …}`) or not. Cheap: no tokenizing. Raises InvalidRequest
        with a JSON pointer to the field at fault.
        """

    def estimate(self, request: Any) -> int:
        """About how many tokens `prepare` will make of this request, from its characters alone. At least 1."""

    def key(self, request: Any) -> bytes:
        """A digest of everything that the answer to this request depends on, the model apart."""

    def prepare(self, request: Any) -> Prepared:
        """Tokenize and cut into windows. Raises InvalidRequest for a fault that only tokenizing shows."""

    def finish(self, prepared: Prepared, outputs: Sequence[Outputs]) -> object:
        """Turn the windows' numbers, in the windows' order, into an answer of dicts, lists, str, int, float."""

    def probe(self) -> Any:
        """A request of exactly one short window, for warm-up and health."""


@dataclass(frozen=True, slots=True)
class TaskOptions:
    """How a task is opened."""

    max_windows: int = 4096
    """In one request."""
    document_bytes: int = 0
    """Memory for texts that are kept tokenized for requests to come."""


@dataclass(frozen=True, slots=True)
class ModelParts:
    """What a task is opened on."""

    folder: ModelFolder
    manifest: Manifest
    tokenizer: TextTokenizer
    options: TaskOptions = TaskOptions()


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """A kind of question that models answer: a value in a file of its own, listed in `TASKS`."""

    name: str
    """The Hub's name of the task."""
    head: str
    """What the graph computes for it: a key of `HEADS` in graph/heads.py."""
    architectures: tuple[str, ...]
    """Ends of the names of transformers' classes that do this task, e.g. "ForQuestionAnswering"."""
    default_window: int | None
    """Longest window by default, in tokens; None for as long as the model can read."""
    inputs: Any
    """Type of `inputs` in a request, for the OpenAPI document: a type that msgspec describes."""
    parameters: Any
    """Type of `parameters`."""
    answer: Any
    """Type of the answer to one input."""
    example: Mapping[str, Any]
    """A whole body that any model of the task can answer."""
    columns: tuple[str, ...]
    """The columns that a row of CSV may have instead of one called `inputs`."""
    several: Callable[[object], bool]
    """Whether `inputs` hold several requests, so that they are answered by a list."""
    open: Callable[[ModelParts], Task]
    """Open the task on a model. Raises a ModelError if the model cannot do it after all."""
    metric: Metric
    labelled: Format
    """The format of files with labelled examples."""
