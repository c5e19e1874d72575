"""An exact graph and calibration inputs in, the graph with int8 operations out. The only importer of nncf.

Called by `pipeline.py`. nncf is the extra `build`: it is imported when it is needed and missed with a clear message.
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
from mooring.build.recipe import Ranges, Recipe
from mooring.errors import BuildError
from mooring.graph.runtime import import_openvino
from mooring.installation import install_command

PASSES = 2
"""How often nncf runs the calibration inputs: ranges for smoothing, then ranges and biases for the quantisers."""


def import_nncf() -> Any:
    """The `nncf` module, silent and without telemetry. Raises BuildError when the extra is not installed."""
    # First, because this door switches off `openvino_telemetry`, which is nncf's reporter too.
    import_openvino()
    logger_class = logging.getLoggerClass()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import nncf
    except ImportError as error:
        raise BuildError(
            f"int8 needs nncf, which is not installed ({error}).",
            hint=f"Install it: {install_command('build')}; or build with --precision bf16.",
        ) from error
    finally:
        # nncf makes every logger of the process one of its own class.
        logging.setLoggerClass(logger_class)
    nncf.set_log_level(logging.ERROR)
    return nncf


def nncf_version() -> str:
    """Version for the manifest."""
    return str(import_nncf().__version__)


def quantise(
    model: Any,
    inputs: Sequence[Arrays],
    recipe: Recipe,
    tick: Callable[[], None] = lambda: None,
    *,
    excluded: Sequence[str] = (),
    fold_weights: bool = True,
) -> Any:
    """A new `openvino.Model` with int8 matrix products; `model` is left as it was.

    `excluded` names operations that stay in floating point; the recipe's share of them is for the caller to choose.
    `fold_weights` stores weights as int8; False keeps them as floats with their quantiser in the graph, which
    `noise.py` reads. `tick` is called whenever a calibration input is run, about `PASSES` × len(inputs) times.
    Deterministic for equal inputs. Raises BuildError when nncf gives up.
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
            raise BuildError(f"nncf cannot quantise this model: {error}", hint="Try --precision bf16.") from error


def _estimator(ranges: Ranges) -> Any:
    """nncf's parameters for the ends of an activation's range."""
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet as Known

    return {"mean": Known.MEAN_MINMAX, "minmax": Known.MINMAX, "percentile": Known.MEAN_QUANTILE}[ranges]


@dataclass(frozen=True, slots=True)
class _Ticking:
    """Iterable over the inputs, again and again, that says how far it is."""

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
    """nncf draws its bars on stdout, which belongs to our own result, and warns of its own insides."""
    # A file without a terminal behind it: rich then draws nothing at all.
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    sys.stdout.flush()
