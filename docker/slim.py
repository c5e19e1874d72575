"""Take out of site-packages what a CPU server never loads: `python slim.py FOLDER`. Called by the Dockerfile.

What is taken out is listed. A pattern that matches nothing is an error, so that a new version's names are noticed.
"""

import shutil
import sys
from pathlib import Path

UNUSED = {
    "openvino/libs/libopenvino_intel_gpu_plugin.so": "for GPUs",
    "openvino/libs/libopenvino_intel_npu_plugin.so": "for NPUs",
    "openvino/libs/cache.json": "compiled kernels of the GPU",
    "openvino/libs/libopenvino_auto_plugin.so": "chooses among devices",
    "openvino/libs/libopenvino_auto_batch_plugin.so": "batches for devices that want it; the engine does that itself",
    "openvino/libs/libopenvino_hetero_plugin.so": "splits a graph over devices",
    "openvino/libs/libopenvino_c.so.*": "for programs in C",
    "openvino/libs/libopenvino_gguf_frontend.so.*": "reads models that are not served",
    "openvino/libs/libopenvino_jax_frontend.so.*": "reads models that are not served",
    "openvino/libs/libopenvino_onnx_frontend.so.*": "reads models that are not served",
    "openvino/libs/libopenvino_paddle_frontend.so.*": "reads models that are not served",
    "openvino/libs/libopenvino_pytorch_frontend.so.*": "reads models that are not served",
    "openvino/libs/libopenvino_tensorflow_frontend.so.*": "reads models that are not served",
    "openvino/libs/libopenvino_tensorflow_lite_frontend.so.*": "reads models that are not served",
    "openvino/include": "for compilers",
    "openvino/cmake": "for compilers",
    "openvino/tools": "converts models",
    "openvino/torch": "runs inside PyTorch",
    "numpy/_core/tests": "tests",
    "numpy/*/tests": "tests",
    "numpy/_core/include": "for compilers",
    "numpy/f2py": "for compilers",
    "numpy/random/lib": "for linkers",
    "numpy/_core/lib": "for linkers",
    "uvloop/*.pyx": "source",
    "uvloop/loop.c": "source",
    "**/*.pyi": "for type checkers",
}


def main(folder: Path) -> None:
    """Remove, and say how much."""
    total = 0
    for pattern, why in UNUSED.items():
        found = list(folder.glob(pattern))
        if not found and not pattern.startswith(("**", "uvloop")):
            sys.exit(f"slim.py: there is no {pattern} ({why}); look what became of it")
        size = sum(_size(path) for path in found)
        total += size
        for path in found:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if size > 1_000_000:
            print(f"{size / 1e6:7.1f} MB  {pattern}  ({why})")
    print(f"{total / 1e6:7.1f} MB in all")


def _size(path: Path) -> int:
    return sum(p.stat().st_size for p in (path.rglob("*") if path.is_dir() else (path,)) if p.is_file())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
