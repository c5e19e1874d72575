"""Write docker/requirements.txt, the image's packages with versions and hashes: `make lock`.

Needs uv (pip install uv). Three packages are left out because they are never loaded: openvino-telemetry reports to an
analytics service, hf-xet uses a second cache outside the cache folder, pygments highlights source code.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = ("openvino-telemetry", "hf-xet", "pygments")
HEAD = "# Written by scripts/lock.py (make lock). Installed with --no-deps and --require-hashes.\n"


def main() -> None:
    """Resolve the requirements, filter them and write the file."""
    command = ["uv", "pip", "compile", "pyproject.toml", "--generate-hashes", "--quiet", "--upgrade"]
    command += ["--python-version", "3.11", "--python-platform", "linux"]
    command += ["--no-annotate", "--no-header", "--no-emit-index-url"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    blocks = re.findall(r"^\S.*(?:\n\s+--hash.*)+\n", done.stdout, flags=re.MULTILINE)
    kept = [block for block in blocks if not block.startswith(tuple(f"{name}==" for name in LEFT_OUT))]
    target = ROOT / "docker" / "requirements.txt"
    target.write_text(HEAD + "".join(kept), encoding="utf-8")
    print(f"{target.relative_to(ROOT)}: {len(kept)} packages")


if __name__ == "__main__":
    main()
