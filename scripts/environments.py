"""Create the virtual environments in which tests run other packages, unless they exist.

For `make test-sdk`: `.work/sdk2` (SageMaker SDK 2 with its local mode, and transformers for the notebook),
`.work/sdk3`, `.work/awscli`, `.work/mooring` (this checkout with its extra `aws`, for size), `.work/clients`
(LangChain, LlamaIndex, Haystack, LiteLLM, and Cohere's and Triton's clients as `clients.txt` pins them) and
`.work/hfjs` (Hugging Face's JavaScript client, if npm is installed). For `make test-slow`: `.work/transformers4` and
`.work/transformers5`. For `make test-charts`: `.work/charts`, which renders the Helm chart. None may pull in PyTorch.
To create one again, remove its folder.

python scripts/environments.py sdk2 sdk3 awscli mooring clients hfjs
"""

import shlex
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / ".work"
ENVIRONMENTS = {
    "sdk2": ["sagemaker[local]<3", "transformers==4.57.6"],
    "sdk3": ["sagemaker>=3"],
    "awscli": ["awscli"],
    "mooring": [f"{ROOT}[aws]"],
    # Pinned with everything they require: resolving five libraries takes pip minutes.
    "clients": ["--no-deps", "-r", str(ROOT / "scripts" / "clients.txt")],
    "charts": ["--no-deps", "-r", str(ROOT / "scripts" / "charts.txt")],
    "transformers4": ["transformers==4.57.6"],
    "transformers5": ["transformers==5.24.0"],
}
"""Name → arguments of `pip install`."""
JAVASCRIPT = {"hfjs": "@huggingface/inference"}
UNWANTED = ("torch", "tensorflow", "jax", "nvidia_*")


def main() -> None:
    """Create the environments named on the command line."""
    for name in sys.argv[1:]:
        folder = WORK / name
        if (folder / "made").exists():
            continue
        shown = folder.relative_to(ROOT)
        if (wanted := JAVASCRIPT.get(name)) is None:
            print(f"{shown}: pip install {shlex.join(ENVIRONMENTS[name])} …", flush=True)
            make(folder, ENVIRONMENTS[name])
        elif shutil.which("npm") is None:
            print(f"{shown}: skipped, npm is not installed", flush=True)
        else:
            print(f"{shown}: npm install {wanted} …", flush=True)
            make_javascript(folder, wanted)


def make(folder: Path, wanted: Sequence[str]) -> None:
    """Create a virtual environment. The file `made` is written last, so that an incomplete one is created again."""
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *wanted], check=True)
    found = [
        path.name for pattern in UNWANTED for path in folder.glob(f"lib/python*/site-packages/{pattern}-*.dist-info")
    ]
    if found:
        sys.exit(f"{shlex.join(wanted)} pulls in {', '.join(found)}. List the packages that are needed instead.")
    (folder / "made").touch()


def make_javascript(folder: Path, wanted: str) -> None:
    """Like `make`, for an npm package."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", folder, wanted], check=True)
    (folder / "made").touch()


if __name__ == "__main__":
    main()
