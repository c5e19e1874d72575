"""Find tasks and make pipelines. The pipelines are Mooring's, which compute without transformers."""

import json
import logging
import os

from mooring.handler import load_model
from mooring.handler.stand_ins import refusing

logger = logging.getLogger(__name__)

REPO_ID_SEPARATOR = "__"

FRAMEWORK_MAPPING = {
    "pytorch": "pytorch*",
    "pt": "pytorch*",
    "tensorflow": "tf*",
    "tf": "tf*",
    "flax": "flax*",
    "rust": "rust*",
    "onnx": "*onnx*",
    "safetensors": "*safetensors",
    "coreml": "*mlmodel",
    "tflite": "*tflite",
    "savedmodel": "*tar.gz",
    "openvino": "*openvino*",
    "ckpt": "*ckpt",
    "neuronx": "*neuron",
}
"""Framework → file name pattern of its weights."""

ARCHITECTURES_2_TASK = {
    "TapasForQuestionAnswering": "table-question-answering",
    "ForQuestionAnswering": "question-answering",
    "ForTokenClassification": "token-classification",
    "ForSequenceClassification": "text-classification",
    "ForMultipleChoice": "multiple-choice",
    "ForMaskedLM": "fill-mask",
    "ForCausalLM": "text-generation",
    "ForConditionalGeneration": "text2text-generation",
    "MTModel": "text2text-generation",
    "EncoderDecoderModel": "text2text-generation",
    "GPT2LMHeadModel": "text-generation",
    "T5WithLMHeadModel": "text2text-generation",
}
"""Architecture suffix → task."""


def strtobool(val):
    """True for y, yes, t, true, on and 1 in any case, False for their opposites. Raises ValueError otherwise."""
    text = val.lower()
    if text in ("y", "yes", "t", "true", "on", "1"):
        return True
    if text in ("n", "no", "f", "false", "off", "0"):
        return False
    raise ValueError(f"{val!r} is neither true nor false")


HF_API_TOKEN = os.environ.get("HF_API_TOKEN")
HF_MODEL_REVISION = os.environ.get("HF_MODEL_REVISION")
TRUST_REMOTE_CODE = strtobool(os.environ.get("HF_TRUST_REMOTE_CODE", "False"))


def is_aws_neuron_available():
    """False: the engine runs on CPUs."""
    return False


def is_optimum_neuron_available():
    """False: the engine runs on CPUs."""
    return False


def is_diffusers_available():
    """False: diffusion models are not served."""
    return False


def create_artifact_filter(framework):
    """Patterns of the other frameworks' weights; none for an unknown framework."""
    pattern = FRAMEWORK_MAPPING.get(framework)
    return [] if pattern is None else sorted(set(FRAMEWORK_MAPPING.values()) - {pattern})


def infer_task_from_model_architecture(model_config_path, architecture_index=0):
    """The task of a config.json's architecture, by its longest known ending. Sets HF_TASK, as the toolkit does."""
    with open(model_config_path, encoding="utf-8-sig") as file:
        architecture = (json.load(file).get("architectures") or [""])[architecture_index]
    endings = [ending for ending in ARCHITECTURES_2_TASK if architecture.endswith(ending)]
    if not endings:
        raise ValueError(f"The task of the architecture {architecture!r} is not known: name it in HF_TASK.")
    os.environ["HF_TASK"] = ARCHITECTURES_2_TASK[max(endings, key=len)]
    return os.environ["HF_TASK"]


def get_pipeline(task, device, model_dir, **kwargs):
    """Mooring's pipeline on the folder's model. `device` must be a CPU; further arguments are refused."""
    if kwargs or device not in (-1, "cpu"):
        given = ", ".join([f"device={device!r}", *kwargs])
        raise ValueError(
            f"Mooring's pipeline computes on the CPU, with no more than task and model_dir: {given} was given."
        )
    pipeline = load_model(model_dir)
    if task != pipeline.task:
        raise ValueError(f"The model in {model_dir} is for {pipeline.task}, not for {task}.")
    return pipeline


__getattr__ = refusing(__name__)
