"""What other people's clients were seen to do with a server, kept for docs/clients.md.

`scripts/clients_page.py` reads the file. A test notes a thing after its assertions, so what is here passed.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class Client:
    """One package, or one program."""

    version: str
    did: dict[str, list[str]] = field(default_factory=dict)
    """Task → calls, as a user writes them."""
    cannot: dict[str, str] = field(default_factory=dict)
    """Call → the error."""


class Seen:
    """All of them, by name."""

    def __init__(self) -> None:
        self.clients: dict[str, Client] = {}

    def did(self, name: str, version: str, task: str, call: str) -> None:
        """A call that gave the right answer."""
        calls = self.clients.setdefault(name, Client(version)).did.setdefault(task, [])
        if call not in calls:
            calls.append(call)

    def cannot(self, name: str, version: str, call: str, because: str) -> None:
        """A call that fails, with the part of its error that the test expects."""
        self.clients.setdefault(name, Client(version)).cannot[call] = because

    def write(self, path: Path) -> None:
        """As JSON, sorted, since tests run in any order."""
        path.parent.mkdir(parents=True, exist_ok=True)
        pages = {name: asdict(client) for name, client in self.clients.items()}
        for page in pages.values():
            page["did"] = {task: sorted(calls) for task, calls in page["did"].items()}
        path.write_text(json.dumps(pages, indent=1, sort_keys=True) + "\n", encoding="utf-8")
