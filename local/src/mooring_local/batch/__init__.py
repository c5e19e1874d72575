"""Batch transform: objects in, answers beside them out, by a model that runs for one job."""
