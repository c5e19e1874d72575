"""Stands in for the stock model server's package where that is not installed: what user code imports of it."""

from mms.version import __version__ as __version__
