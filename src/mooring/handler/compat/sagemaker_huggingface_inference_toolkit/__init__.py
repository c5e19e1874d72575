"""Stands in for the Hugging Face inference toolkit where that is not installed: what users' code imports of it."""

from sagemaker_huggingface_inference_toolkit import content_types, decoder_encoder

__all__ = ["content_types", "decoder_encoder"]
