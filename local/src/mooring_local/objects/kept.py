"""Object attributes that are stored but have no effect here: storage class, encryption, redirect. Pure.

Files on disk are never encrypted, whatever the headers say.
"""

from collections.abc import Mapping

from mooring_local.objects.entry import About
from mooring_local.objects.exchange import invalid
from mooring_local.wire.faults import Fault

CLASS = "x-amz-storage-class"
REDIRECT = "x-amz-website-redirect-location"
SSE = "x-amz-server-side-encryption"
ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})
"""Storage classes whose objects must be restored before reading. Restoring is not implemented."""

_KMS = (f"{SSE}-aws-kms-key-id", f"{SSE}-context", f"{SSE}-bucket-key-enabled")
_CLASSES = frozenset(
    {
        *("STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"),
        *ARCHIVED,
    }
)
_ENCRYPTIONS = ("AES256", "aws:kms", "aws:kms:dsse")


def kept_of(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a request to store. Raises Fault for a value that S3 refuses."""
    kept = {name: headers[name] for name in (CLASS, REDIRECT, SSE, *_KMS) if headers.get(name)}
    if kept.get(CLASS, "STANDARD") not in _CLASSES:
        members = {"StorageClassRequested": kept[CLASS]}
        raise Fault("InvalidStorageClass", "The storage class you specified is not valid", 400, members)
    if kept.get(CLASS) == "STANDARD":
        del kept[CLASS]
    if kept.get(SSE, "AES256") not in _ENCRYPTIONS:
        raise invalid(SSE, kept[SSE], "The encryption method specified is not supported")
    if _KMS[0] in kept and not kept.get(SSE, "").startswith("aws:kms"):
        said = f"Server Side Encryption with AWS KMS managed key requires HTTP header {SSE} : aws:kms"
        raise invalid(SSE, kept.get(SSE, "null"), said)
    if not kept.get(REDIRECT, "/").startswith(("/", "http://", "https://")):
        said = "The website redirect location must have a prefix of 'http://' or 'https://' or '/'."
        raise Fault("InvalidRedirectLocation", said)
    return kept


def encryption(about: About) -> dict[str, str]:
    """Encryption headers of a response. S3 encrypts every object, by default with AES256."""
    return {SSE: "AES256", **{name: about.headers[name] for name in (SSE, *_KMS) if name in about.headers}}


def shown(about: About) -> dict[str, str]:
    """Headers of a read object, without the encryption context."""
    headers = {name: value for name, value in about.headers.items() if name != _KMS[1]}
    count = {"x-amz-tagging-count": str(len(about.tags))} if about.tags else {}
    return {**headers, **{name: value for name, value in encryption(about).items() if name != _KMS[1]}, **count}
