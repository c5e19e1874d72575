"""Settings of buckets and objects that this S3 does not have: what the real one answers while nobody has set them.

Asked by SDKs and infrastructure tools on their way. Setting one is refused by `api.py`, in words.
"""

from mooring_local.objects import xml
from mooring_local.objects.exchange import Ask, Reply
from mooring_local.objects.exchange import xml as reply
from mooring_local.objects.reading import existing
from mooring_local.objects.store import ObjectStore
from mooring_local.wire.faults import Fault

_XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'

_UNSET: dict[str, tuple[str, str]] = {
    "policy": ("NoSuchBucketPolicy", "The bucket policy does not exist"),
    "policyStatus": ("NoSuchBucketPolicy", "The bucket policy does not exist"),
    "cors": ("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
    "lifecycle": ("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
    "website": ("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"),
    "publicAccessBlock": (
        "NoSuchPublicAccessBlockConfiguration",
        "The public access block configuration was not found",
    ),
    "replication": ("ReplicationConfigurationNotFoundError", "The replication configuration was not found"),
    "object-lock": (
        "ObjectLockConfigurationNotFoundError",
        "Object Lock configuration does not exist for this bucket",
    ),
}
_DEFAULT: dict[str, tuple[str, xml.Children]] = {
    "versioning": ("VersioningConfiguration", []),
    "logging": ("BucketLoggingStatus", []),
    "notification": ("NotificationConfiguration", []),
    "accelerate": ("AccelerateConfiguration", []),
    "requestPayment": ("RequestPaymentConfiguration", [("Payer", "BucketOwner")]),
    "ownershipControls": ("OwnershipControls", [("Rule", [("ObjectOwnership", "BucketOwnerEnforced")])]),
    "encryption": (
        "ServerSideEncryptionConfiguration",
        [("Rule", [("ApplyServerSideEncryptionByDefault", [("SSEAlgorithm", "AES256")]), ("BucketKeyEnabled", False)])],
    ),
}

_TOLD = {
    "versioning": "Versions are not kept: empty, as of a bucket for which it was never turned on.",
    "logging": "Empty: access is not logged.",
    "notification": "Empty: nobody is told of changes.",
    "accelerate": "Empty: there is nothing to accelerate.",
    "requestPayment": "`BucketOwner`.",
    "ownershipControls": "`BucketOwnerEnforced`.",
    "encryption": "`AES256`, as every bucket says; the files on the disk are plain.",
}

NAMES = {
    "acl": "GetBucketAcl",
    "policy": "GetBucketPolicy",
    "policyStatus": "GetBucketPolicyStatus",
    "cors": "GetBucketCors",
    "lifecycle": "GetBucketLifecycleConfiguration",
    "website": "GetBucketWebsite",
    "publicAccessBlock": "GetPublicAccessBlock",
    "replication": "GetBucketReplication",
    "object-lock": "GetObjectLockConfiguration",
    "versioning": "GetBucketVersioning",
    "logging": "GetBucketLogging",
    "notification": "GetBucketNotificationConfiguration",
    "accelerate": "GetBucketAccelerateConfiguration",
    "requestPayment": "GetBucketRequestPayment",
    "ownershipControls": "GetBucketOwnershipControls",
    "encryption": "GetBucketEncryption",
}
"""Those of buckets that can be read → the operation that does it."""


ACL = "Full control for the one account; no other can be set."


def told(name: str) -> str:
    """For the page of operations: what reading it gives."""
    if name == "acl":
        return ACL
    if name in _UNSET:
        return f"Of any bucket `{_UNSET[name][0]}`: none can be set."
    return _TOLD[name]


def of_bucket(store: ObjectStore, ask: Ask) -> Reply:
    """What a new bucket has; none of it can be changed here."""
    store.bucket(ask.bucket)
    name = next(name for name in ask.query if name in NAMES)
    if name == "acl":
        return _acl()
    if name in _UNSET:
        code, message = _UNSET[name]
        raise Fault(code, message, 404, {"BucketName": ask.bucket})
    root, children = _DEFAULT[name]
    return reply(xml.render(root, children))


def acl_of_object(store: ObjectStore, ask: Ask) -> Reply:
    """That of every object."""
    existing(store, ask.bucket, ask.key, ask.query.get("versionId"))
    return _acl()


def _acl() -> Reply:
    grantee = f'<Grantee {_XSI} xsi:type="CanonicalUser"><ID>{xml.OWNER_ID}</ID></Grantee>'
    owner = f"<Owner><ID>{xml.OWNER_ID}</ID></Owner>"
    grants = f"<AccessControlList><Grant>{grantee}<Permission>FULL_CONTROL</Permission></Grant></AccessControlList>"
    body = f'<AccessControlPolicy xmlns="{xml.NAMESPACE}">{owner}{grants}</AccessControlPolicy>'
    return reply(f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'.encode())
