# mypy: ignore-errors
# ruff: noqa: ARG002 - names are the product's
"""LitServe: PORT, WORKERS and BATCH from the environment."""

import os

import litserve
from qa import QuestionAnswering


class Answers(litserve.LitAPI):
    def setup(self, device):
        self.service = QuestionAnswering()

    def decode_request(self, request):
        return request["question"], request["context"]

    def predict(self, pairs):
        return self.service.answer(pairs) if isinstance(pairs, list) else self.service.answer([pairs])[0]

    def batch(self, inputs):
        return inputs

    def unbatch(self, outputs):
        return outputs

    def encode_response(self, output):
        return output


if __name__ == "__main__":
    batch = int(os.environ["BATCH"])
    api = Answers(max_batch_size=batch, batch_timeout=0.002 if batch > 1 else 0.0)
    server = litserve.LitServer(api, accelerator="cpu", devices=1, workers_per_device=int(os.environ["WORKERS"]))
    server.run(host="127.0.0.1", port=int(os.environ["PORT"]), generate_client_file=False, log_level="warning")
