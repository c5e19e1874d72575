"""SageMaker's control plane as one service."""

from mooring_local.arguments.sagemaker import SAGEMAKER
from mooring_local.control.endpoint_configs import EndpointConfigs
from mooring_local.control.endpoints import EndpointControl
from mooring_local.control.inference_components import InferenceComponents
from mooring_local.control.models import Models
from mooring_local.control.parts import Parts
from mooring_local.control.tags import Tags
from mooring_local.control.transform_jobs import TransformJobs
from mooring_local.wire.service import Service
from mooring_local.wire.service_model import service_model


def control_plane(parts: Parts) -> Service:
    """The service with all implemented operations."""
    nouns = (Models, EndpointConfigs, EndpointControl, Tags, TransformJobs, InferenceComponents)
    handlers = {name: handler for noun in nouns for name, handler in noun(parts).handlers().items()}
    return Service(service_model("sagemaker"), handlers, SAGEMAKER)
