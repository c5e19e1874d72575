# mypy: ignore-errors
"""BentoML: `bentoml serve bentoml_app:Answers`; WORKERS and BATCH from the environment."""

import os

import bentoml
from pydantic import BaseModel


class Asked(BaseModel):
    question: str
    context: str


BATCH = int(os.environ["BATCH"])
BATCHING = {"batchable": True, "max_batch_size": BATCH, "max_latency_ms": 60_000} if BATCH > 1 else {}


@bentoml.service(workers=int(os.environ["WORKERS"]), threads=1, traffic={"timeout": 60, "max_concurrency": 1000})
class Answers:
    def __init__(self):
        from qa import QuestionAnswering

        self.service = QuestionAnswering()

    @bentoml.api(**BATCHING)
    def answer(self, asked: list[Asked]) -> list[dict]:
        return self.service.answer([(one.question, one.context) for one in asked])
