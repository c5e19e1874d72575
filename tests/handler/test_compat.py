"""The stand-ins for the stock toolkits: every public name is there or says what to use instead, and works as theirs."""

import importlib
import importlib.util
import inspect
import io
import json
import logging
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mooring.handler.context import Context
from mooring.handler.raised import COMPAT, message_of
from mooring.handler.stand_ins import NotOffered

PUBLIC = {
    # sagemaker-inference 1.10.1
    "sagemaker_inference.content_types": "ANY CSV JSON NPY NPZ OCTET_STREAM UTF8_TYPES",
    "sagemaker_inference.decoder": "decode",
    "sagemaker_inference.default_handler_service": "DefaultHandlerService PYTHON_PATH_ENV",
    "sagemaker_inference.default_inference_handler": "DefaultInferenceHandler",
    "sagemaker_inference.encoder": "SUPPORTED_CONTENT_TYPES encode",
    "sagemaker_inference.environment": "DEFAULT_HTTP_PORT DEFAULT_MAX_REQUEST_SIZE DEFAULT_MODEL_SERVER_TIMEOUT "
    "DEFAULT_MODULE_NAME DEFAULT_STARTUP_TIMEOUT DEFAULT_VMARGS Environment SAGEMAKER_BASE_PATH base_dir code_dir "
    "logger model_dir",
    "sagemaker_inference.errors": "BaseInferenceToolkitError GenericInferenceToolkitError UnsupportedFormatError",
    "sagemaker_inference.logging": "configure_logger get_logger",
    "sagemaker_inference.model_server": "DEFAULT_HANDLER_SERVICE DEFAULT_MMS_CONFIG_FILE DEFAULT_MMS_LOG_FILE "
    "DEFAULT_MMS_MODEL_EXPORT_DIRECTORY DEFAULT_MMS_MODEL_NAME ENABLE_MULTI_MODEL MME_MMS_CONFIG_FILE MMS_CONFIG_FILE "
    "MMS_NAMESPACE MODEL_STORE PYTHON_PATH_ENV REQUIREMENTS_PATH logger start_model_server",
    "sagemaker_inference.parameters": "BASE_PATH_ENV BIND_TO_PORT_ENV DEFAULT_INVOCATIONS_ACCEPT_ENV LOG_LEVEL_ENV "
    "MAX_REQUEST_SIZE MODEL_SERVER_TIMEOUT_ENV MODEL_SERVER_TIMEOUT_SECONDS_ENV MODEL_SERVER_VMARGS "
    "MODEL_SERVER_WORKERS_ENV MULTI_MODEL_ENV SAFE_PORT_RANGE_ENV STARTUP_TIMEOUT_ENV USER_PROGRAM_ENV",
    "sagemaker_inference.transformer": "Transformer",
    "sagemaker_inference.utils": "CONTENT_TYPE_REGEX parse_accept read_file remove_crlf retrieve_content_type_header "
    "write_file",
    # sagemaker-huggingface-inference-toolkit 2.6.0
    "sagemaker_huggingface_inference_toolkit.content_types": "ANY AUDIO_TYPES BMP CSV FLAC GIF JPEG JSON MP3 NPY "
    "OCTET_STREAM OGG PNG TIFF UTF8_TYPES VISION_TYPES WAV WEBP X_AUDIO X_IMAGE",
    "sagemaker_huggingface_inference_toolkit.decoder_encoder": "decode decode_audio decode_csv decode_image "
    "decode_json encode encode_csv encode_image encode_json",
    "sagemaker_huggingface_inference_toolkit.diffusers_utils": "DIFFUSERS_TASKS SMDiffusionPipelineForText2Image "
    "get_diffusers_pipeline is_diffusers_available logger",
    "sagemaker_huggingface_inference_toolkit.handler_service": "ENABLE_MULTI_MODEL HuggingFaceHandlerService INPUT_FN "
    "MODEL_FN OUTPUT_FN PREDICT_FN PYTHON_PATH_ENV TRANSFORM_FN logger",
    "sagemaker_huggingface_inference_toolkit.mms_model_server": "DEFAULT_HANDLER_SERVICE "
    "DEFAULT_HF_HUB_MODEL_EXPORT_DIRECTORY DEFAULT_MODEL_STORE logger start_model_server",
    "sagemaker_huggingface_inference_toolkit.optimum_utils": "get_input_shapes get_optimum_neuron_pipeline "
    "is_optimum_neuron_available logger",
    "sagemaker_huggingface_inference_toolkit.serving": "HANDLER_SERVICE main",
    "sagemaker_huggingface_inference_toolkit.transformers_utils": "ARCHITECTURES_2_TASK FRAMEWORK_MAPPING HF_API_TOKEN "
    "HF_MODEL_REVISION REPO_ID_SEPARATOR TRUST_REMOTE_CODE create_artifact_filter get_pipeline infer_task_from_hub "
    "infer_task_from_model_architecture is_aws_neuron_available logger strtobool",
    # multi-model-server 1.1.11
    "mms": "__version__",
    "mms.arg_parser": "ArgParser",
    "mms.context": "Context RequestProcessor",
    "mms.export_model": "main",
    "mms.metrics.dimension": "Dimension",
    "mms.metrics.metric": "Metric MetricUnit",
    "mms.metrics.metric_collector": "main",
    "mms.metrics.metric_encoder": "MetricEncoder",
    "mms.metrics.metrics_store": "MetricsStore",
    "mms.metrics.process_memory_metric": "check_process_mem_usage get_cpu_usage",
    "mms.metrics.system_metrics": "collect_all system_metrics",
    "mms.metrics.unit": "Units",
    "mms.model_loader": "LegacyModelLoader MmsModelLoader ModelLoader ModelLoaderFactory",
    "mms.model_server": "load_properties old_start start",
    "mms.model_service.gluon_vision_service": "GluonVisionService",
    "mms.model_service.model_service": "ModelService SingleNodeService",
    "mms.model_service.mxnet_model_service": "GluonImperativeBaseService MXNetBaseService check_input_shape",
    "mms.model_service.mxnet_vision_service": "MXNetVisionService",
    "mms.model_service_worker": "MXNetModelServiceWorker",
    "mms.protocol.otf_message_handler": "create_predict_response encode_response_headers retrieve_msg",
    "mms.service": "PREDICTION_METRIC PredictionException Service emit_metrics logger",
    "mms.utils.mxnet.image": "color_normalize fixed_crop read resize transform_shape write",
    "mms.utils.mxnet.ndarray": "top_probability",
    "mms.utils.mxnet.nlp": "encode_sentences pad_sentence",
    "mms.utils.timeit_decorator": "timeit",
    "mms.version": "__version__",
}
"""Module → its public names, read from the sources of these releases."""

OFFERED = 129
"""How many of them are there; the others name their substitute."""


@pytest.fixture(autouse=True)
def stand_ins() -> Iterator[None]:
    """On the path, as for user code."""
    sys.path.append(str(COMPAT))
    yield
    sys.path.remove(str(COMPAT))


def module(name: str) -> Any:
    """Import it."""
    return importlib.import_module(name)


def test_every_public_name_is_there_or_says_what_to_use_instead() -> None:
    """As user code imports it: from MODULE import NAME."""
    offered = 0
    for place, names in PUBLIC.items():
        for name in names.split():
            try:
                exec(f"from {place} import {name}", {})
                offered += 1
            except NotOffered as error:
                head, _, instead = str(error).partition(": ")
                assert head.startswith("Mooring has no "), place
                assert head.rpartition(" ")[2] in (f"{place}.{name}", place, place.rpartition(".")[0])
                assert len(instead) > 20, place
    assert offered == OFFERED


def test_a_name_that_never_was_is_no_attribute() -> None:
    """hasattr and getattr with a default work."""
    assert not hasattr(module("sagemaker_inference.model_server"), "no_such_name")
    with pytest.raises(ImportError, match="cannot import name"):
        exec("from sagemaker_inference.model_server import no_such_name", {})


def test_modules_without_a_file_look_like_others() -> None:
    """To pickle, inspect, find_spec and `import *`."""
    dimension = module("mms.metrics.dimension").Dimension("a", "b")
    assert pickle.loads(pickle.dumps(dimension)).to_dict() == dimension.to_dict()
    assert "def to_dict" in inspect.getsource(type(dimension))
    assert (
        module("sagemaker_inference.default_handler_service").__name__ == "sagemaker_inference.default_handler_service"
    )
    assert importlib.util.find_spec("mms.utils.timeit_decorator") is not None
    assert importlib.util.find_spec("mms.utils.no_such_module") is None
    assert importlib.util.find_spec("mms.model_server") is not None  # it says what to use only when it is imported
    assert not hasattr(module("mms.metrics.unit"), "Metric")
    names: dict[str, object] = {}
    exec("from sagemaker_inference.content_types import *", names)
    assert names.keys() - {"__builtins__"} == set(PUBLIC["sagemaker_inference.content_types"].split())


def test_an_installed_toolkit_goes_before_the_stand_in(tmp_path: Path) -> None:
    """For all of its modules, also those that the stand-in refuses."""
    package = tmp_path / "mms"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "model_server.py").write_text("start = 'theirs'")
    program = (
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; sys.path.append({str(COMPAT)!r})\n"
        "import sagemaker_inference.utils, mms.model_server; print(mms.model_server.start)\n"
        "import mms.version"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout == "theirs\n"
    assert "No module named 'mms.version'" in done.stderr


def test_what_a_stand_in_refuses_may_be_logged() -> None:
    """Also if a function imports it while a request is answered: the message repeats nothing of the request."""
    path = Path(__file__)
    with pytest.raises(NotOffered) as caught:
        module("mms.model_server")
    assert message_of(caught.value, path) == str(caught.value)


@pytest.mark.parametrize(
    ("body", "kind", "value"),
    [
        ("[42, 6, 9]", "application/json", [42, 6, 9]),
        ('["42", "6"]', "application/json", ["42", "6"]),
        (b"[1.5]", "application/json", [1.5]),
        ("42\n6\n9\n", "text/csv", [42, 6, 9]),
        ("1,2\n3,4\n", "text/csv", [[1, 2], [3, 4]]),
    ],
)
def test_bodies_become_arrays(body: str | bytes, kind: str, value: object) -> None:
    """As text or bytes."""
    np.testing.assert_equal(module("sagemaker_inference.decoder").decode(body, kind), np.array(value))


def test_arrays_of_numpys_own_format() -> None:
    """Both ways, but never a pickle, which can run code."""
    decoder, encoder = module("sagemaker_inference.decoder"), module("sagemaker_inference.encoder")
    data = encoder.encode([[1.0, 2.0]], "application/x-npy")
    np.testing.assert_equal(decoder.decode(data, "application/x-npy"), np.array([[1.0, 2.0]]))
    pickled = encoder.encode(np.array([{"a": 1}]), "application/x-npy")
    with pytest.raises(ValueError, match="Object arrays"):
        decoder.decode(pickled, "application/x-npy")


def test_sparse_matrices() -> None:
    """application/x-npz, where scipy is installed."""
    sparse: Any = pytest.importorskip("scipy.sparse", reason="scipy is not installed: pip install scipy")
    buffer = io.BytesIO()
    sparse.save_npz(buffer, sparse.csr_matrix(np.array([[1, 0], [0, 7]])))
    found = module("sagemaker_inference.decoder").decode(buffer.getvalue(), "application/x-npz")
    np.testing.assert_equal(found.toarray(), [[1, 0], [0, 7]])


def test_sparse_matrices_without_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is named, and where to list it."""
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(ImportError, match=r"needs scipy.*requirements\.txt"):
        module("sagemaker_inference.decoder").decode(b"", "application/x-npz")


@pytest.mark.parametrize(
    ("value", "kind", "body"),
    [
        ([42, 6], "application/json", "[42, 6]"),
        (np.array([42.0, 6.0]), "application/json", "[42.0, 6.0]"),
        ({42: {"6": np.float64(9)}}, "application/json", '{"42": {"6": 9.0}}'),
        (["42", "6"], "text/csv", "42\n6\n"),
        (np.array([[1.5, 2.0]]), "text/csv", "1.5,2.0\n"),
    ],
)
def test_arrays_become_bodies(value: object, kind: str, body: str) -> None:
    """As the toolkit writes them."""
    encoder = module("sagemaker_inference.encoder")
    assert encoder.encode(value, kind) == body
    assert kind in encoder.SUPPORTED_CONTENT_TYPES


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/csv", "text/csv"),
        ("text/csv, application/json", "text/csv"),
        ("image/png,application/json", "application/json"),
    ],
)
def test_the_default_output_takes_the_first_type_that_it_can_write(accept: str, kind: str) -> None:
    """Of an Accept header as sent."""
    handler = module("sagemaker_inference.default_inference_handler").DefaultInferenceHandler()
    assert handler.default_output_fn([1], accept, None) == ("1\n" if kind == "text/csv" else "[1]", kind)
    assert handler.default_input_fn("[1]", "application/json", None) == np.array([1])


def test_types_that_are_not_known() -> None:
    """UnsupportedFormatError, whose message names the type."""
    errors = module("sagemaker_inference.errors")
    handler = module("sagemaker_inference.default_inference_handler").DefaultInferenceHandler()
    toolkit = module("sagemaker_huggingface_inference_toolkit.decoder_encoder")
    calls: tuple[Callable[[], Any], ...] = (
        lambda: module("sagemaker_inference.decoder").decode(b"", "x/y"),
        lambda: module("sagemaker_inference.encoder").encode([], "x/y"),
        lambda: handler.default_output_fn([], "x/y"),
        lambda: toolkit.decode(b"", "x/y"),
        lambda: toolkit.encode({}, "x/y"),
    )
    for call in calls:
        with pytest.raises(errors.UnsupportedFormatError, match=r"^Content type x/y is not supported"):
            call()


def test_functions_that_have_to_be_defined() -> None:
    """Both name what to define."""
    handler = module("sagemaker_inference.default_inference_handler").DefaultInferenceHandler()
    with pytest.raises(NotImplementedError, match="model_fn"):
        handler.default_model_fn("d")
    with pytest.raises(NotImplementedError, match="predict_fn"):
        handler.default_predict_fn("d", None)


def test_the_hugging_face_toolkits_bodies() -> None:
    """JSON, CSV and audio in; JSON and CSV out."""
    toolkit = module("sagemaker_huggingface_inference_toolkit.decoder_encoder")
    assert toolkit.decode('{"inputs": "é"}') == {"inputs": "é"}
    assert toolkit.decode("question,context\r\nq,c\r\n", "text/csv") == {"inputs": [{"question": "q", "context": "c"}]}
    assert toolkit.decode("inputs\r\na\r\nb", "text/csv") == {"inputs": ["a", "b"]}
    assert toolkit.decode(bytearray(b"\x00"), "audio/x-flac") == {"inputs": b"\x00"}
    assert toolkit.encode({"a": np.int64(1), "b": np.array([0.5]), "c": "é"}) == '{"a":1,"b":[0.5],"c":"é"}'
    rows = [{"answer": "x", "score": 0.5}, {"answer": "y, z", "score": 0.25}]
    assert toolkit.encode(rows, "text/csv") == 'answer,score\r\nx,0.5\r\n"y, z",0.25\r\n'
    with pytest.raises(ValueError, match="JSON"):
        toolkit.encode(float("nan"))


@pytest.mark.parametrize("body", ["where do i live?,My name is\r\nq,c", "", "question,context\r\n"])
def test_csv_without_a_header_or_a_row(body: str) -> None:
    """The exception that the toolkit raises: message and 400 reach the caller."""
    toolkit = module("sagemaker_huggingface_inference_toolkit.decoder_encoder")
    with pytest.raises(module("mms.service").PredictionException) as caught:
        toolkit.decode_csv(body)
    assert (caught.value.error_code, "question" in caught.value.message) == (400, True)


def test_images() -> None:
    """In and out, where pillow is installed."""
    image = pytest.importorskip("PIL.Image", reason="pillow is not installed: pip install pillow")
    toolkit = module("sagemaker_huggingface_inference_toolkit.decoder_encoder")
    for kind in ("image/png", "image/x-image", "image/bmp"):
        data = toolkit.encode(image.new("RGB", (2, 3), (255, 0, 0)), kind)
        assert toolkit.decode(data, kind)["inputs"].size == (2, 3)
    assert json.loads(toolkit.encode({"image": image.new("L", (1, 1))}))["image"].startswith("iVBOR")


def test_the_stock_servers_exception() -> None:
    """Message and status apart, and both in its text."""
    error = module("mms.service").PredictionException("no", 422)
    assert (error.message, error.error_code, str(error), error.args) == ("no", 422, "no : 422", ("no",))
    assert module("mms.service").PredictionException("no").error_code == 500


def test_small_parts_of_the_toolkits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Helpers, the environment, tasks by architecture."""
    utils = module("sagemaker_inference.utils")
    assert utils.parse_accept("application/json, text/csv") == ["application/json", "text/csv"]
    assert utils.remove_crlf("a\r\nb") == "a  b"
    assert [utils.retrieve_content_type_header({name: "x"}) for name in ("Content-Type", "ContentType", "Accept")] == [
        *("x", "x"),
        None,
    ]
    utils.write_file(tmp_path / "f", "text")
    assert utils.read_file(tmp_path / "f") == "text"
    monkeypatch.setenv("SAGEMAKER_PROGRAM", "")
    monkeypatch.setenv("SAGEMAKER_MAX_PAYLOAD_IN_MB", "6")
    environment = module("sagemaker_inference.environment").Environment()
    assert (environment.module_name, environment.max_request_size) == ("inference", 6 * 1024 * 1024)
    tools = module("sagemaker_huggingface_inference_toolkit.transformers_utils")
    monkeypatch.setenv("HF_TASK", "")
    (tmp_path / "config.json").write_text('\ufeff{"architectures": ["TapasForQuestionAnswering"]}')
    assert tools.infer_task_from_model_architecture(tmp_path / "config.json") == "table-question-answering"
    assert tools.strtobool("Yes")
    assert "*safetensors" not in tools.create_artifact_filter("safetensors")
    with pytest.raises(ValueError, match="neither true nor false"):
        tools.strtobool("maybe")


def test_metrics_can_be_made_and_written(caplog: pytest.LogCaptureFixture) -> None:
    """Code that measures itself goes on working."""
    metric = module("mms.metrics.metric").Metric("Time", 1, "ms", [module("mms.metrics.dimension").Dimension("a", "b")])
    metric.update(2)
    assert metric.to_dict()["Unit"] == "Milliseconds"
    module("mms.metrics.metrics_store").MetricsStore({}, "m").add_counter("c", 1)
    with caplog.at_level(logging.INFO):
        module("mms.service").emit_metrics([metric])
    assert "[METRICS]Time.Milliseconds:2|#a:b|" in caplog.text


def test_handler_services_answer_with_the_users_functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both toolkits' services, for code that makes its own of them."""
    code = tmp_path / "code"
    code.mkdir()
    (code / "inference.py").write_text(
        "def model_fn(d, context): return context.system_properties['gpu_id']\n"
        "def input_fn(body, kind): return body\n"
        "def predict_fn(data, model): return [data, model]\n"
        "def output_fn(value, accept): return f'{value} {accept}'\n"
    )
    monkeypatch.setattr(sys, "path", [str(code), *sys.path])
    monkeypatch.setenv("PYTHONPATH", "")
    loading = Context("model", str(tmp_path))
    services = (
        module("sagemaker_inference.default_handler_service").DefaultHandlerService(),
        module("sagemaker_huggingface_inference_toolkit.handler_service").HuggingFaceHandlerService(),
    )
    for service in services:
        service.initialize(loading)
        context = loading.of_request({"Content-Type": "text/csv", "Accept": "text/csv"}, "r")
        assert service.handle([{"body": b"x"}], context) == ["['x', None] text/csv"]
        assert context.get_response_content_type(0) == "text/csv"


def test_a_service_answers_errors_as_its_toolkit_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SageMaker toolkit sets the status, the Hugging Face toolkit raises with 400."""
    code = tmp_path / "code"
    code.mkdir()
    (code / "inference.py").write_text(
        "from sagemaker_inference.errors import GenericInferenceToolkitError\n"
        "def model_fn(d): return None\n"
        "def transform_fn(m, body, kind, accept): raise GenericInferenceToolkitError(422, 'not so')\n"
    )
    monkeypatch.setattr(sys, "path", [str(code), *sys.path])
    monkeypatch.setenv("PYTHONPATH", "")
    context = Context("model", str(tmp_path)).of_request({"Content-Type": "text/csv"}, "r")
    (body,) = (
        module("sagemaker_inference.default_handler_service").DefaultHandlerService().handle([{"body": b""}], context)
    )
    assert body.startswith("not so\nTraceback")
    assert context.get_response_status(0)[0] == 422
    service = module("sagemaker_huggingface_inference_toolkit.handler_service").HuggingFaceHandlerService()
    with pytest.raises(module("mms.service").PredictionException) as caught:
        service.handle([{"body": b""}], context)
    assert caught.value.error_code == 400
