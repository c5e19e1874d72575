"""What a handler raises to choose the status of its response, and metrics written to the log."""

import logging

from mooring.handler.not_offered import FUNCTIONS, refusing

logger = logging.getLogger(__name__)

PREDICTION_METRIC = "PredictionTime"


class PredictionException(Exception):
    """The caller gets the message, with `error_code` as HTTP status."""

    def __init__(self, message, error_code=500):
        super().__init__(message)
        self.message = message
        self.error_code = error_code

    def __str__(self):
        return f"{self.message} : {self.error_code}"


def emit_metrics(metrics):
    """Each of them in a line of the log."""
    for metric in metrics or ():
        logger.info("[METRICS]%s", metric)


__getattr__ = refusing(__name__, {"Service": FUNCTIONS})
