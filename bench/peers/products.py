"""The peers: how to start each configuration, and the environment it needs.

All accept {"inputs": {"question": …, "context": …}} at /invocations, as the Hugging Face stack does.
"""

import os
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / ".work" / "peers"
SERVICES = Path(__file__).parent / "services"
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
"""No network requests, and no tokenizer threads that would compete with the workers."""
ENVIRONMENTS = {
    # transformers 5.3 removed the question-answering pipeline.
    "stock": "torch==2.13.0 transformers==4.57.6 multi-model-server==1.1.11 "
    "sagemaker-huggingface-inference-toolkit==2.6.0 setuptools<81 onnxscript==0.7.2 onnx==1.23.2 onnxruntime==1.32.0",
    "fastapi": "fastapi==0.165.0 uvicorn[standard]==0.54.0 tokenizers==0.22.2 numpy onnxruntime==1.32.0",
}
"""Product → packages in its own environment."""


class Models(NamedTuple):
    """One model in all formats that the peers need."""

    source: Path
    """config, tokenizer and safetensors, as on the Hub."""
    onnx: Path
    """model.onnx, model-int8.onnx, tokenizer."""
    ours_int8: Path
    """Artifact of `moor build`."""


class Launch(NamedTuple):
    """A command; `environ` is added to a minimal environment."""

    command: list[str]
    environ: dict[str, str]


@dataclass(frozen=True, slots=True)
class Peer:
    """One configuration of one product. Its name is product-precision-layout."""

    product: str
    precision: str
    """fp32 or int8, for the large matrix products."""
    layout: str
    """Processes x threads per process, or "default"."""
    launch: Callable[["Peer", Models, Path, int], Launch]
    """Called with peer, models, an empty folder and a port."""

    @property
    def name(self) -> str:
        """The name for `--peers`."""
        return f"{self.product}-{self.precision}-{self.layout}"


def _mooring(peer: Peer, models: Models, folder: Path, port: int) -> Launch:
    """As in its image, behind nginx, without the answer cache."""
    del folder
    model = models.ours_int8 if peer.precision == "int8" else models.source
    command = [sys.executable, "-P", "-m", "mooring", "serve", str(model), "--front", "nginx", "--port", str(port)]
    command += ["--log-level", "error", "--precision", peer.precision, "--answer-cache-bytes", "0"]
    command += ["--max-queue-ms", "deadline"]  # the others let requests wait, too
    return Launch(command + (["--workers", "2"] if peer.layout == "2x1" else []), {})


def _fastapi(peer: Peer, models: Models, folder: Path, port: int) -> Launch:
    """FastAPI, uvicorn and ONNX Runtime, as an experienced user would write it (services/fastapi_app.py)."""
    del folder
    workers = peer.layout.partition("x")[0]
    command = ["uvicorn", "fastapi_app:app", "--app-dir", str(SERVICES), "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", workers, "--no-access-log", "--log-level", "warning"]
    return _installed(peer, command, QA_MODEL=str(models.onnx), QA_PRECISION=peer.precision)


def _stock(peer: Peer, models: Models, folder: Path, port: int) -> Launch:
    """Hugging Face's toolkit on multi-model-server, started as in its image.

    fp32 uses its own pipeline, int8 a custom model_fn (services/stock_int8.py).
    """
    base = folder / "ml"
    code = base / "model" / "code"
    code.mkdir(parents=True)
    for file in models.source.iterdir():
        (base / "model" / file.name).symlink_to(file)
    if peer.precision == "int8":
        (code / "inference.py").write_bytes((SERVICES / "stock_int8.py").read_bytes())
    environ = {
        "HF_TASK": "question-answering",
        "SAGEMAKER_BASE_DIR": str(base),
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "STOCK_CONFIG": str(folder / "mms.properties"),
        "TMPDIR": str(folder),  # multi-model-server writes its pid file there
        "QA_MODEL": str(models.onnx),
    }
    if peer.layout != "default":
        environ |= {"SAGEMAKER_MODEL_SERVER_WORKERS": peer.layout.partition("x")[0]}
    return _installed(peer, ["python", str(SERVICES / "stock_start.py")], **environ)


def _installed(peer: Peer, command: list[str], **environ: str) -> Launch:
    """`command`, run from the product's environment."""
    programs = PEERS / peer.product / "bin"
    environ |= {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(SERVICES)}
    if threads := peer.layout.partition("x")[2]:
        environ |= {"QA_THREADS": threads, "OMP_NUM_THREADS": threads}
    return Launch([str(programs / command[0]), *command[1:]], {**OFFLINE, **environ})


_CONFIGURATIONS = {
    "mooring": (_mooring, "fp32-default fp32-2x1 int8-default int8-2x1"),
    "stock": (_stock, "fp32-default fp32-2x1 fp32-1x2 int8-2x1 int8-1x2"),
    "fastapi": (_fastapi, "fp32-2x1 fp32-1x2 int8-2x1 int8-1x2"),
}
ALL = {
    f"{product}-{name}": Peer(product, *name.partition("-")[::2], launch)
    for product, (launch, names) in _CONFIGURATIONS.items()
    for name in names.split()
}


def environment(name: str) -> bool:
    """Create a product's environment if it is missing; whether it exists now. To recreate it, delete its folder."""
    folder = PEERS / name
    if (folder / "made").exists():
        return True
    print(f"{name}: pip install {ENVIRONMENTS[name]} …", flush=True)
    venv.create(folder, with_pip=True, clear=True)
    # Use pip: it may be configured with a local wheel of PyTorch's CPU build.
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*pip, *ENVIRONMENTS[name].split()]).returncode == 0:
        (folder / "made").touch()  # last, so that an interrupted install is repeated
    return (folder / "made").exists()
