"""The services that SDKs use around SageMaker: STS, IAM, ECR, CloudWatch Logs and Application Auto Scaling."""
