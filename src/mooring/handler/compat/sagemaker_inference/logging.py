"""The toolkit's logger. Its lines are among the server's own."""

import logging


def configure_logger():
    """Nothing to do: the server has set up logging."""


def get_logger():
    """The logger "sagemaker-inference"."""
    return logging.getLogger("sagemaker-inference")
