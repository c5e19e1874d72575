"""The version of the stock server whose names these are."""

__version__ = "1.1.11"
