"""ECR: repositories and manifests, as records. Layers are not kept: an image is run by its name, from this machine."""

import base64
import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any

from mooring.local.state import State
from mooring.local.wire.call import Call
from mooring.local.wire.faults import Fault
from mooring.local.wire.paging import page
from mooring.local.wire.service import Handler

KIND = "ecr-repository"
TOKEN_S = 12 * 3600
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


class Repositories:
    """The operations on repositories. A document has the repository's members, and "Images" beside them."""

    def __init__(self, state: State) -> None:
        self._state = state

    def handlers(self) -> dict[str, Handler]:
        """Operation → who does it."""
        return {
            "GetAuthorizationToken": _token,
            "CreateRepository": self.create,
            "DescribeRepositories": self.describe,
            "DeleteRepository": self.delete,
            "PutImage": self.put,
            "ListImages": self.list,
            "DescribeImages": self.images,
            "BatchGetImage": self.get,
        }

    def create(self, call: Call) -> Mapping[str, Any]:
        """An empty one."""
        name, place = call.parameters["repositoryName"], call.place
        document = {
            "repositoryArn": place.arn("repository", name, service="ecr"),
            "registryId": place.account,
            "repositoryName": name,
            "repositoryUri": f"{place.account}.dkr.ecr.{place.region}.amazonaws.com/{name}",
            "createdAt": time.time(),
            "imageTagMutability": call.parameters.get("imageTagMutability", "MUTABLE"),
            "imageScanningConfiguration": call.parameters.get("imageScanningConfiguration", {"scanOnPush": False}),
            "Images": [],
        }
        if not self._state.add(KIND, name, document):
            said = f"The repository with name '{name}' already exists in the registry with id '{place.account}'"
            raise Fault("RepositoryAlreadyExistsException", said)
        return {"repository": document}

    def describe(self, call: Call) -> Mapping[str, Any]:
        """All, or those named."""
        names = call.parameters.get("repositoryNames")
        found = self._state.all(KIND) if names is None else [self._existing(call, name) for name in names]
        return _page("repositories", found, call.parameters)

    def delete(self, call: Call) -> Mapping[str, Any]:
        """One with images only with force."""
        document = self._existing(call)
        name = document["repositoryName"]
        if document["Images"] and not call.parameters.get("force", False):
            said = f"The repository with name '{name}' in registry with id '{call.place.account}' cannot be deleted"
            raise Fault("RepositoryNotEmptyException", f"{said} because it still contains images")
        self._state.delete(KIND, name)
        return {"repository": document}

    def put(self, call: Call) -> Mapping[str, Any]:
        """A manifest; the tag moves to it."""
        document, given = self._existing(call), call.parameters
        manifest, tag = given["imageManifest"], given.get("imageTag")
        digest = "sha256:" + hashlib.sha256(manifest.encode()).hexdigest()
        images = [
            {**one, "Tags": [other for other in one["Tags"] if other != tag]}
            for one in document["Images"]
            if one["Digest"] != digest
        ]
        kept: list[str] = next((one["Tags"] for one in document["Images"] if one["Digest"] == digest), [])
        media = given.get("imageManifestMediaType") or _media_type(manifest)
        tags = sorted({*kept, *([tag] if tag else [])})
        image = {"Digest": digest, "Tags": tags, "Manifest": manifest, "MediaType": media, "PushedAt": time.time()}
        self._state.change(KIND, document["repositoryName"], {"Images": [*images, image]})
        return {"image": _image(document, image, {"imageDigest": digest, **({"imageTag": tag} if tag else {})})}

    def list(self, call: Call) -> Mapping[str, Any]:
        """One line for each tag, and one for an image without."""
        found = [
            {"imageDigest": image["Digest"], **({"imageTag": tag} if tag else {})}
            for image in self._existing(call)["Images"]
            for tag in image["Tags"] or [""]
        ]
        return _page("imageIds", found, call.parameters)

    def images(self, call: Call) -> Mapping[str, Any]:
        """All, or those named, which have to be there."""
        document, wanted = self._existing(call), call.parameters.get("imageIds")
        found = document["Images"]
        if wanted is not None:
            found = [_find(document, one) for one in wanted]
            for image, asked in zip(found, wanted, strict=True):
                if image is None:
                    said = f"The image with imageId {_image_id(asked)} does not exist within the repository with name"
                    where = f"'{document['repositoryName']}' in the registry with id '{call.place.account}'"
                    raise Fault("ImageNotFoundException", f"{said} {where}")
        return _page("imageDetails", [_detail(document, image) for image in found], call.parameters)

    def get(self, call: Call) -> Mapping[str, Any]:
        """Manifests; what is not there is among the failures."""
        document = self._existing(call)
        images, failures = [], []
        for asked in call.parameters["imageIds"]:
            image = _find(document, asked)
            if image is None:
                reason = "Requested image not found"
                failures.append({"imageId": asked, "failureCode": "ImageNotFound", "failureReason": reason})
            else:
                images.append(_image(document, image, {"imageDigest": image["Digest"], **asked}))
        return {"images": images, "failures": failures}

    def _existing(self, call: Call, name: str | None = None) -> dict[str, Any]:
        name = name or call.parameters["repositoryName"]
        document = self._state.get(KIND, name)
        if document is None:
            said = f"The repository with name '{name}' does not exist in the registry with id '{call.place.account}'"
            raise Fault("RepositoryNotFoundException", said)
        return document


def _token(call: Call) -> Mapping[str, Any]:
    """For `docker login`, which nothing here needs."""
    return {
        "authorizationData": [
            {
                "authorizationToken": base64.b64encode(b"AWS:local").decode(),
                "expiresAt": time.time() + TOKEN_S,
                "proxyEndpoint": f"https://{call.place.account}.dkr.ecr.{call.place.region}.amazonaws.com",
            }
        ]
    }


def _find(document: Mapping[str, Any], asked: Mapping[str, str]) -> dict[str, Any] | None:
    digest, tag = asked.get("imageDigest"), asked.get("imageTag")
    for image in document["Images"]:
        if digest in (None, image["Digest"]) and (tag is None or tag in image["Tags"]) and (digest or tag):
            return dict(image)
    return None


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
    """Of the layers, as the manifest says; 0 for a list of manifests."""
    layers = _parsed(manifest).get("layers")
    sizes = [one.get("size") for one in layers if isinstance(one, dict)] if isinstance(layers, list) else []
    return sum(size for size in sizes if isinstance(size, int))


def _media_type(manifest: str) -> str:
    said = _parsed(manifest).get("mediaType")
    return said if isinstance(said, str) else MANIFEST


def _parsed(manifest: str) -> dict[str, Any]:
    try:
        value = json.loads(manifest)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _page(answer: str, found: list[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    said = "Invalid parameter at 'nextToken' failed to satisfy constraint: 'Invalid token'"
    refusal = Fault("InvalidParameterException", said)
    some, token = page(found, given.get("nextToken"), given.get("maxResults", 100), refusal)
    return {answer: some, "nextToken": token}
