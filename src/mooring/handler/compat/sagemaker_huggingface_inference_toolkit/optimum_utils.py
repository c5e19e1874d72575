"""Neuron devices are not used."""

import logging

from mooring.handler.not_offered import refusing

logger = logging.getLogger(__name__)

_NEURON = "the engine runs on CPUs, not on Neuron devices. load_model of mooring.handler opens the model."


def is_optimum_neuron_available():
    """False."""
    return False


__getattr__ = refusing(__name__, dict.fromkeys(("get_input_shapes", "get_optimum_neuron_pipeline"), _NEURON))
