"""Write SNS notifications of asynchronous requests as files.

<data>/notifications/<topic name>/<time>-<id>.json, each with the message of a subscriber. contract.md §1.9.
"""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mooring_local.runtime.records import Record

_EVENT = {"eventVersion": "1.0", "eventSource": "aws:sagemaker"}
INCLUDED = 128 * 1024
"""Maximum bytes of a response in a message."""


class Notifications:
    """Writes notifications below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def test(self, config: Mapping[str, Any]) -> None:
        """The test message to every topic when an endpoint is created or updated."""
        topics = _topics(config)
        for topic in sorted({topic for topic in (topics.get("SuccessTopic"), topics.get("ErrorTopic")) if topic}):
            self._write(topic, "test", {**_EVENT, "eventName": "TestNotification"})

    def completed(self, record: Record, config: Mapping[str, Any], answer: tuple[str, bytes]) -> None:
        """`answer`: content type and body."""
        topics = _topics(config)
        if topic := topics.get("SuccessTopic"):
            response: dict[str, Any] = {"contentType": answer[0], "outputLocation": record.output}
            included = "SUCCESS_NOTIFICATION_TOPIC" in (topics.get("IncludeInferenceResponseIn") or ())
            if included and len(answer[1]) <= INCLUDED:
                response["responseBody"] = {"content": answer[1].decode("utf-8", "replace"), "encoding": "UTF-8"}
            message = {**_message(record, "Completed"), "responseParameters": response}
            self._write(topic, record.id, message)

    def failed(self, record: Record, config: Mapping[str, Any], reason: str) -> None:
        """`reason`: as in the failure object."""
        if topic := _topics(config).get("ErrorTopic"):
            self._write(topic, record.id, {**_message(record, "Failed"), "failureReason": reason})

    def _write(self, topic: str, name: str, message: Mapping[str, Any]) -> None:
        # The pattern of topic names allows "..".
        folder = self._folder / (Path(topic.rpartition(":")[2]).name.strip(".") or "unnamed")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{time.time_ns()}-{name}.json"
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(message, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        partial.rename(path)  # watchers of the folder never see a partial file


def _topics(config: Mapping[str, Any]) -> Mapping[str, Any]:
    return (config.get("OutputConfig") or {}).get("NotificationConfig") or {}


def _message(record: Record, status: str) -> dict[str, Any]:
    requested = {"endpointName": record.endpoint, "inputLocation": record.input}
    if kind := record.parameters.get("ContentType"):
        requested["contentType"] = kind
    return {
        "awsRegion": record.region,
        "eventTime": _stamp(time.time()),
        "receivedTime": _stamp(record.received),
        "invocationStatus": status,
        "requestParameters": requested,
        "inferenceId": record.inference_id,
        **_EVENT,
        "eventName": "InferenceResult",
    }


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
