"""SageMaker's control plane: one file for each noun, each with a table of its operations; `service.py` joins them."""
