"""Stands in for the SageMaker inference toolkit where that is not installed: what user code imports of it."""

from mooring.handler.stand_ins import install

install(__name__)
