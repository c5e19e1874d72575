"""AWS's wire formats: what a request says and how an answer is written. Knows no SageMaker."""
