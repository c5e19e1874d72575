"""Write an image's bill of materials as CycloneDX 1.5 JSON: `python scripts/sbom.py IMAGE > sbom.json`.

Reads the packages inside the image: Debian's from dpkg, Python's from their metadata.
"""

import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

PYTHON = """
import importlib.metadata, json
print(json.dumps(sorted(
    [d.metadata['Name'], d.version, d.metadata['License-Expression'] or d.metadata['License'] or '']
    for d in importlib.metadata.distributions())))
"""
DEBIAN = r"dpkg-query -W -f '${Package}\t${Version}\t${Architecture}\n'"


def main() -> None:
    """Collect the packages and print the document."""
    image = sys.argv[1]
    digest = _engine("inspect", "-f", "{{.Id}}", image).strip()
    components = [*_debian(image), *_python(image, "python"), *_python(image, "/opt/mooring/bin/python")]
    unique = {component["bom-ref"]: component for component in components}
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{_uuid(digest)}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
            "component": {"type": "container", "name": image, "version": digest, "bom-ref": digest},
        },
        "components": sorted(unique.values(), key=lambda component: component["bom-ref"]),
    }
    json.dump(document, sys.stdout, indent=1)
    sys.stdout.write("\n")


def _debian(image: str) -> list[dict[str, Any]]:
    found = []
    for line in _run(image, "sh", "-c", DEBIAN).splitlines():
        name, version, architecture = line.split("\t")
        purl = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture}"
        found.append({"type": "library", "name": name, "version": version, "purl": purl, "bom-ref": purl})
    return found


def _python(image: str, program: str) -> list[dict[str, Any]]:
    found = []
    for name, version, licence in json.loads(_run(image, program, "-c", PYTHON)):
        purl = f"pkg:pypi/{quote(name.lower().replace('_', '-'))}@{quote(version)}"
        component: dict[str, Any] = {"type": "library", "name": name, "version": version, "purl": purl, "bom-ref": purl}
        if licence:
            component["licenses"] = [{"license": {"name": licence.strip().splitlines()[0][:100]}}]
        found.append(component)
    return found


def _run(image: str, *command: str) -> str:
    return _engine("run", "--rm", image, *command)


def _engine(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout


def _uuid(digest: str) -> str:
    text = hashlib.sha256(digest.encode()).hexdigest()
    return "-".join((text[:8], text[8:12], f"5{text[13:16]}", f"8{text[17:20]}", text[20:32]))


if __name__ == "__main__":
    main()
