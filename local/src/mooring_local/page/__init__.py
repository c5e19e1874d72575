"""The page at /_mooring/: browse the local SageMaker's resources, and ask an endpoint."""
