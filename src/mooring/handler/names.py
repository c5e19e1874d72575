"""Find functions of user code that would never be called. For startup and `moor doctor`.

A misnamed function is the most common way to lose code silently: `predict` instead of `predict_fn`.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping

from mooring import spelling
from mooring.handler.find import ENDPOINT_CLASS, FUNCTIONS, HOOKS, defined_names, top_level

KNOWN = (*FUNCTIONS, *HOOKS)
SHOWN = 10
"""Most functions named in one warning."""
COMPARED = 200
"""Most functions compared with the known names, to bound the time for generated files."""

_MEANT: Mapping[str, str] = {
    **dict.fromkeys(("load_fn", "load", "load_model", "load_model_fn", "get_model", "init", "initialize"), "model_fn"),
    **dict.fromkeys(("preprocess_fn", "preprocess", "pre_process", "process_input", "decode_fn"), "input_fn"),
    **dict.fromkeys(("predict", "infer", "inference", "inference_fn", "infer_fn", "forward", "run"), "predict_fn"),
    **dict.fromkeys(("postprocess_fn", "postprocess", "post_process", "process_output", "encode_fn"), "output_fn"),
    **dict.fromkeys(("transform", "handle", "handler", "handle_fn", "lambda_handler", "invocations"), "transform_fn"),
    **dict.fromkeys(("warmup_fn", "warmup", "warm_up", "warmup_model"), "model_warmup_fn"),
}
"""Name used by other servers → the corresponding function."""


def uncalled(file: str, tree: ast.Module, live: Iterable[str] = ()) -> Iterator[str]:
    """Warnings about functions of the file that look as if they should be called, but are not.

    `live` are those known to be called, which may not be visible without running the file.
    """
    defined = defined_names(tree) | set(live)
    if "*" in defined:
        return  # star imports are opaque
    if defined & {*KNOWN, ENDPOINT_CLASS}:
        yield from _misspelt(file, tree, defined)
        return
    public = [name for name in _callables(tree) if not name.startswith("_")] or ["no function"]
    shown = ", ".join(_with_meaning(name) for name in public[:SHOWN])
    more = f" and {len(public) - SHOWN} more" if len(public) > SHOWN else ""
    yield (
        f"{file} defines {shown}{more}, but none of the functions that are called: "
        f"{', '.join(KNOWN)} (or a class {ENDPOINT_CLASS}). The model is served without this file."
    )


def _misspelt(file: str, tree: ast.Module, defined: set[str]) -> Iterator[str]:
    """Beside known functions, warn only about unused ones: a helper may have any name."""
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    for name in _callables(tree)[:COMPARED]:
        if name in used or name in KNOWN:
            continue
        meant = nearest(name)
        if meant is not None and meant not in defined and not _excluded(meant, defined):
            yield f"{file} defines {name}, which is never called. Rename it to {meant} if that is its purpose."


def _excluded(meant: str, defined: set[str]) -> bool:
    """transform_fn excludes the three functions it replaces, so renaming would be refused."""
    parts = {"input_fn", "predict_fn", "output_fn"}
    return meant in parts if "transform_fn" in defined else meant == "transform_fn" and bool(parts & defined)


def nearest(name: str) -> str | None:
    """The known function that a name probably means."""
    if name in _MEANT:
        return _MEANT[name]
    return next(iter(spelling.nearest(name, (*KNOWN, ENDPOINT_CLASS), cutoff=0.75)), None)


def _with_meaning(name: str) -> str:
    meant = nearest(name)
    return name if meant is None else f"{name} ({meant}?)"


def _callables(tree: ast.Module) -> list[str]:
    """Functions and classes in file order."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return [node.name for node in top_level(tree.body) if isinstance(node, kinds)]
