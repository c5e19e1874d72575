"""Replace the Hugging Face inference toolkit where it is not installed: the names that user code imports."""

from mooring.handler.stand_ins import install

install(__name__)
