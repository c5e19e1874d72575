# mypy: ignore-errors
"""BentoML: `bentoml serve bentoml_app:Answers`; WORKERS and BATCH from the environment."""

import os

import bentoml
from pydantic import BaseModel


class Asked(BaseModel):
    question: str
    context: str


@bentoml.service(workers=int(os.environ["WORKERS"]), traffic={"timeout": 60, "max_concurrency": 1000})
class Answers:
    def __init__(self):
        from qa import QuestionAnswering

        self.service = QuestionAnswering()

    @bentoml.api(batchable=True, max_batch_size=int(os.environ["BATCH"]), max_latency_ms=60_000)
    def answer(self, asked: list[Asked]) -> list[dict]:
        return self.service.answer([(one.question, one.context) for one in asked])
