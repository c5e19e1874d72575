"""/openapi.json by what schemathesis makes of it: bodies that fit its types and bodies that do not, to real servers."""

import subprocess
import sys
from pathlib import Path

import pytest

from mooring.testing.server import running_server
from tests.support.golden_sentences import write
from tests.support.tiny_models import write_tiny_bert

pytestmark = pytest.mark.wire

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
    "response_headers_conformance,unsupported_method"
)
"""Not that every body of the right types is accepted and every other refused: texts may be blank, null is a default."""
SECONDS = 10


@pytest.mark.parametrize("kind", ["sentences", "sequence", "span"])
def test_no_body_breaks_what_the_document_says(kind: str, tmp_path: Path) -> None:
    """Of no route: no 500, no other status, type or shape than described."""
    folder = tmp_path / "model"
    model = write("roberta-prompt", folder) if kind == "sentences" else write_tiny_bert(folder, head=kind)
    with running_server(str(model)) as server:
        command = [sys.executable, "-P", "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json"]
        command += ["--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", "5"]
        command += ["--max-time", str(SECONDS), "--generation-deterministic", "--no-color", "--warnings", "off"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
        assert server.info()["ready"] is True
