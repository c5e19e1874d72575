"""Batch transform: run a model for one job and write its predictions for S3 objects to S3."""
