"""Stands in for the stock model server's package where that is not installed: what user code imports of it."""

from mooring.handler.stand_ins import install

__version__ = "1.1.11"
"""Of the stock server whose names these are."""

install(__name__)
