"""SageMaker's control plane: one file per resource type, each with its handlers; `service.py` joins them."""
