"""The stock SageMaker stack: Hugging Face's inference toolkit on multi-model-server, started as its image starts it."""

from bench.peers.peer import SERVICES, Launch, Peer, Place, launch, read_answer, wrapped_body

_CODE = {"bf16": SERVICES / "stock_bf16", "int8": SERVICES / "stock_int8"}


def peers() -> list[Peer]:
    """As shipped, tuned, and with a user's model_fn."""
    said = {
        "fp32": "the toolkit's own pipeline",
        "bf16": "a five-line model_fn: the pipeline in bf16",
        "int8": "a model_fn with ONNX Runtime's dynamic int8 and spans by hand instead of the pipeline",
    }
    shipped = _peer("fp32", "default", said["fp32"] + ", every setting as shipped: a worker per CPU, all threads each")
    return [
        shipped,
        *(_peer(precision, layout, words) for precision, words in said.items() for layout in ("2x1", "1x2")),
    ]


def _peer(precision: str, layout: str, settings: str) -> Peer:
    def start(place: Place) -> Launch:
        base = place.folder / "ml"
        (base / "model" / "code").mkdir(parents=True)
        for file in place.models.source.iterdir():
            (base / "model" / file.name).symlink_to(file)
        if precision in _CODE:
            code = base / "model" / "code" / "inference.py"
            code.write_text((_CODE[precision] / "inference.py").read_text(encoding="utf-8"), encoding="utf-8")
        environ = {
            "HF_TASK": "question-answering",
            "SAGEMAKER_BASE_DIR": str(base),
            "SAGEMAKER_BIND_TO_PORT": str(place.port),
            "STOCK_CONFIG": str(place.folder / "mms.properties"),
            "TMPDIR": str(place.folder),  # multi-model-server keeps a file with its pid there
            "PYTHONPATH": str(SERVICES),
            "QA_MODEL": str(place.models.onnx),
        }
        if layout != "default":
            workers, threads = layout.split("x")
            environ |= {"SAGEMAKER_MODEL_SERVER_WORKERS": workers, "OMP_NUM_THREADS": threads, "QA_THREADS": threads}
        return launch("stock", ["python", str(SERVICES / "stock_start.py")], **environ)

    return Peer(
        product="stock",
        precision=precision,
        layout=layout,
        environment="stock",
        path="/invocations",
        launch=start,
        body=wrapped_body,
        read=read_answer,
        settings=settings,
    )
