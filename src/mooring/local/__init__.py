"""A SageMaker on localhost: the wire formats of the real one, endpoints that really run, state that survives a restart."""
