"""Deployments, with the commands and classes of `mooring.deploy`, at a local SageMaker."""
