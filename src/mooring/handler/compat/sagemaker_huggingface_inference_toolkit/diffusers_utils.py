"""Diffusion models are not served."""

import logging

from mooring.handler.not_offered import refusing

logger = logging.getLogger(__name__)

_DIFFUSERS = "diffusion models are not served. Load one with diffusers in model_fn of code/inference.py."


def is_diffusers_available():
    """False."""
    return False


__getattr__ = refusing(
    __name__,
    dict.fromkeys(("DIFFUSERS_TASKS", "SMDiffusionPipelineForText2Image", "get_diffusers_pipeline"), _DIFFUSERS),
)
