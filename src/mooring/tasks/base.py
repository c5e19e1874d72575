"""Define tasks: `TaskSpec`, the facts of a task, and `Task`, a task opened on one model.

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
    """A tokenized request: its windows, and what `finish` needs to decode the model's output."""

    windows: Sequence[Window]
    state: Any
    """Private to the task."""
    truncated: int = 0
    """Number of texts that were cut off."""

    @property
    def tokens(self) -> int:
        """Tokens of all windows, including special tokens and overlaps, without padding."""
        return sum(len(window) for window in self.windows)


class Task(Protocol):
    """A task opened on one model. Stateless between calls and safe to call from several threads."""

    @property
    def name(self) -> str:
        """The Hub's name of the task, e.g. "question-answering"."""

    def parse(self, body: object) -> Any:
        """Check a decoded body in the format of Hugging Face's pipelines and return the task's request.

        The body may be wrapped (`{"inputs": …, "parameters": …}`) or not. Cheap: no tokenizing. Raises InvalidRequest
        with a JSON pointer to the invalid field.
        """

    def estimate(self, request: Any) -> int:
        """Estimated number of tokens of this request, from its characters only. At least 1."""

    def key(self, request: Any) -> bytes:
        """A digest of everything that the answer depends on, except the model."""

    def prepare(self, request: Any) -> Prepared:
        """Tokenize and cut into windows. Raises InvalidRequest for errors that only tokenizing reveals."""

    def finish(self, prepared: Prepared, outputs: Sequence[Outputs]) -> object:
        """Turn the outputs, in the order of the windows, into an answer of dicts, lists, str, int and float."""

    def probe(self) -> Any:
        """A request of exactly one short window, for warm-up and health."""


@dataclass(frozen=True, slots=True)
class TaskOptions:
    """Options for opening a task."""

    max_windows: int = 4096
    """Limit of one request."""
    document_bytes: int = 0
    """Memory for the cache of tokenized texts."""
    truncate: bool = False
    """Whether to cut texts that are too long, if the request says nothing; otherwise they are refused."""


@dataclass(frozen=True, slots=True)
class ModelParts:
    """The model that a task is opened on."""

    folder: ModelFolder
    manifest: Manifest
    tokenizer: TextTokenizer
    options: TaskOptions = TaskOptions()


def _always(_: Manifest) -> bool:
    return True


def _never(_: object) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """The facts of a task. Each task is a value in its own file, listed in `TASKS`."""

    name: str
    """The Hub's name of the task."""
    head: str
    """The graph's head: a key of `HEADS` in graph/heads.py."""
    architectures: tuple[str, ...]
    """Suffixes of the transformers classes for this task, e.g. "ForQuestionAnswering"."""
    default_window: int | None
    """Default window length in tokens; None for the model's limit."""
    inputs: Any
    """Type of `inputs` in a request, for the OpenAPI document: a type that msgspec describes."""
    parameters: Any
    """Type of `parameters`."""
    answer: Any
    """Type of the answer to one input."""
    example: Mapping[str, Any]
    """A complete example body for any model of the task."""
    columns: tuple[str, ...]
    """CSV columns that may be used instead of `inputs`."""
    several: Callable[[object], bool]
    """Whether `inputs` hold several requests, which are answered by a list."""
    open: Callable[[ModelParts], Task]
    """Open the task on a model. Raises a ModelError if the model is not suitable."""
    metric: Metric
    labelled: Format
    """The format of files with labeled examples."""
    offered: Callable[[Manifest], bool] = _always
    """Whether a model with this head can do the task."""
    takes: Callable[[object], bool] = _never
    """Whether a decoded body can only be meant for this task, if the model's own task is another one."""
    unlisted: bool = False
    """Whether a list of one request is answered like that request alone, and not by a list."""
    aliases: tuple[str, ...] = ()
    """Other names that `--task` and requests accept."""
    judged_as: str = ""
    """The task whose metric judges a built model, if the model offers it; "" for this one."""
