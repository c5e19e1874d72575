"""The page at /_mooring/: what the local SageMaker has, in a browser, and a box to ask an endpoint."""
