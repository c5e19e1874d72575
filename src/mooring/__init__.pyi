from mooring.deploy.invoke import Predictor as Predictor
from mooring.deploy.model import Model as Model

__version__: str
__all__ = ["Model", "Predictor", "__version__"]
