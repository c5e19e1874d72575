"""List the supported tasks by their Hub names. A new task is a file and a row here."""

from collections.abc import Mapping

from mooring.tasks.base import TaskSpec
from mooring.tasks.question_answering import QUESTION_ANSWERING
from mooring.tasks.text_classification import TEXT_CLASSIFICATION

TASKS: Mapping[str, TaskSpec] = {spec.name: spec for spec in (QUESTION_ANSWERING, TEXT_CLASSIFICATION)}
