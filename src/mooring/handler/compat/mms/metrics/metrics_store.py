"""What `context.metrics` is."""

from mooring.handler.context import Metrics


class MetricsStore(Metrics):
    """Accepts metrics and records none: /metrics has the server's own."""

    def __init__(self, request_ids, model_name):
        self.request_ids = request_ids
        self.model_name = model_name
        self.store = []
        self.cache = {}
