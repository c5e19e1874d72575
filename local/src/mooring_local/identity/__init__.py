"""What the SDKs ask on the way to SageMaker: who am I, which role, which image, how did it log, how does it scale."""
