"""Quantize a graph to int8 with nncf, which only this module imports.

Called by `pipeline.py`. nncf belongs to the extra `build`: it is imported on demand, with a clear error if missing.
"""

import contextlib
import io
import logging
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mooring.build.calibration import Arrays
from mooring.build.recipe import OFF, Ranges, Recipe
from mooring.errors import BuildError
from mooring.graph.runtime import import_openvino
from mooring.installation import install_command


def import_nncf() -> Any:
    """The `nncf` module, silenced and without telemetry. Raises BuildError if the extra is not installed."""
    # First, because it disables `openvino_telemetry`, which nncf also uses.
    import_openvino()
    logger_class = logging.getLoggerClass()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import nncf
    except ImportError as error:
        raise BuildError(
            f"int8 needs nncf, which is not installed ({error}).",
            hint=f"Install it: {install_command('build')}. Or build with --precision bf16.",
        ) from error
    finally:
        # nncf replaces the logger class of the whole process.
        logging.setLoggerClass(logger_class)
    nncf.set_log_level(logging.ERROR)
    return nncf


def nncf_version() -> str:
    """The nncf version for the manifest."""
    return str(import_nncf().__version__)


def passes(recipe: Recipe) -> int:
    """Number of passes over the calibration inputs: ranges for smoothing, then ranges and biases for the quantizers."""
    return 1 if recipe.smooth_alpha == OFF else 2


def quantise(
    model: Any,
    inputs: Sequence[Arrays],
    recipe: Recipe,
    tick: Callable[[], None] = lambda: None,
    *,
    excluded: Sequence[str] = (),
    fold_weights: bool = True,
) -> Any:
    """A new `openvino.Model` with int8 matrix products; `model` is unchanged.

    `excluded` names operations that stay in floating point; the caller applies the recipe's share. `fold_weights`
    stores weights as int8; False keeps floats with a quantizer in the graph, which `noise.py` reads. `tick` is called
    for each run of a calibration input: `passes(recipe)` × len(inputs) times. Deterministic. Raises BuildError.
    """
    nncf = import_nncf()
    preset = nncf.QuantizationPreset.MIXED if recipe.asymmetric_activations else nncf.QuantizationPreset.PERFORMANCE
    advanced = nncf.AdvancedQuantizationParameters(
        smooth_quant_alphas=nncf.AdvancedSmoothQuantParameters(matmul=recipe.smooth_alpha),
        activations_range_estimator_params=_estimator(recipe.ranges),
        backend_params={"compress_weights": fold_weights},
    )
    gives_up = (
        nncf.InternalError,
        nncf.ParameterNotSupportedError,
        nncf.UnsupportedModelError,
        nncf.ValidationError,
        RuntimeError,
    )
    with _quiet():
        try:
            return nncf.quantize(
                model,
                nncf.Dataset(_Ticking(inputs, tick)),
                preset=preset,
                model_type=nncf.ModelType.TRANSFORMER,
                subset_size=len(inputs),
                fast_bias_correction=True,
                ignored_scope=nncf.IgnoredScope(names=list(excluded)) if excluded else None,
                advanced_parameters=advanced,
            )
        except gives_up as error:
            raise BuildError(f"nncf cannot quantize this model: {error}", hint="Try --precision bf16.") from error


def _estimator(ranges: Ranges) -> Any:
    """nncf's parameters for the ends of activation ranges."""
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet as Known

    return {"mean": Known.MEAN_MINMAX, "minmax": Known.MINMAX, "percentile": Known.MEAN_QUANTILE}[ranges]


@dataclass(frozen=True, slots=True)
class _Ticking:
    """A repeatable iterable over the inputs that reports progress."""

    inputs: Sequence[Arrays]
    tick: Callable[[], None]

    def __iter__(self) -> Iterator[Arrays]:
        for arrays in self.inputs:
            self.tick()
            yield arrays

    def __len__(self) -> int:
        return len(self.inputs)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence nncf: it draws progress bars on stdout, which is for our result, and logs internal warnings."""
    # Not a terminal: rich then draws nothing.
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    sys.stdout.flush()
