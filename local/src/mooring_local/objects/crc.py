"""CRC-32C and CRC-64/NVME, which S3 supports and Python's standard library lacks.

The package awscrt has them, but boto3 imports it wherever it is installed: 12 MB and 0.1 s at every start.

Both are bit-reflected CRCs. NumPy computes them for many rows of the data in parallel, one byte of each row per step.
Then the rows are combined pairwise: a CRC is linear over GF(2), so the CRC of `a + b` is that of `a`, shifted over
`len(b)` zero bytes, XOR that of `b`. Shifting is a multiplication by a bit matrix, one for each power of two. About
50 to 100 MB/s on one core.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

_ROWS = 4096


class Crc:
    """A CRC with the interface of `hashlib`. `width` in bits; `polynomial` in reflected form."""

    def __init__(self, width: int, polynomial: int) -> None:
        self._width, self._polynomial = width, polynomial
        self._ones = (1 << width) - 1
        self._state = self._ones
        """Before the final inversion."""

    def update(self, data: bytes, /) -> None:
        """Add data."""
        length = len(data) // _ROWS
        if length >= 16:
            self._take_rows(data[: length * _ROWS], length)
            data = data[length * _ROWS :]
        table = _bytes_table(self._polynomial)
        state = self._state
        for byte in data:
            state = int(table[(state ^ byte) & 0xFF]) ^ (state >> 8)
        self._state = state

    def digest(self) -> bytes:
        """The checksum of all data, big-endian, as in S3's headers."""
        return (self._state ^ self._ones).to_bytes(self._width // 8, "big")

    def _take_rows(self, data: bytes, length: int) -> None:
        table = _bytes_table(self._polynomial)
        columns = np.frombuffer(data, np.uint8).reshape(_ROWS, length).T.astype(np.uint64)
        states = np.zeros(_ROWS, np.uint64)
        for column in columns:
            states = table[(states ^ column) & np.uint64(0xFF)] ^ (states >> np.uint64(8))
        size = length
        while len(states) > 1:
            states = _moved(states[::2], self._zeros(size)) ^ states[1::2]
            size *= 2
        before = _moved(np.array([self._state], np.uint64), self._zeros(len(data)))
        self._state = int(before[0] ^ states[0])

    def _zeros(self, count: int) -> Any:
        return _zeros(self._width, self._polynomial, count)


def crc32c() -> Crc:
    """CRC-32C (Castagnoli)."""
    return Crc(32, 0x82F63B78)


def crc64nvme() -> Crc:
    """CRC-64 of the NVMe specification."""
    return Crc(64, 0x9A6C9329AC4BC9B5)


CRCS: Mapping[str, Callable[[], Crc]] = {"crc32c": crc32c, "crc64nvme": crc64nvme}
"""By name in S3's headers."""


@cache
def _bytes_table(polynomial: int) -> Any:
    """The CRC of each byte."""
    table = np.arange(256, dtype=np.uint64)
    for _ in range(8):
        table = np.where(table & np.uint64(1), (table >> np.uint64(1)) ^ np.uint64(polynomial), table >> np.uint64(1))
    return table


@cache
def _zeros(width: int, polynomial: int, count: int) -> Any:
    """The matrix that shifts a CRC over `count` zero bytes: the image of each bit. [width]"""
    if count == 1:
        bits = np.uint64(1) << np.arange(width, dtype=np.uint64)
        return _bytes_table(polynomial)[bits & np.uint64(0xFF)] ^ (bits >> np.uint64(8))
    half = _zeros(width, polynomial, count // 2)
    whole = _moved(half, half)
    return _moved(whole, _zeros(width, polynomial, 1)) if count % 2 else whole


def _moved(states: Any, matrix: Any) -> Any:
    """Each state times the matrix. [states]"""
    moved = np.zeros_like(states)
    for bit, column in enumerate(matrix):
        moved ^= np.where((states >> np.uint64(bit)) & np.uint64(1), column, np.uint64(0))
    return moved
