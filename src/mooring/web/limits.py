"""What one HTTP request may take and how it is met, as plain values. Made by `wiring/`, or by a test."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WebLimits:
    """Sizes in bytes, times in seconds."""

    max_body_bytes: int = 26_214_400
    max_in_flight: int = 1024
    """Requests to the model at the same time."""
    deadline_s: float = 60.0
    """From the end of the body to the answer."""
    body_s: float = 60.0
    """From the end of the headers to the end of the body."""
    thread_bytes: int = 65_536
    """Bodies above this are decoded in a thread: what takes milliseconds must not hold up everybody's next step."""
    max_records: int = 4096
    """Lines or rows that one body may hold. Where they are one request, each is a window of it at least."""
    batch: bool = False
    """A batch transform job: lines and rows are answered one by one, and a full queue is waited for."""
    default_accept: str = ""
    """For requests that accept nothing in particular; "" is JSON."""
    ping_always_200: bool = False
    """As the stock server: /ping is no news of the model."""
    strict_content_types: bool = False
    """As the stock toolkit: a Content-Type has to be one of the names, letter by letter."""
    hft_errors: bool = False
    """As the stock toolkit: every error of POST /invocations is a 400."""
    max_transforms: int = 2
    """Batch transform's requests at the same time: one is computed while the other's answers travel."""
