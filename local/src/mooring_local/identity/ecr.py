"""ECR: repositories and manifests are stored, layers are not. Images are run by name, from this machine."""

import base64
import hashlib
import time
from collections.abc import Mapping
from typing import Any

from mooring_local.identity import manifests
from mooring_local.identity.manifests import KIND
from mooring_local.state import State
from mooring_local.wire.call import Call, Place
from mooring_local.wire.faults import Fault
from mooring_local.wire.paging import page
from mooring_local.wire.service import Handler
from mooring_local.wire.tags import TagRules, listed

TOKEN_S = 12 * 3600
TAGS = TagRules("InvalidTagParameterException", too_many="TooManyTagsException")


class Repositories:
    """The operations on repositories. A document has the repository's members and its "Images"."""

    def __init__(self, state: State) -> None:
        self._state = state

    def handlers(self) -> dict[str, Handler]:
        """Handlers by operation name."""
        return {
            "GetAuthorizationToken": _token,
            "CreateRepository": self.create,
            "DescribeRepositories": self.describe,
            "DeleteRepository": self.delete,
            "PutImage": self.put,
            "ListImages": self.list,
            "DescribeImages": self.images,
            "BatchGetImage": self.get,
            "TagResource": self.tag,
            "UntagResource": self.untag,
            "ListTagsForResource": self.tags,
        }

    def create(self, call: Call) -> Mapping[str, Any]:
        """Create an empty repository."""
        given, name, place = call.parameters, call.parameters["repositoryName"], call.place
        self._check_registry(call, name)
        encryption = given.get("encryptionConfiguration", {"encryptionType": "AES256"})
        if "kmsKey" in encryption and encryption["encryptionType"] == "AES256":
            said = f"Invalid parameter at 'encryptionConfiguration': kmsKey is {encryption['kmsKey']!r}"
            raise Fault("InvalidParameterException", f"{said}, which needs the encryptionType KMS or KMS_DSSE")
        document = {
            "repositoryArn": place.arn("repository", name, service="ecr"),
            "registryId": place.account,
            "repositoryName": name,
            "repositoryUri": f"{_registry(place)}/{name}",
            "createdAt": time.time(),
            "imageTagMutability": given.get("imageTagMutability", "MUTABLE"),
            "imageScanningConfiguration": given.get("imageScanningConfiguration", {"scanOnPush": False}),
            "encryptionConfiguration": encryption,
            "Images": [],
        }
        tags = TAGS.read(given.get("tags", []))
        if not self._state.add(KIND, name, document):
            said = f"The repository with name '{name}' already exists in the registry with id '{place.account}'"
            raise Fault("RepositoryAlreadyExistsException", said)
        self._state.set_tags(document["repositoryArn"], tags)
        return {"repository": document}

    def describe(self, call: Call) -> Mapping[str, Any]:
        """Describe all repositories, or those named."""
        names = call.parameters.get("repositoryNames")
        self._check_registry(call, "")
        found = self._state.all(KIND) if names is None else [self._existing(call, name) for name in names]
        return _page("repositories", found, call.parameters)

    def delete(self, call: Call) -> Mapping[str, Any]:
        """Delete a repository; one with images needs force."""
        document = self._existing(call)
        name = document["repositoryName"]
        if document["Images"] and not call.parameters.get("force", False):
            said = f"The repository with name '{name}' in registry with id '{call.place.account}' cannot be deleted"
            raise Fault("RepositoryNotEmptyException", f"{said} because it still contains images")
        self._state.delete(KIND, name)
        self._state.drop_tags(document["repositoryArn"])
        return {"repository": document}

    def put(self, call: Call) -> Mapping[str, Any]:
        """Store a manifest; its tag moves to it, unless the repository's tags are immutable."""
        document, given = self._existing(call), call.parameters
        manifest, tag = given["imageManifest"], given.get("imageTag")
        content = manifests.parsed(manifest)
        if content is None:
            said = "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"
            raise Fault("InvalidParameterException", said)
        digest = "sha256:" + hashlib.sha256(manifest.encode()).hexdigest()
        self._check_put(call, document, digest)
        images = [
            {**one, "Tags": [other for other in one["Tags"] if other != tag]}
            for one in document["Images"]
            if one["Digest"] != digest
        ]
        kept: list[str] = next((one["Tags"] for one in document["Images"] if one["Digest"] == digest), [])
        media = given.get("imageManifestMediaType") or manifests.media_type(content)
        tags = sorted({*kept, *([tag] if tag else [])})
        image = {"Digest": digest, "Tags": tags, "Manifest": manifest, "MediaType": media, "PushedAt": time.time()}
        self._state.change(KIND, document["repositoryName"], {"Images": [*images, image]})
        return {"image": _image(document, image, {"imageDigest": digest, **({"imageTag": tag} if tag else {})})}

    def _check_put(self, call: Call, document: Mapping[str, Any], digest: str) -> None:
        """Raises Fault for a wrong digest, and for an image or immutable tag that already exists."""
        tag, wanted = call.parameters.get("imageTag"), call.parameters.get("imageDigest", digest)
        where = f"the repository with name '{document['repositoryName']}' in registry with id '{call.place.account}'"
        if wanted != digest:
            said = f"Image digest '{wanted}' does not match the digest '{digest}' of the image manifest"
            raise Fault("ImageDigestDoesNotMatchException", said)
        same, tagged = manifests.find(document, digest, None), manifests.find(document, None, tag) if tag else None
        if same is not None and (tag is None or tag in same["Tags"]):
            said = f"Image with digest '{digest}' and tag '{tag or 'null'}' already exists in {where}"
            raise Fault("ImageAlreadyExistsException", said)
        if tagged is not None and document["imageTagMutability"] == "IMMUTABLE":
            said = (
                f"The image tag '{tag}' already exists in the '{document['repositoryName']}' repository and cannot be"
            )
            raise Fault("ImageTagAlreadyExistsException", f"{said} overwritten because the tag is immutable.")

    def list(self, call: Call) -> Mapping[str, Any]:
        """List images: one entry per tag, and one for an untagged image."""
        found = [
            {"imageDigest": image["Digest"], **({"imageTag": tag} if tag else {})}
            for image in _filtered(self._existing(call)["Images"], call.parameters)
            for tag in image["Tags"] or [""]
        ]
        return _page("imageIds", found, call.parameters)

    def images(self, call: Call) -> Mapping[str, Any]:
        """Describe all images, or those named, which must exist."""
        document, wanted = self._existing(call), call.parameters.get("imageIds")
        found = _filtered(document["Images"], call.parameters)
        if wanted is not None:
            found = [_find(document, one) for one in wanted]
            for image, asked in zip(found, wanted, strict=True):
                if image is None:
                    said = f"The image with imageId {_image_id(asked)} does not exist within the repository with name"
                    where = f"'{document['repositoryName']}' in the registry with id '{call.place.account}'"
                    raise Fault("ImageNotFoundException", f"{said} {where}")
        return _page("imageDetails", [_detail(document, image) for image in found], call.parameters)

    def get(self, call: Call) -> Mapping[str, Any]:
        """Return manifests; missing images and unaccepted media types are listed as failures."""
        document, accepted = self._existing(call), call.parameters.get("acceptedMediaTypes")
        images, failures = [], []
        for asked in call.parameters["imageIds"]:
            image = _find(document, asked)
            if image is None or (accepted and image["MediaType"] not in accepted):
                reason = "Requested image not found"
                failures.append({"imageId": asked, "failureCode": "ImageNotFound", "failureReason": reason})
            else:
                images.append(_image(document, image, {"imageDigest": image["Digest"], **asked}))
        return {"images": images, "failures": failures}

    def _existing(self, call: Call, name: str | None = None) -> dict[str, Any]:
        name = name or call.parameters["repositoryName"]
        self._check_registry(call, name)
        document = self._state.get(KIND, name)
        if document is None:
            raise _missing(name, call.place.account)
        return document

    def _check_registry(self, call: Call, name: str) -> None:
        """Raises Fault for any registry but the account's own."""
        registry = call.parameters.get("registryId", call.place.account)
        if registry != call.place.account:
            raise _missing(name, registry)

    def tag(self, call: Call) -> Mapping[str, Any]:
        """Add tags; an existing key gets the new value."""
        arn, tags = self._tagged(call), TAGS.read(call.parameters["tags"])
        TAGS.check_count({*self._state.tags(arn), *tags})
        self._state.set_tags(arn, tags)
        return {}

    def untag(self, call: Call) -> Mapping[str, Any]:
        """Remove tags; a missing key is not an error."""
        self._state.drop_tags(self._tagged(call), call.parameters["tagKeys"])
        return {}

    def tags(self, call: Call) -> Mapping[str, Any]:
        """List the tags of a repository."""
        return {"tags": listed(self._state.tags(self._tagged(call)))}

    def _tagged(self, call: Call) -> str:
        name = call.parameters["resourceArn"].partition(":repository/")[2]
        return str(self._existing(call, name or "?")["repositoryArn"])


def _token(call: Call) -> Mapping[str, Any]:
    """Return a token for `docker login`, which is not needed here."""
    return {
        "authorizationData": [
            {
                "authorizationToken": base64.b64encode(b"AWS:local").decode(),
                "expiresAt": time.time() + TOKEN_S,
                "proxyEndpoint": f"https://{_registry(call.place)}",
            }
        ]
    }


def _registry(place: Place) -> str:
    return f"{place.account}.dkr.ecr.{place.region}.{place.partition.suffix}"


def _missing(name: str, registry: str) -> Fault:
    said = f"The repository with name '{name}' does not exist in the registry with id '{registry}'"
    return Fault("RepositoryNotFoundException", said)


def _find(document: Mapping[str, Any], asked: Mapping[str, str]) -> dict[str, Any] | None:
    return manifests.find(document, asked.get("imageDigest"), asked.get("imageTag"))


def _filtered(images: list[Any], given: Mapping[str, Any]) -> list[Any]:
    """Apply the request's filter. Every image is active: none is archived here."""
    wanted = given.get("filter", {})
    if wanted.get("imageStatus", "ACTIVE") not in ("ACTIVE", "ANY"):
        return []
    status = wanted.get("tagStatus", "ANY")
    return [one for one in images if status == "ANY" or (status == "TAGGED") == bool(one["Tags"])]


def _image_id(asked: Mapping[str, str]) -> str:
    digest, tag = asked.get("imageDigest", "null"), asked.get("imageTag", "null")
    return f"{{imageDigest:'{digest}', imageTag:'{tag}'}}"


def _image(document: Mapping[str, Any], image: Mapping[str, Any], identifier: Mapping[str, str]) -> dict[str, Any]:
    return {
        "registryId": document["registryId"],
        "repositoryName": document["repositoryName"],
        "imageId": identifier,
        "imageManifest": image["Manifest"],
        "imageManifestMediaType": image["MediaType"],
    }


def _detail(document: Mapping[str, Any], image: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "registryId": document["registryId"],
        "repositoryName": document["repositoryName"],
        "imageDigest": image["Digest"],
        "imageTags": image["Tags"] or None,
        "imageSizeInBytes": _size(image["Manifest"]),
        "imagePushedAt": image["PushedAt"],
        "imageManifestMediaType": image["MediaType"],
    }


def _size(manifest: str) -> int:
    """Total size of the layers in the manifest; 0 for a manifest list."""
    layers = (manifests.parsed(manifest) or {}).get("layers")
    sizes = [one.get("size") for one in layers if isinstance(one, dict)] if isinstance(layers, list) else []
    return sum(size for size in sizes if isinstance(size, int))


def _page(answer: str, found: list[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    token = given.get("nextToken")
    said = f"Invalid parameter at 'nextToken' failed to satisfy constraint: 'Invalid token': {str(token)[:100]!r}"
    refusal = Fault("InvalidParameterException", said)
    some, token = page(found, token, given.get("maxResults", 100), refusal)
    return {answer: some, "nextToken": token}
