"""Data capture: write an endpoint's requests and responses to S3 according to its DataCaptureConfig.

One file of JSON Lines per request, DESTINATION/ENDPOINT/VARIANT/yyyy/mm/dd/hh/MM-SS-mmm-ID.jsonl; the real service puts
several requests into one file. Streams and asynchronous requests are not captured, as on the real service.
"""

import asyncio
import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from mooring_local.objects.store import ObjectStore
from mooring_local.runners.client import Answer
from mooring_local.runtime.request import Request
from mooring_local.runtime.routing import Route
from mooring_local.wire.faults import Fault

_CSV, _JSON = ("text/csv",), ("application/json",)
"""Default content types that are stored as text."""


class Captures:
    """Writes captured requests in the background."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._tasks: set[asyncio.Task[None]] = set()
        self._credit: dict[str, float] = {}
        """Endpoint → sampling credit; a request is captured when it reaches 1.0."""

    def take(self, route: Route, request: Request, answer: Answer) -> None:
        """Capture a request and its response, if sampled."""
        config = route.live.config.get("DataCaptureConfig") or {}
        if not config.get("EnableCapture", False) or not self._is_due(route.live.name, config):
            return
        now = datetime.now(UTC)
        name = f"{now:%M-%S}-{now.microsecond // 1000:03d}-{uuid4()}.jsonl"
        folder = f"{route.live.name}/{route.variant.name}/{now:%Y/%m/%d/%H}"
        uri = f"{config['DestinationS3Uri'].rstrip('/')}/{folder}/{name}"
        line = json.dumps(_event(config, now, request, answer), ensure_ascii=False, separators=(",", ":"))
        task = asyncio.ensure_future(self._write(route, uri, f"{line}\n".encode()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Wait until all captures are written."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _is_due(self, endpoint: str, config: Mapping[str, Any]) -> bool:
        credit = self._credit.get(endpoint, 0.0) + config.get("InitialSamplingPercentage", 100) / 100
        self._credit[endpoint] = credit - (credit >= 1.0)
        return bool(credit >= 1.0)

    async def _write(self, route: Route, uri: str, line: bytes) -> None:
        try:
            place = self._store.locate(uri)
            await asyncio.to_thread(self._store.put, *place, line, "application/x-jsonlines")
        except (Fault, OSError) as error:
            route.instance.say(f"Could not write captured data to {uri}: {error}")


def _event(config: Mapping[str, Any], now: datetime, request: Request, answer: Answer) -> dict[str, Any]:
    modes = {one["CaptureMode"] for one in config.get("CaptureOptions", ())}
    both = "InputAndOutput" in modes
    data: dict[str, Any] = {}
    if both or "Input" in modes:
        data["endpointInput"] = _body(config, "INPUT", request.get("ContentType") or "", request.body)
    if both or "Output" in modes:
        data["endpointOutput"] = _body(config, "OUTPUT", answer.headers.get("content-type", ""), answer.body)
    metadata: dict[str, Any] = {"eventId": str(uuid4()), "inferenceTime": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
    if (inference_id := request.get("InferenceId")) is not None:
        metadata["inferenceId"] = inference_id
    if (attributes := request.get("CustomAttributes")) is not None:
        metadata["customAttributes"] = [attributes]
    return {"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}


def _body(config: Mapping[str, Any], mode: str, content_type: str, body: bytes) -> dict[str, str]:
    """The body as text if its content type allows it, otherwise in base64."""
    kinds = config.get("CaptureContentTypeHeader") or {}
    kind = content_type.partition(";")[0].strip().lower()
    encoding = "BASE64"
    for name, known in (("CSV", kinds.get("CsvContentTypes", _CSV)), ("JSON", kinds.get("JsonContentTypes", _JSON))):
        if kind in known:
            encoding = name
    try:
        text = base64.b64encode(body).decode() if encoding == "BASE64" else body.decode()
    except UnicodeDecodeError:
        encoding, text = "BASE64", base64.b64encode(body).decode()
    return {"observedContentType": content_type, "mode": mode, "data": text, "encoding": encoding}
