"""What functions get as `context`: the server's own classes, for annotations and tests."""

from mooring.handler.context import Context, RequestProcessor

__all__ = ["Context", "RequestProcessor"]
