"""S3's REST API with path-style addresses, as an ASGI application over an `ObjectStore`.

The request ID is taken from `scope["state"]["request_id"]` if set. Signatures are not checked, but presigned URLs
expire.
"""

import asyncio
import contextlib
import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import BinaryIO

import structlog
from starlette.types import Receive, Scope, Send

from mooring_local.arguments import s3 as arguments
from mooring_local.objects import bodies, buckets, deleting, reading, subresources, tagging, uploading, writing
from mooring_local.objects import xml as documents
from mooring_local.objects.attributes import get_attributes
from mooring_local.objects.disk import GONE
from mooring_local.objects.exchange import Ask, Reply, Slice, read_ask
from mooring_local.objects.exchange import xml as reply
from mooring_local.objects.keys import check_key
from mooring_local.objects.store import ObjectStore
from mooring_local.wire.call import ACCOUNT
from mooring_local.wire.faults import Fault

_PIECE = 256 * 1024
_TRIES = 5

Operation = Callable[[ObjectStore, Ask], Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """An operation; `streams`: its body is object data, written to disk."""

    name: str
    run: Operation
    streams: bool = False
    says: str = ""
    """Text for the page of operations if `run` has several; otherwise its docstring is used."""


ROUTES: Mapping[tuple[str, str, str], Route] = {
    ("GET", "service", ""): Route("ListBuckets", buckets.list_buckets),
    ("PUT", "bucket", ""): Route("CreateBucket", buckets.create_bucket),
    ("HEAD", "bucket", ""): Route("HeadBucket", buckets.head_bucket),
    ("DELETE", "bucket", ""): Route("DeleteBucket", buckets.delete_bucket),
    ("GET", "bucket", ""): Route("ListObjects", buckets.list_objects),
    ("GET", "bucket", "list-type"): Route("ListObjectsV2", buckets.list_objects_v2),
    ("GET", "bucket", "versions"): Route("ListObjectVersions", buckets.list_versions),
    ("GET", "bucket", "location"): Route("GetBucketLocation", buckets.location),
    ("GET", "bucket", "uploads"): Route("ListMultipartUploads", uploading.list_uploads),
    ("POST", "bucket", "delete"): Route("DeleteObjects", deleting.delete_objects),
    ("GET", "object", ""): Route("GetObject", reading.get_object),
    ("HEAD", "object", ""): Route("HeadObject", reading.head_object),
    ("PUT", "object", ""): Route("PutObject", writing.put_object, streams=True),
    ("PUT", "object", "copy"): Route("CopyObject", writing.copy_object),
    ("DELETE", "object", ""): Route("DeleteObject", deleting.delete_object),
    ("POST", "object", "uploads"): Route("CreateMultipartUpload", uploading.create),
    ("PUT", "object", "uploadId"): Route("UploadPart", uploading.put_part, streams=True),
    ("PUT", "object", "uploadId copy"): Route("UploadPartCopy", uploading.copy_part),
    ("POST", "object", "uploadId"): Route("CompleteMultipartUpload", uploading.complete),
    ("DELETE", "object", "uploadId"): Route("AbortMultipartUpload", uploading.abort),
    ("GET", "object", "uploadId"): Route("ListParts", uploading.list_parts),
    **{
        ("GET", "bucket", sub): Route(name, subresources.of_bucket, says=subresources.told(sub))
        for sub, name in subresources.NAMES.items()
    },
    ("GET", "object", "attributes"): Route("GetObjectAttributes", get_attributes),
    ("GET", "object", "acl"): Route("GetObjectAcl", subresources.acl_of_object, says=subresources.ACL),
    ("PUT", "object", "tagging"): Route("PutObjectTagging", tagging.put_of_object),
    ("GET", "object", "tagging"): Route("GetObjectTagging", tagging.get_of_object),
    ("DELETE", "object", "tagging"): Route("DeleteObjectTagging", tagging.delete_of_object),
    ("PUT", "bucket", "tagging"): Route("PutBucketTagging", tagging.put_of_bucket),
    ("GET", "bucket", "tagging"): Route("GetBucketTagging", tagging.get_of_bucket),
    ("DELETE", "bucket", "tagging"): Route("DeleteBucketTagging", tagging.delete_of_bucket),
}
"""(method, kind of path, subresource) → operation."""

OPERATIONS = tuple(sorted(route.name for route in ROUTES.values()))
"""botocore's names of all implemented operations, for the page of operations."""

SUBRESOURCES = frozenset(
    {
        *subresources.NAMES,
        "tagging",
        *("list-type", "versions", "location", "uploads", "delete", "uploadId", "analytics", "attributes", "inventory"),
        *("intelligent-tiering", "legal-hold", "metrics", "policy", "restore", "retention", "select", "session"),
        *("torrent", "abac", "metadataConfiguration", "metadataTable", "renameObject", "encryption"),
    }
)
"""Query parameters that select another operation; all others refine it."""


@dataclass(frozen=True, slots=True)
class Sending:
    """A response, and the open file that its body comes from, if any."""

    reply: Reply
    file: BinaryIO | None = None


class S3:
    """The service."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._log = structlog.get_logger("mooring_local.s3").bind()

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request. Never raises."""
        request_id = scope.get("state", {}).get("request_id") or uuid.uuid4().hex.upper()[:16]
        path = str(scope["path"])
        try:
            ask = read_ask(scope)
            path = ask.path
            answer = await self._answer(ask, receive)
        except bodies.ClientLeft:
            return
        except Fault as fault:
            answer = Sending(_refused(fault, path, request_id))
        except Exception:  # boundary: every error must become a response
            self._log.exception("s3 request failed", request_id=request_id)
            broken = Fault("InternalError", "We encountered an internal error. Please try again.", 500)
            answer = Sending(_refused(broken, path, request_id))
        await _send(answer, scope["method"] == "HEAD", request_id, send)

    async def _answer(self, ask: Ask, receive: Receive) -> Sending:
        try:
            route = route_of(ask)
            arguments.check(route.name, ask.headers, ask.query, subresource_of(ask))
            if ask.key:
                check_key(ask.key)
            if ask.headers.get("x-amz-expected-bucket-owner", ACCOUNT) != ACCOUNT:
                raise Fault("AccessDenied", "Access Denied", 403)
            scratch = await asyncio.to_thread(self._store.scratch, ask.bucket) if route.streams else None
        except Fault:
            # Otherwise the connection would close on a client that is still sending.
            async for _ in bodies.pieces(receive):
                pass
            raise
        if scratch is None:
            return await asyncio.to_thread(self._run, route, replace(ask, body=await bodies.whole(receive)))
        try:
            received = await bodies.to_disk(receive, ask.headers, scratch)
            return Sending(await asyncio.to_thread(route.run, self._store, replace(ask, received=received)))
        finally:
            scratch.unlink(missing_ok=True)

    def _run(self, route: Route, ask: Ask) -> Sending:
        """Run the operation, again if the object is replaced before its file is open: a response has one version."""
        for _ in range(_TRIES):
            answer = route.run(self._store, ask)
            if not isinstance(answer.body, Slice) or ask.method == "HEAD":
                return Sending(answer)
            with contextlib.suppress(*GONE):
                file = answer.body.path.open("rb")
                if os.fstat(file.fileno()).st_mtime == answer.body.modified:
                    file.seek(answer.body.start)
                    return Sending(answer, file)
                file.close()
        raise Fault("InternalError", "The object is being replaced repeatedly. Please try again.", 500)


def route_of(ask: Ask) -> Route:
    """The operation of a request. Raises NotImplemented or MethodNotAllowed."""
    place = "object" if ask.key else "bucket" if ask.bucket else "service"
    words = [
        *subresource_of(ask).split(),
        *(["copy"] if "x-amz-copy-source" in ask.headers and ask.method == "PUT" else []),
    ]
    sub = " ".join(words)
    if (route := ROUTES.get((ask.method, place, sub))) is not None:
        return route
    if not sub and ask.method != "POST":
        message = "The specified method is not allowed against this resource."
        raise Fault("MethodNotAllowed", message, 405, {"Method": ask.method, "ResourceType": place.upper()})
    article = "an" if place == "object" else "a"
    what = f"?{sub}" if sub else "without a subresource"
    message = f"The local S3 does not implement {ask.method} {what} for {article} {place}; see the page of operations."
    raise Fault("NotImplemented", message, 501)


def subresource_of(ask: Ask) -> str:
    """The query parameter that selects the operation, "" for none."""
    return next((name for name in ask.query if name in SUBRESOURCES), "")


def _refused(fault: Fault, path: str, request_id: str) -> Reply:
    return reply(documents.fault(fault, path, request_id), status=fault.status)


async def _send(answer: Sending, bare: bool, request_id: str, send: Send) -> None:
    reply, file = answer.reply, answer.file
    headers = {"x-amz-request-id": request_id, "x-amz-id-2": request_id, "Server": "AmazonS3", **reply.headers}
    body = reply.body if isinstance(reply.body, bytes) else b""
    # 304 and 204 have no body and no length.
    if reply.status not in (204, 304):
        headers.setdefault("Content-Length", str(len(body)))
    encoded = [(name.lower().encode("latin-1"), _header(value)) for name, value in headers.items()]
    try:
        await send({"type": "http.response.start", "status": reply.status, "headers": encoded})
        if file is not None and isinstance(reply.body, Slice):
            await _send_file(file, reply.body.length, send)
        else:
            await send({"type": "http.response.body", "body": b"" if bare else body})
    finally:
        if file is not None:
            file.close()


async def _send_file(file: BinaryIO, left: int, send: Send) -> None:
    while left:
        piece = await asyncio.to_thread(file.read, min(left, _PIECE))
        if not piece:
            break  # truncated by hand: the client sees an incomplete body
        left -= len(piece)
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _header(value: str) -> bytes:
    # Drop user values that are not valid in a header.
    clean = value.replace("\r", " ").replace("\n", " ")
    return clean.encode("latin-1", "replace")
