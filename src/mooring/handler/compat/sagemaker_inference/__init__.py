"""Stands in for the SageMaker inference toolkit where that is not installed: what users' code imports of it."""

from sagemaker_inference import content_types, decoder, default_inference_handler, encoder, errors

__all__ = ["content_types", "decoder", "default_inference_handler", "encoder", "errors"]
