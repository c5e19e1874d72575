# mypy: ignore-errors
"""FastAPI and ONNX Runtime, by hand: `uvicorn fastapi_app:app`. QA_LANES requests are computed at a time."""

import os

import anyio
from anyio import to_thread
from fastapi import FastAPI
from pydantic import BaseModel
from qa import QuestionAnswering

app = FastAPI()
service = QuestionAnswering()
lanes = anyio.Semaphore(int(os.environ.get("QA_LANES", "1")))


class Asked(BaseModel):
    question: str
    context: str


@app.post("/answer")
async def answer(asked: Asked):
    async with lanes:
        return (await to_thread.run_sync(service.answer, [(asked.question, asked.context)]))[0]
