"""Compute answers to parsed requests: admission, queue, batching, worker threads, health."""
