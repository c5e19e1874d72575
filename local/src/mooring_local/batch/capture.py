"""Data capture of a transform job: manifests of its inputs and outputs.

    DESTINATION/input/yyyy/mm/dd/hh/ID.json     [{"prefix": "s3://bucket/folder/"}, "first", "second"]
    DESTINATION/output/yyyy/mm/dd/hh/ID.json    the same of its outputs

As on the real service, the data itself is not copied.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from os.path import commonprefix
from typing import Any
from uuid import uuid4

from mooring_local.batch.faults import BatchFault
from mooring_local.objects.entry import Entry
from mooring_local.objects.store import ObjectStore
from mooring_local.wire.faults import Fault


def capture(config: Mapping[str, Any], found: Sequence[tuple[Entry, str]], store: ObjectStore) -> None:
    """`config`: the job's DataCaptureConfig; `found`: inputs with their outputs' addresses. Raises BatchFault."""
    when, name = f"{datetime.now(UTC):%Y/%m/%d/%H}", f"{uuid4()}.json"
    sides = {"input": [entry.uri for entry, _ in found], "output": [target for _, target in found]}
    for side, addresses in sides.items():
        uri = f"{config['DestinationS3Uri'].rstrip('/')}/{side}/{when}/{name}"
        try:
            store.put(*store.locate(uri), manifest(addresses), "application/json")
        except Fault as fault:
            raise BatchFault(f"Could not write captured data to {uri}: {fault.message} ({fault.code}).") from None


def manifest(addresses: Sequence[str]) -> bytes:
    """The addresses relative to their deepest common folder."""
    shared = commonprefix([*addresses])  # noqa: RUF071 - character by character, then back to the last slash
    prefix = shared[: shared.rindex("/") + 1]
    return json.dumps([{"prefix": prefix}, *(one.removeprefix(prefix) for one in addresses)]).encode()
