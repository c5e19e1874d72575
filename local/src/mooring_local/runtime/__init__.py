"""What boto3's `sagemaker-runtime` calls: a request to an endpoint in, its container's answer out."""
