"""Provide the stock toolkits' modules that have no file in `compat/`: a table of names, and an import finder.

A package in `compat/` calls `install`. If the real package is installed, its own modules are found first and nothing
here is used.
"""

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import CodeType, ModuleType
from typing import NoReturn


class NotOffered(ImportError):
    """The name exists in the stock toolkit but not here. An ImportError, so `from … import` shows the message."""


_REFUSED = (
    (
        "the server is already running. Start one with moor serve, and define functions in code/inference.py.",
        "mms.arg_parser mms.export_model mms.model_server mms.model_service_worker mms.protocol "
        "sagemaker_inference.model_server.start_model_server "
        "sagemaker_huggingface_inference_toolkit.mms_model_server.start_model_server "
        "sagemaker_huggingface_inference_toolkit.serving.main",
    ),
    (
        "define model_fn, input_fn, predict_fn and output_fn in code/inference.py, or EndpointHandler in handler.py.",
        "mms.model_loader mms.model_service mms.service.Service",
    ),
    (
        "use GET /metrics, which returns Prometheus metrics.",
        "mms.metrics.metric_collector mms.metrics.metric_encoder mms.metrics.process_memory_metric "
        "mms.metrics.system_metrics",
    ),
    ("MXNet is no longer maintained. Read images with pillow and arrays with numpy.", "mms.utils.mxnet"),
    (
        "it configures a Java server, which Mooring does not use. Set variables instead: moor serve --help.",
        "sagemaker_inference.model_server.DEFAULT_MMS_CONFIG_FILE "
        "sagemaker_inference.model_server.DEFAULT_MMS_LOG_FILE "
        "sagemaker_inference.model_server.DEFAULT_MMS_MODEL_EXPORT_DIRECTORY "
        "sagemaker_inference.model_server.MME_MMS_CONFIG_FILE sagemaker_inference.model_server.MMS_CONFIG_FILE "
        "sagemaker_inference.model_server.MMS_NAMESPACE",
    ),
    (
        "Hub models are in the Hugging Face cache (HF_HUB_CACHE).",
        "sagemaker_huggingface_inference_toolkit.mms_model_server.DEFAULT_HF_HUB_MODEL_EXPORT_DIRECTORY",
    ),
    (
        "diffusion models are not supported. Load one with diffusers in model_fn of code/inference.py.",
        "sagemaker_huggingface_inference_toolkit.diffusers_utils.DIFFUSERS_TASKS "
        "sagemaker_huggingface_inference_toolkit.diffusers_utils.SMDiffusionPipelineForText2Image "
        "sagemaker_huggingface_inference_toolkit.diffusers_utils.get_diffusers_pipeline",
    ),
    (
        "the engine runs on CPUs, not on Neuron devices. Open the model with mooring.handler.load_model.",
        "sagemaker_huggingface_inference_toolkit.optimum_utils.get_input_shapes "
        "sagemaker_huggingface_inference_toolkit.optimum_utils.get_optimum_neuron_pipeline",
    ),
    (
        "the task comes from config.json or HF_TASK; the server does not ask the Hub.",
        "sagemaker_huggingface_inference_toolkit.transformers_utils.infer_task_from_hub",
    ),
)
REFUSED: Mapping[str, str] = {name: instead for instead, names in _REFUSED for name in names.split()}
"""Module, or name in a module → what to use instead."""

_SM = "sagemaker_inference"
_HF = "sagemaker_huggingface_inference_toolkit"

ELSEWHERE: Mapping[str, tuple[str, str]] = {
    "mms.context": ("mooring.handler.context", "Context RequestProcessor"),
    "mms.metrics": ("mms", "Dimension Metric MetricUnit MetricsStore Units"),
    "mms.metrics.dimension": ("mms", "Dimension"),
    "mms.metrics.metric": ("mms", "Metric MetricUnit"),
    "mms.metrics.metrics_store": ("mms", "MetricsStore"),
    "mms.metrics.unit": ("mms", "Units"),
    "mms.service": ("mms", "PREDICTION_METRIC PredictionException emit_metrics logger"),
    "mms.utils": ("mms", ""),
    "mms.utils.timeit_decorator": ("mms", "timeit"),
    "mms.version": ("mms", "__version__"),
    f"{_SM}.content_types": (f"{_SM}.utils", "ANY CSV JSON NPY NPZ OCTET_STREAM UTF8_TYPES"),
    f"{_SM}.default_handler_service": (f"{_SM}.transformer", "DefaultHandlerService PYTHON_PATH_ENV"),
    f"{_SM}.default_inference_handler": (f"{_SM}.transformer", "DefaultInferenceHandler"),
    f"{_SM}.logging": (f"{_SM}.environment", "configure_logger get_logger"),
    f"{_SM}.model_server": (
        f"{_SM}.environment",
        "DEFAULT_HANDLER_SERVICE DEFAULT_MMS_MODEL_NAME ENABLE_MULTI_MODEL MODEL_STORE PYTHON_PATH_ENV "
        "REQUIREMENTS_PATH logger",
    ),
    f"{_SM}.parameters": (
        f"{_SM}.environment",
        "BASE_PATH_ENV BIND_TO_PORT_ENV DEFAULT_INVOCATIONS_ACCEPT_ENV LOG_LEVEL_ENV MAX_REQUEST_SIZE "
        "MODEL_SERVER_TIMEOUT_ENV MODEL_SERVER_TIMEOUT_SECONDS_ENV MODEL_SERVER_VMARGS MODEL_SERVER_WORKERS_ENV "
        "MULTI_MODEL_ENV SAFE_PORT_RANGE_ENV STARTUP_TIMEOUT_ENV USER_PROGRAM_ENV",
    ),
    f"{_HF}.content_types": (
        f"{_HF}.decoder_encoder",
        "ANY AUDIO_TYPES BMP CSV FLAC GIF JPEG JSON MP3 NPY OCTET_STREAM OGG PNG TIFF UTF8_TYPES VISION_TYPES WAV WEBP "
        "X_AUDIO X_IMAGE",
    ),
    f"{_HF}.diffusers_utils": (f"{_HF}.transformers_utils", "is_diffusers_available logger"),
    f"{_HF}.mms_model_server": (f"{_HF}.handler_service", "DEFAULT_HANDLER_SERVICE DEFAULT_MODEL_STORE logger"),
    f"{_HF}.optimum_utils": (f"{_HF}.transformers_utils", "is_optimum_neuron_available logger"),
    f"{_HF}.serving": (f"{_HF}.handler_service", "HANDLER_SERVICE"),
}
"""Module without a file → (module with its names, the names)."""


def refusing(module: str) -> Callable[[str], NoReturn]:
    """A module's `__getattr__` that raises NotOffered for names in `REFUSED`."""

    def refuse(name: str) -> NoReturn:
        if (instead := REFUSED.get(f"{module}.{name}")) is not None:
            raise NotOffered(f"Mooring has no {module}.{name}: {instead}", name=module)
        raise AttributeError(f"module {module!r} has no attribute {name!r}", name=name)

    return refuse


class _Loader(Loader):
    """Fills a module from the tables."""

    def exec_module(self, module: ModuleType) -> None:
        """Raises NotOffered for a module that is not provided."""
        name = module.__name__
        self.get_code(name)
        place, names = ELSEWHERE[name]
        source = importlib.import_module(place)
        vars(module).update({one: getattr(source, one) for one in names.split()})
        module.__doc__ = f"Names of {place}."
        module.__getattr__ = refusing(name)  # type: ignore[method-assign]

    def get_code(self, name: str) -> CodeType | None:
        """For `python -m`: nothing to run. Raises NotOffered for refused modules."""
        if name in REFUSED:
            raise NotOffered(f"Mooring has no {name}: {REFUSED[name]}", name=name)
        return None


class _Finder:
    """Finds the modules in the tables."""

    def __init__(self) -> None:
        self.packages: set[str] = set()

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - importlib's signature
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """A module of the tables; a package if it contains others."""
        if name.partition(".")[0] not in self.packages or not (name in REFUSED or name in ELSEWHERE):
            return None
        inside = any(one.startswith(f"{name}.") for one in ELSEWHERE)
        return spec_from_loader(name, _Loader(), origin="mooring", is_package=inside)


_finder = _Finder()


def install(package: str) -> None:
    """Provide the modules of a package in `compat/`. The last finder, so files take precedence over the tables."""
    _finder.packages.add(package)
    if _finder not in sys.meta_path:
        sys.meta_path.append(_finder)
