"""Replace the stock model server's package where it is not installed: the names that user code imports.

Its metrics are accepted and not recorded; /metrics has Mooring's own.
"""

import logging
import socket
import time
from functools import wraps

from mooring.handler.context import Metrics
from mooring.handler.stand_ins import install

__version__ = "1.1.11"
"""Version of the stock server with these names."""

install(__name__)

logger = logging.getLogger("mms.service")

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


class Units:
    """Short unit → CloudWatch unit."""

    def __init__(self):
        self.units = {
            "ms": "Milliseconds",
            "s": "Seconds",
            "percent": "Percent",
            "count": "Count",
            "MB": "Megabytes",
            "GB": "Gigabytes",
            "kB": "Kilobytes",
            "B": "Bytes",
            None: "unit",
        }


MetricUnit = Units()


class Metric:
    """A named value with unit and dimensions; a counter accumulates."""

    def __init__(self, name, value, unit, dimensions, request_id=None, metric_method=None):
        self.name = name
        self.unit = MetricUnit.units.get(unit, unit)
        self.metric_method = metric_method
        self.value = value
        self.dimensions = dimensions
        self.request_id = request_id

    def update(self, value):
        """Add to a counter; set any other metric."""
        self.value = self.value + value if self.metric_method == "counter" else value

    def __str__(self):
        dimensions = ",".join(str(dimension) for dimension in self.dimensions)
        request = f",{self.request_id}" if self.request_id else ""
        place = f"#hostname:{socket.gethostname()},{int(time.time())}"
        return f"{self.name}.{self.unit}:{self.value}|#{dimensions}|{place}{request}"

    def to_dict(self):
        """In CloudWatch's format."""
        return {
            "MetricName": self.name,
            "Value": self.value,
            "Unit": self.unit,
            "Dimensions": self.dimensions,
            "Timestamp": int(time.time()),
            "HostName": socket.gethostname(),
            "RequestId": self.request_id,
        }


class Dimension:
    """A name and a value."""

    def __init__(self, name, value):
        self.name = name
        self.value = value

    def __str__(self):
        return f"{self.name}:{self.value}"

    def to_dict(self):
        """In CloudWatch's format."""
        return {"Name": self.name, "Value": self.value}


class MetricsStore(Metrics):
    """Accepts metrics without recording them; /metrics has Mooring's own."""

    def __init__(self, request_ids, model_name):
        self.request_ids = request_ids
        self.model_name = model_name
        self.store = []
        self.cache = {}
