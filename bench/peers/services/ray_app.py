# mypy: ignore-errors
"""Ray Serve on a Ray of its own: PORT, WORKERS, BATCH and QA_THREADS from the environment. Ends with SIGTERM."""

import os
import signal

import ray
from ray import serve

WORKERS, BATCH = int(os.environ["WORKERS"]), int(os.environ["BATCH"])


@serve.deployment(num_replicas=WORKERS, max_ongoing_requests=max(2, 2 * BATCH), ray_actor_options={"num_cpus": 0.1})
class Answers:
    def __init__(self):
        from qa import QuestionAnswering

        self.service = QuestionAnswering()

    @serve.batch(max_batch_size=BATCH, batch_wait_timeout_s=0.002 if BATCH > 1 else 0.0)
    async def answer(self, pairs):
        return self.service.answer(pairs)

    async def __call__(self, request):
        asked = await request.json()
        return await self.answer((asked["question"], asked["context"]))


if __name__ == "__main__":
    ray.init(
        num_cpus=max(2, WORKERS),
        include_dashboard=False,
        object_store_memory=100_000_000,
        _temp_dir=os.environ["RAY_FOLDER"],
        _node_ip_address="127.0.0.1",
        log_to_driver=False,
        configure_logging=True,
        logging_level="error",
    )
    serve.start(http_options={"host": "127.0.0.1", "port": int(os.environ["PORT"])})
    serve.run(Answers.bind(), route_prefix="/answer", logging_config={"enable_access_log": False, "log_level": "ERROR"})
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    serve.shutdown()
    ray.shutdown()
