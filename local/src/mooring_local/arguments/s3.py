"""The arguments of S3: headers in lower case, query parameters with a question mark, and the elements of XML bodies.

Two rules apply to S3 only. `x-amz-` headers and query parameters that are not in the table are refused, because S3
adds features through them. A refused header is answered with S3's own error for it, if there is one.
"""

from collections.abc import Mapping

from mooring_local.wire.arguments import Takes, takes
from mooring_local.wire.faults import Fault

# Arguments of several operations.
_SYSTEM = "cache-control content-disposition content-encoding content-language content-type expires x-amz-meta-*"
_CONDITIONS = "if-match if-none-match if-modified-since if-unmodified-since"
_SOURCE = (
    "x-amz-copy-source x-amz-copy-source-if-match x-amz-copy-source-if-none-match x-amz-copy-source-if-modified-since "
    "x-amz-copy-source-if-unmodified-since x-amz-source-expected-bucket-owner"
)
_SUMS = " ".join(
    f"x-amz-checksum-{name}" for name in ("crc32", "crc32c", "crc64nvme", "md5", "sha1", "sha256", "sha512")
)
_OTHER_SUMS = "x-amz-checksum-xxhash64 x-amz-checksum-xxhash3 x-amz-checksum-xxhash128"
_SSE = (
    "x-amz-server-side-encryption x-amz-server-side-encryption-aws-kms-key-id x-amz-server-side-encryption-context "
    "x-amz-server-side-encryption-bucket-key-enabled"
)
_CUSTOMER = " ".join(f"x-amz-server-side-encryption-customer-{name}" for name in ("algorithm", "key", "key-md5"))
_SOURCE_CUSTOMER = " ".join(
    f"x-amz-copy-source-server-side-encryption-customer-{name}" for name in ("algorithm", "key", "key-md5")
)
_GRANTS = "x-amz-grant-full-control x-amz-grant-read x-amz-grant-read-acp x-amz-grant-write-acp"
_LOCK = (
    "x-amz-object-lock-mode x-amz-object-lock-retain-until-date x-amz-object-lock-legal-hold "
    "x-amz-object-lock-event-hold x-amz-object-lock-event-hold-duration-days "
    "x-amz-object-lock-event-hold-duration-years"
)
_KEPT = f"x-amz-storage-class x-amz-website-redirect-location x-amz-tagging {_SSE}"
_NOT_KEPT = f"{_GRANTS} {_LOCK} {_CUSTOMER}"
_ACL = {"x-amz-acl": "bucket-owner-full-control"}
_RESPONSE = " ".join(
    f"?response-{name}"
    for name in (
        *("cache-control", "content-disposition", "content-encoding"),
        *("content-language", "content-type", "expires"),
    )
)
_READ = takes(f"{_CONDITIONS} if-range range {_RESPONSE} ?versionId ?partNumber x-amz-checksum-mode", refused=_CUSTOMER)
_LIST = "?prefix ?delimiter ?encoding-type"
_RESTORED = {"x-amz-optional-object-attributes": "RestoreStatus"}

EVERYWHERE = takes(
    "x-amz-expected-bucket-owner x-amz-date x-amz-content-sha256 x-amz-decoded-content-length x-amz-trailer "
    "x-amz-security-token x-amz-user-agent x-amz-sdk-checksum-algorithm ?x-id",
    kept="x-amz-request-payer x-amz-api-version",
)
"""Arguments of any request: those of the signature, and those without effect here."""

OPERATIONS: Mapping[str, Takes] = {
    "AbortMultipartUpload": takes("?uploadId", refused="x-amz-if-match-initiated-time"),
    "CompleteMultipartUpload": takes(
        f"?uploadId if-match if-none-match x-amz-mp-object-size x-amz-checksum-type {_SUMS}",
        refused=f"{_OTHER_SUMS} {_CUSTOMER}",
    ),
    "CopyObject": takes(
        f"{_SOURCE} {_SYSTEM} if-match if-none-match x-amz-metadata-directive x-amz-tagging-directive "
        "x-amz-checksum-algorithm x-amz-acl",
        kept=f"{_KEPT} x-amz-object-annotation-directive",
        refused=f"{_NOT_KEPT} {_SOURCE_CUSTOMER}",
        only=_ACL,
    ),
    "CreateBucket": takes(
        "x-amz-acl",
        kept="x-amz-object-ownership x-amz-bucket-namespace",
        refused=f"{_GRANTS} x-amz-grant-write x-amz-bucket-object-lock-enabled",
        only={
            "x-amz-acl": "private",
            "x-amz-object-ownership": "BucketOwnerEnforced",
            "x-amz-bucket-namespace": "global",
        },
    ),
    "CreateMultipartUpload": takes(
        f"{_SYSTEM} x-amz-checksum-algorithm x-amz-checksum-type x-amz-acl",
        kept=_KEPT,
        refused=_NOT_KEPT,
        only={**_ACL, "x-amz-checksum-algorithm": "CRC32 CRC32C CRC64NVME MD5 SHA1 SHA256 SHA512"},
    ),
    "DeleteBucket": takes(),
    "DeleteBucketTagging": takes(),
    "DeleteObject": takes(
        "?versionId if-match",
        refused="x-amz-mfa x-amz-bypass-governance-retention x-amz-if-match-last-modified-time x-amz-if-match-size",
    ),
    "DeleteObjectTagging": takes("?versionId"),
    "DeleteObjects": takes(
        f"content-md5 {_SUMS}", refused=f"x-amz-mfa x-amz-bypass-governance-retention {_OTHER_SUMS}"
    ),
    "GetBucketAccelerateConfiguration": takes(),
    "GetBucketAcl": takes(),
    "GetBucketCors": takes(),
    "GetBucketEncryption": takes(),
    "GetBucketLifecycleConfiguration": takes(),
    "GetBucketLocation": takes(),
    "GetBucketLogging": takes(),
    "GetBucketNotificationConfiguration": takes(),
    "GetBucketOwnershipControls": takes(),
    "GetBucketPolicy": takes(),
    "GetBucketPolicyStatus": takes(),
    "GetBucketReplication": takes(),
    "GetBucketRequestPayment": takes(),
    "GetBucketTagging": takes(),
    "GetBucketVersioning": takes(),
    "GetBucketWebsite": takes(),
    "GetObject": _READ,
    "GetObjectAcl": takes("?versionId"),
    "GetObjectAttributes": takes(
        "?versionId x-amz-object-attributes x-amz-max-parts x-amz-part-number-marker", refused=_CUSTOMER
    ),
    "GetObjectLockConfiguration": takes(),
    "GetObjectTagging": takes("?versionId"),
    "GetPublicAccessBlock": takes(),
    "HeadBucket": takes(),
    "HeadObject": _READ,
    "ListBuckets": takes("?max-buckets ?continuation-token ?prefix ?bucket-region"),
    "ListMultipartUploads": takes(f"{_LIST} ?key-marker ?max-uploads ?upload-id-marker"),
    "ListObjectVersions": takes(
        f"{_LIST} ?key-marker ?max-keys ?version-id-marker", kept="x-amz-optional-object-attributes", only=_RESTORED
    ),
    "ListObjects": takes(f"{_LIST} ?marker ?max-keys", kept="x-amz-optional-object-attributes", only=_RESTORED),
    "ListObjectsV2": takes(
        f"{_LIST} ?continuation-token ?fetch-owner ?max-keys ?start-after",
        kept="x-amz-optional-object-attributes",
        only=_RESTORED,
    ),
    "ListParts": takes("?max-parts ?part-number-marker ?uploadId", refused=_CUSTOMER),
    "PutBucketTagging": takes(f"content-md5 {_SUMS}", refused=_OTHER_SUMS),
    "PutObject": takes(
        f"{_SYSTEM} {_SUMS} content-length content-md5 if-match if-none-match x-amz-acl",
        kept=f"{_KEPT} x-amz-checksum-algorithm",
        refused=f"{_NOT_KEPT} {_OTHER_SUMS} x-amz-write-offset-bytes",
        only=_ACL,
    ),
    "PutObjectTagging": takes(f"?versionId content-md5 {_SUMS}", refused=_OTHER_SUMS),
    "UploadPart": takes(
        f"?partNumber ?uploadId content-length content-md5 {_SUMS}",
        kept="x-amz-checksum-algorithm",
        refused=f"{_CUSTOMER} {_OTHER_SUMS}",
    ),
    "UploadPartCopy": takes(
        f"?partNumber ?uploadId {_SOURCE} x-amz-copy-source-range", refused=f"{_CUSTOMER} {_SOURCE_CUSTOMER}"
    ),
}

_PART_SUMS = "ChecksumCRC32 ChecksumCRC32C ChecksumCRC64NVME ChecksumMD5 ChecksumSHA1 ChecksumSHA256 ChecksumSHA512"

ELEMENTS: Mapping[str, Takes] = {
    "CompleteMultipartUpload": takes("Part"),
    "Part": takes(f"PartNumber ETag {_PART_SUMS}", refused="ChecksumXXHASH64 ChecksumXXHASH3 ChecksumXXHASH128"),
    "CreateBucketConfiguration": takes("LocationConstraint Tags", refused="Location Bucket"),
    "Tags": takes("Tag"),
    "Delete": takes("Object Quiet"),
    "Object": takes("Key VersionId ETag", refused="LastModifiedTime Size"),
    "Tagging": takes("TagSet"),
    "TagSet": takes("Tag"),
    "Tag": takes("Key Value"),
}
"""Element of a request body → its children. Others have none."""

_CONDITIONAL = frozenset({*_CONDITIONS.split(), "if-range", "range", "content-range"})
"""Standard HTTP headers that change what a request does; other standard headers are accepted with any request."""


def check(operation: str, headers: Mapping[str, str], query: Mapping[str, str], subresource: str) -> None:
    """Raise Fault for a header or query parameter that is not implemented; `subresource` selected the operation."""
    table = OPERATIONS[operation]
    for name, value in query.items():
        if name not in subresource.split() and not _accepts(table, f"?{name}", value):
            raise _refusal(operation, name, value, "query parameter")
    for name, value in headers.items():
        if (name.startswith("x-amz-") or name in _CONDITIONAL) and not _accepts(table, name, value):
            raise _refusal(operation, name, value, "header")


def _accepts(table: Takes, name: str, value: str) -> bool:
    known = "x-amz-meta-*" if name.startswith("x-amz-meta-") else name
    asks_for_nothing = known in table.refused and value.lower() == "false"
    return asks_for_nothing or table.accepts(known, value) or EVERYWHERE.accepts(known, value)


def unsupported(what: str, value: str, members: Mapping[str, str]) -> Fault:
    """S3's error for features that are not implemented."""
    message = (
        f"A header you provided implies functionality that is not implemented: the local S3 does not implement {what} "
        f"with the value {value[:200]!r}. Leave it out."
    )
    return Fault("NotImplemented", message, 501, members)


def _refusal(operation: str, name: str, value: str, kind: str) -> Fault:
    """The error, worded as on S3 where S3 would refuse this, too."""
    if kind == "query parameter":
        return unsupported(f"the query parameter {name} of {operation}", value, {"QueryParameter": name})
    if name == "x-amz-acl" or name.startswith("x-amz-grant-"):
        if operation == "CreateBucket":
            said = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
            return Fault("InvalidBucketAclWithObjectOwnership", said)
        return Fault("AccessControlListNotSupported", "The bucket does not allow ACLs")
    if name.startswith("x-amz-object-lock-"):
        return Fault("InvalidRequest", "Bucket is missing Object Lock Configuration")
    if "-customer-" in name:
        said = "Requests specifying Server Side Encryption with Customer provided keys must be made over a secure"
        return Fault("InvalidRequest", f"{said} connection.")
    if name == "x-amz-bypass-governance-retention":
        said = "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets"
        return Fault("InvalidArgument", said, 400, {"ArgumentName": name, "ArgumentValue": value})
    return unsupported(f"the header {name} of {operation}", value, {"Header": name})
