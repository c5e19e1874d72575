"""One metric."""

import socket
import time

from mms.metrics.unit import Units

MetricUnit = Units()


class Metric:
    """A named value with unit and dimensions; a counter adds up."""

    def __init__(self, name, value, unit, dimensions, request_id=None, metric_method=None):
        self.name = name
        self.unit = MetricUnit.units.get(unit, unit)
        self.metric_method = metric_method
        self.value = value
        self.dimensions = dimensions
        self.request_id = request_id

    def update(self, value):
        """Add to a counter, set any other."""
        self.value = self.value + value if self.metric_method == "counter" else value

    def __str__(self):
        dimensions = ",".join(str(dimension) for dimension in self.dimensions)
        request = f",{self.request_id}" if self.request_id else ""
        place = f"#hostname:{socket.gethostname()},{int(time.time())}"
        return f"{self.name}.{self.unit}:{self.value}|#{dimensions}|{place}{request}"

    def to_dict(self):
        """As CloudWatch has it."""
        return {
            "MetricName": self.name,
            "Value": self.value,
            "Unit": self.unit,
            "Dimensions": self.dimensions,
            "Timestamp": int(time.time()),
            "HostName": socket.gethostname(),
            "RequestId": self.request_id,
        }
