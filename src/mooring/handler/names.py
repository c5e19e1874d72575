"""Compare what a file of user code defines with the functions that would be called. For the start and `moor doctor`.

A function that nobody calls is the most common way to lose code silently: `predict` instead of `predict_fn`.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping

from mooring import spelling
from mooring.handler.find import ENDPOINT_CLASS, FUNCTIONS, HOOKS, defined_names, top_level

KNOWN = (*FUNCTIONS, *HOOKS)
SHOWN = 10
"""Functions that one warning names."""
COMPARED = 200
"""Functions that are compared with the known names, so that a generated file costs no time."""

_MEANT: Mapping[str, str] = {
    **dict.fromkeys(("load_fn", "load", "load_model", "load_model_fn", "get_model", "init", "initialize"), "model_fn"),
    **dict.fromkeys(("preprocess_fn", "preprocess", "pre_process", "process_input", "decode_fn"), "input_fn"),
    **dict.fromkeys(("predict", "infer", "inference", "inference_fn", "infer_fn", "forward", "run"), "predict_fn"),
    **dict.fromkeys(("postprocess_fn", "postprocess", "post_process", "process_output", "encode_fn"), "output_fn"),
    **dict.fromkeys(("transform", "handle", "handler", "handle_fn", "lambda_handler", "invocations"), "transform_fn"),
    **dict.fromkeys(("warmup_fn", "warmup", "warm_up", "warmup_model"), "model_warmup_fn"),
}
"""Names that other servers use → the function that has the same part here."""


def uncalled(file: str, tree: ast.Module, live: Iterable[str] = ()) -> Iterator[str]:
    """Sentences on functions of the file that look as if they should be called, and are not.

    `live` are those known to be called, for what cannot be seen without running the file.
    """
    defined = defined_names(tree) | set(live)
    if "*" in defined:
        return  # what an import brings cannot be seen
    if defined & {*KNOWN, ENDPOINT_CLASS}:
        yield from _misspelt(file, tree, defined)
        return
    public = [name for name in _callables(tree) if not name.startswith("_")] or ["no function"]
    shown = ", ".join(_with_meaning(name) for name in public[:SHOWN])
    more = f" and {len(public) - SHOWN} more" if len(public) > SHOWN else ""
    yield (
        f"{file} defines {shown}{more}, and none of the functions that are called: "
        f"{', '.join(KNOWN)} (or a class {ENDPOINT_CLASS}). The model is served without this file."
    )


def _misspelt(file: str, tree: ast.Module, defined: set[str]) -> Iterator[str]:
    """Beside known functions: only what nothing in the file uses, for a helper may have any name."""
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    for name in _callables(tree)[:COMPARED]:
        if name in used or name in KNOWN:
            continue
        meant = nearest(name)
        if meant is not None and meant not in defined and not _excluded(meant, defined):
            yield f"{file} defines {name}, which is never called. Rename it to {meant} if that is what it is for."


def _excluded(meant: str, defined: set[str]) -> bool:
    """transform_fn and its three parts exclude each other: renaming would be refused."""
    parts = {"input_fn", "predict_fn", "output_fn"}
    return meant in parts if "transform_fn" in defined else meant == "transform_fn" and bool(parts & defined)


def nearest(name: str) -> str | None:
    """The known function that a name probably stands for."""
    if name in _MEANT:
        return _MEANT[name]
    return next(iter(spelling.nearest(name, (*KNOWN, ENDPOINT_CLASS), cutoff=0.75)), None)


def _with_meaning(name: str) -> str:
    meant = nearest(name)
    return name if meant is None else f"{name} ({meant}?)"


def _callables(tree: ast.Module) -> list[str]:
    """Functions and classes, in the file's order."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return [node.name for node in top_level(tree.body) if isinstance(node, kinds)]
