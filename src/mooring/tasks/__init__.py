"""List the supported tasks by their Hub names. A new task is a file and a row here."""

from collections.abc import Mapping

from mooring.errors import UsageError, echo
from mooring.spelling import nearest
from mooring.tasks.base import TaskSpec
from mooring.tasks.feature_extraction import FEATURE_EXTRACTION
from mooring.tasks.fill_mask import FILL_MASK
from mooring.tasks.question_answering import QUESTION_ANSWERING
from mooring.tasks.sentence_embeddings import SENTENCE_EMBEDDINGS
from mooring.tasks.sentence_similarity import SENTENCE_SIMILARITY
from mooring.tasks.text_classification import TEXT_CLASSIFICATION
from mooring.tasks.text_ranking import TEXT_RANKING
from mooring.tasks.token_classification import TOKEN_CLASSIFICATION
from mooring.tasks.zero_shot_classification import ZERO_SHOT_CLASSIFICATION

TASKS: Mapping[str, TaskSpec] = {
    spec.name: spec
    for spec in (
        QUESTION_ANSWERING,
        TEXT_CLASSIFICATION,
        TOKEN_CLASSIFICATION,
        FILL_MASK,
        TEXT_RANKING,
        ZERO_SHOT_CLASSIFICATION,
        FEATURE_EXTRACTION,
        SENTENCE_EMBEDDINGS,
        SENTENCE_SIMILARITY,
    )
}


def unaliased(name: str) -> str:
    """The name of the task with this alias; any other name as it is."""
    return next((spec.name for spec in TASKS.values() if name in spec.aliases), name)


def task_named(name: str) -> str:
    """The task with this name or alias, as `--task` gives it. Raises UsageError."""
    if (found := unaliased(name)) in TASKS:
        return found
    near = nearest(name, TASKS)
    hint = f"Did you mean {near[0]}?" if near else f"Supported: {', '.join(TASKS)}."
    raise UsageError(f"Unknown task {echo(name)}.", hint=hint)
