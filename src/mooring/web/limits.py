"""What one HTTP request may take, as plain values. Made by `wiring/` from the settings, or by a test."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WebLimits:
    """Sizes in bytes, times in seconds."""

    max_body_bytes: int = 26_214_400
    deadline_s: float = 60.0
    """From the end of the body to the answer."""
    body_s: float = 60.0
    """From the end of the headers to the end of the body."""
    thread_bytes: int = 262_144
    """Bodies above this are decoded in a thread: what takes milliseconds must not hold up everybody's next step."""
    transform_payload_mb: int = 1
    """What batch transform is told to send at once. Of short lines 1 MB is a few thousand windows, which is about what
    one request may have and what a small machine answers before the deadline."""
    max_transforms: int = 4
    """How many such requests at once: enough to keep the engine busy while answers travel."""
