# mypy: ignore-errors
"""A handwritten FastAPI and ONNX Runtime service: `uvicorn fastapi_app:app`. Computes one request at a time."""

import anyio
from anyio import to_thread
from fastapi import FastAPI
from pydantic import BaseModel
from qa import QuestionAnswering

app = FastAPI()
service = QuestionAnswering()
lane = anyio.Lock()


class Asked(BaseModel):
    question: str
    context: str


class Request(BaseModel):
    inputs: Asked


@app.post("/invocations")
async def answer(request: Request):
    async with lane:
        return await to_thread.run_sync(service.answer, request.inputs.question, request.inputs.context)
