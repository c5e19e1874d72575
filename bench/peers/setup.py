"""Make the peers' virtual environments below .work/peers, each only if it is not there yet.

    python -m bench.peers.setup [NAME …]

One environment for each product, so that none has to bear another's versions. To make one anew, remove its folder.
What cannot be installed is said and left out; the harness lists it with the reason.
"""

import json
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / ".work" / "peers"
TORCH = "torch==2.13.0"
TRANSFORMERS = "transformers==4.57.6"
"""The last before 5, which has no question answering any more."""
ONNX = ("onnx==1.23.2", "onnxruntime==1.32.0")
UNWANTED = ("nvidia_cublas*", "nvidia_cudnn*", "nvidia_cuda*", "triton")
"""What a CUDA build of PyTorch brings along."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What pip is told, and whose versions are reported."""

    wanted: tuple[str, ...]
    reported: tuple[str, ...]


ENVIRONMENTS = {
    "stock": Environment(
        (
            TORCH,
            TRANSFORMERS,
            "multi-model-server==1.1.11",
            "sagemaker-huggingface-inference-toolkit==2.6.0",
            "setuptools<81",
            "onnxscript==0.7.2",
            *ONNX,
        ),
        ("torch", "transformers", "multi-model-server", "sagemaker-huggingface-inference-toolkit", "onnxruntime"),
    ),
    "fastapi": Environment(
        ("fastapi==0.165.0", "uvicorn[standard]==0.54.0", "tokenizers==0.22.2", "numpy", "onnxruntime==1.32.0"),
        ("fastapi", "uvicorn", "tokenizers", "onnxruntime"),
    ),
    "litserve": Environment(
        ("litserve==0.2.19", TORCH, TRANSFORMERS, "onnxruntime==1.32.0"),
        ("litserve", "torch", "transformers", "onnxruntime"),
    ),
    "mlserver": Environment(
        # It imports what transformers had until 4.41 only, and its pool needs an older uvloop's habits.
        (
            "mlserver==1.7.1",
            "mlserver-huggingface==1.7.1",
            "transformers==4.41.2",
            "optimum[onnxruntime]==1.24.0",
            "uvloop==0.21.0",
            "onnxruntime==1.32.0",
            TORCH,
        ),
        ("mlserver", "mlserver-huggingface", "torch", "transformers", "optimum", "onnxruntime"),
    ),
    "bentoml": Environment(
        ("bentoml==1.4.40", TORCH, TRANSFORMERS, "onnxruntime==1.32.0"),
        ("bentoml", "torch", "transformers", "onnxruntime"),
    ),
    "ray": Environment(
        ("ray[serve]==2.60.0", TORCH, TRANSFORMERS, "onnxruntime==1.32.0"),
        ("ray", "torch", "transformers", "onnxruntime"),
    ),
}


def main() -> None:
    """Say what is made; the exit status counts what failed."""
    names = sys.argv[1:] or list(ENVIRONMENTS)
    if unknown := set(names) - set(ENVIRONMENTS):
        sys.exit(f"There is no {', '.join(sorted(unknown))}. There are: {', '.join(ENVIRONMENTS)}.")
    sys.exit(sum(not make(name) for name in names))


def make(name: str) -> bool:
    """The mark `made` comes last: what was broken off is made again. A failure's reason is kept in `failed.txt`."""
    folder, environment = PEERS / name, ENVIRONMENTS[name]
    if (folder / "made").exists():
        return True
    print(f"{name}: pip install {' '.join(environment.wanted)} …", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    # pip, and no other installer: the machine's pip may know a local wheel of PyTorch's CPU build.
    pip = [str(python(name)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, *environment.wanted], capture_output=True, text=True)
    reason = done.stderr.strip()[-2000:] if done.returncode else _cuda(folder)
    if reason:
        print(f"{name}: {reason}", flush=True)
        (folder / "failed.txt").write_text(reason + "\n", encoding="utf-8")
        return False
    (folder / "made").touch()
    return True


def python(name: str) -> Path:
    """An environment's interpreter."""
    return PEERS / name / "bin" / "python"


def missing(name: str) -> str:
    """Why an environment is not there; "" if it is."""
    folder = PEERS / name
    if (folder / "made").exists():
        return ""
    failed = folder / "failed.txt"
    if failed.exists():
        return "not installed: " + failed.read_text(encoding="utf-8").strip().splitlines()[-1]
    return f"not installed: python -m bench.peers.setup {name}"


def versions(name: str) -> dict[str, str]:
    """Of the packages that matter, and of Python."""
    program = (
        "import json, platform, sys; from importlib.metadata import version; "
        "print(json.dumps({'python': platform.python_version()} | {n: version(n) for n in sys.argv[1:]}))"
    )
    command = [str(python(name)), "-c", program, *ENVIRONMENTS[name].reported]
    found: dict[str, str] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return found


def _cuda(folder: Path) -> str:
    found = [path.name for kind in UNWANTED for path in folder.glob(f"lib/python*/site-packages/{kind}-*.dist-info")]
    return f"a CUDA build came along ({', '.join(found)}); a wheel of PyTorch's CPU build is needed" if found else ""


if __name__ == "__main__":
    main()
