"""Let handlers choose the response status by an exception, and measure time and metrics."""

import logging
import time
from functools import wraps

from mooring.handler.stand_ins import refusing

logger = logging.getLogger(__name__)

PREDICTION_METRIC = "PredictionTime"


class PredictionException(Exception):
    """The client gets the message, with `error_code` as HTTP status."""

    def __init__(self, message, error_code=500):
        super().__init__(message)
        self.message = message
        self.error_code = error_code

    def __str__(self):
        return f"{self.message} : {self.error_code}"


def emit_metrics(metrics):
    """Log each metric on its own line."""
    for metric in metrics or ():
        logger.info("[METRICS]%s", metric)


def timeit(func):
    """Print wall and CPU time of every call."""

    @wraps(func)
    def timed(*args, **kwargs):
        began, cpu = time.perf_counter(), time.process_time()
        result = func(*args, **kwargs)
        print(f"{func.__name__}: {time.perf_counter() - began:.4f} s, {time.process_time() - cpu:.4f} s of CPU")
        return result

    return timed


__getattr__ = refusing(__name__)
