"""Stands in for the SageMaker inference toolkit where that is not installed: what user code imports of it."""
