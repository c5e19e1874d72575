"""Stands in for the Hugging Face inference toolkit where that is not installed: what user code imports of it."""
