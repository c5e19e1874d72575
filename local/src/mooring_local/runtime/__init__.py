"""The SageMaker Runtime API: route requests to the containers of endpoints."""
