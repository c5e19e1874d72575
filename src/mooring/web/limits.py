"""Limits and options of HTTP requests, as plain values. Made by `wiring/` or a test."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WebLimits:
    """Sizes in bytes, times in seconds."""

    max_body_bytes: int = 26_214_400
    max_in_flight: int = 1024
    """Most concurrent inference requests."""
    deadline_s: float = 60.0
    """Time from the end of the body to the answer."""
    body_s: float = 60.0
    """Time from the end of the headers to the end of the body."""
    thread_bytes: int = 65_536
    """Larger bodies are decoded in a thread: milliseconds on the event loop delay every request."""
    max_records: int = 4096
    """Most lines or rows in one body. Each makes at least one window."""
    truncate: bool = False
    """Whether texts that are too long are cut by default. The tasks do so; this is for /info."""
    batch: bool = False
    """Batch transform: lines and rows are answered separately, and wait for a full queue."""
    default_accept: str = ""
    """Default response type; "" means JSON."""
    ping_always_200: bool = False
    """As in the stock server: /ping answers 200 whatever the state of the model."""
    strict_content_types: bool = False
    """As in the stock toolkit: the Content-Type must match a supported name exactly."""
    hft_errors: bool = False
    """As in the stock toolkit: every error of POST /invocations is a 400."""
    page: bool = True
    """Whether browsers get a page at GET /."""
    hosts: frozenset[str] | None = None
    """Names by which the server may be called; None: any."""
    max_transforms: int = 2
    """Concurrent batch transform requests: one is computed while another's response is transferred."""
