"""Every test of this folder logs into a string."""

from tests.support.captured_log import log as log
