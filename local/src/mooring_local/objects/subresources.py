"""Bucket and object settings that are not implemented: responds as AWS does while they are not set.

SDKs and infrastructure tools read them. `api.py` refuses requests that set one.
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
    "versioning": "Always empty: versioning is never enabled.",
    "logging": "Always empty: access is not logged.",
    "notification": "Always empty: there are no notifications.",
    "accelerate": "Always empty: there is no acceleration.",
    "requestPayment": "`BucketOwner`.",
    "ownershipControls": "`BucketOwnerEnforced`.",
    "encryption": "`AES256`, as for every bucket; files on disk are not encrypted.",
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
"""Readable bucket settings → operation."""


ACL = "Full control for the one account; cannot be changed."


def told(name: str) -> str:
    """Text for the page of operations."""
    if name == "acl":
        return ACL
    if name in _UNSET:
        return f"Always `{_UNSET[name][0]}`: it cannot be set."
    return _TOLD[name]


def of_bucket(store: ObjectStore, ask: Ask) -> Reply:
    """Return the setting of a new bucket; it cannot be changed."""
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
    """Return the ACL, the same for every object."""
    existing(store, ask.bucket, ask.key, ask.query.get("versionId"))
    return _acl()


def _acl() -> Reply:
    grantee = f'<Grantee {_XSI} xsi:type="CanonicalUser"><ID>{xml.OWNER_ID}</ID></Grantee>'
    owner = f"<Owner><ID>{xml.OWNER_ID}</ID></Owner>"
    grants = f"<AccessControlList><Grant>{grantee}<Permission>FULL_CONTROL</Permission></Grant></AccessControlList>"
    body = f'<AccessControlPolicy xmlns="{xml.NAMESPACE}">{owner}{grants}</AccessControlPolicy>'
    return reply(f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'.encode())
