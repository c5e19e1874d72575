"""Between a parsed request and its answer: admission, the queue, batches, the worker thread, health."""
