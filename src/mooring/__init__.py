"""Mooring: a Hugging Face encoder model, answering over HTTP on a CPU, the same bytes everywhere."""

__version__ = "0.1.0"
