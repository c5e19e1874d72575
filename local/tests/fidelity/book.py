"""What passed, by client, kept for docs/reference/clients.md. `local/scripts/clients_page.py` reads the file.

A test writes into it as its last act, so what is here was seen in a test that passed.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from local.tests.fidelity.tap import Tap


@dataclass
class Client:
    """One client's page."""

    version: str
    operations: set[str] = field(default_factory=set)
    """`service.Operation`, answered without a refusal."""
    did: set[str] = field(default_factory=set)
    """In the client's own words."""
    cannot: dict[str, str] = field(default_factory=dict)


class Book:
    """All of them."""

    def __init__(self) -> None:
        self.clients: dict[str, Client] = {}

    def passed(
        self,
        client: tuple[str, str],
        tap: Tap,
        did: Iterable[str] = (),
        cannot: Mapping[str, str] | None = None,
    ) -> None:
        """`client`: its name and version."""
        name, version = client
        page = self.clients.setdefault(name, Client(version))
        page.operations |= tap.answered()
        page.did |= set(did)
        page.cannot.update(cannot or {})

    def write(self, path: Path) -> None:
        """As JSON, sorted."""
        path.parent.mkdir(parents=True, exist_ok=True)
        pages: dict[str, Any] = {name: asdict(page) for name, page in sorted(self.clients.items())}
        path.write_text(json.dumps(pages, indent=1, sort_keys=True, default=sorted) + "\n")
