"""Replace the stock model server's package where it is not installed: the names that user code imports."""

from mooring.handler.stand_ins import install

__version__ = "1.1.11"
"""Version of the stock server with these names."""

install(__name__)
