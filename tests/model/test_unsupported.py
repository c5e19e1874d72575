"""Kinds of models that are refused by name, whatever config.json says that they are."""

import json
from pathlib import Path
from typing import Any

import pytest

from mooring.errors import ModelIncomplete, ModelInvalid, ModelUnsupported
from mooring.families import FAMILIES
from mooring.model.folder import ModelFolder
from mooring.model.hub import wanted_files
from mooring.model.unsupported import KINDS, refuse_folder
from mooring.tasks.recognise import read_manifest
from tests.support.tiny_models import write_json, write_tiny_bert

JINA = "jinaai/jina-bert-implementation--modeling_bert.JinaBertModel"
FLASH = "jinaai/xlm-roberta-flash-implementation--modeling_lora.XLMRobertaLoRA"
BY_CONFIG: list[tuple[str, dict[str, Any], str]] = [
    ("ELECTRA", {"model_type": "electra"}, "model_type is 'electra'"),
    ("ALBERT", {"model_type": "albert"}, "model_type is 'albert'"),
    ("DeBERTa", {"model_type": "deberta"}, "model_type is 'deberta'"),
    ("DeBERTa-v2", {"model_type": "deberta-v2"}, "model_type is 'deberta-v2'"),
    ("ModernBERT", {"model_type": "modernbert"}, "model_type is 'modernbert'"),
    ("Nomic BERT", {"model_type": "nomic_bert"}, "model_type is 'nomic_bert'"),
    ("Nomic BERT", {"architectures": ["NomicBertModel"]}, "architectures contains 'NomicBertModel'"),
    ("Alibaba GTE", {"model_type": "new"}, "model_type is 'new'"),
    ("JinaBERT", {"architectures": ["JinaBertForMaskedLM"]}, "architectures contains 'JinaBertForMaskedLM'"),
    ("JinaBERT", {"auto_map": {"AutoModel": JINA}}, f"auto_map contains '{JINA}'"),
    ("JinaBERT", {"position_embedding_type": "alibi"}, "position_embedding_type is 'alibi'"),
    ("Jina XLM-RoBERTa", {"auto_map": {"AutoModel": FLASH}}, f"auto_map contains '{FLASH}'"),
    ("ColBERT", {"architectures": ["HF_ColBERT"]}, "architectures contains 'HF_ColBERT'"),
    ("ColBERT", {"architectures": ["ColBERT"]}, "architectures contains 'ColBERT'"),
    ("Decoder", {"model_type": "qwen3"}, "model_type is 'qwen3'"),
    ("Decoder", {"model_type": "gemma3_text"}, "model_type is 'gemma3_text'"),
    ("Decoder", {"model_type": "own", "architectures": ["OwnForCausalLM"]}, "contains 'OwnForCausalLM'"),
]
ST = "sentence_transformers.models"
TRANSFORMER = {"path": "", "type": f"{ST}.Transformer"}
POOLING = {"path": "1_Pooling", "type": f"{ST}.Pooling"}
BY_FILES: list[tuple[str, dict[str, Any], str]] = [
    ("GLiNER", {"gliner_config.json": {}}, "a file gliner_config.json"),
    ("ColBERT", {"artifact.metadata": {}}, "a file artifact.metadata"),
    ("SPLADE", {"modules.json": [TRANSFORMER, {"type": f"{ST}.SpladePooling"}]}, "the module SpladePooling"),
    ("ColBERT", {"modules.json": [TRANSFORMER, {"type": "pylate.models.Dense.Dense"}]}, "Dense without a pooling"),
    (
        "Decoder",
        {
            "config.json": {"model_type": "own"},
            "modules.json": [TRANSFORMER, POOLING],
            "1_Pooling/config.json": {"pooling_mode_lasttoken": True},
        },
        "with the mode lasttoken",
    ),
    (
        "Decoder",
        {
            "config.json": {"model_type": "own"},
            "modules.json": [TRANSFORMER, POOLING],
            "1_Pooling/config.json": {"pooling_mode": "lasttoken"},
        },
        "with the mode lasttoken",
    ),
]


def folder_with(path: Path, files: dict[str, Any]) -> Path:
    """A tiny BERT with these files."""
    write_tiny_bert(path)
    for name, content in files.items():
        (path / name).parent.mkdir(exist_ok=True)
        write_json(path / name, content)
    return path


@pytest.mark.parametrize(("kind", "changes", "shown"), BY_CONFIG)
def test_a_kind_is_recognized_by_its_config(kind: str, changes: dict[str, Any], shown: str, tmp_path: Path) -> None:
    """The message says what shows it and which models are served."""
    config = json.loads((write_tiny_bert(tmp_path) / "config.json").read_text())
    with pytest.raises(ModelUnsupported) as caught:
        read_manifest(folder_with(tmp_path, {"config.json": {**config, **changes}}), source="it")
    assert caught.value.message.startswith(f"{kind} models are not supported: config.json: ")
    assert shown in caught.value.message
    assert caught.value.hint == f"Supported models: {', '.join(FAMILIES)}."


@pytest.mark.parametrize(("kind", "files", "shown"), BY_FILES)
def test_a_kind_is_recognized_by_its_files(kind: str, files: dict[str, Any], shown: str, tmp_path: Path) -> None:
    """Also where config.json is that of a supported model."""
    with pytest.raises(ModelUnsupported) as caught:
        read_manifest(folder_with(tmp_path, files), source="it")
    assert caught.value.message.startswith(f"{kind} models are not supported: ")
    assert shown in caught.value.message


def test_each_kind_is_tested() -> None:
    """A new row needs an example."""
    assert {kind for kind, *_ in (*BY_CONFIG, *BY_FILES)} == KINDS.keys()


def test_a_gliner_without_config_json_is_refused_by_name(tmp_path: Path) -> None:
    """As it is on the Hub, where nothing is downloaded."""
    write_json(tmp_path / "gliner_config.json", {})
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ModelUnsupported, match=r"GLiNER models are not supported: the model has a file gliner_config"):
        read_manifest(tmp_path, source="it")
    with pytest.raises(ModelUnsupported, match=r"GLiNER models are not supported, and 'org/it' on the Hub is one: "):
        wanted_files("org/it", frozenset({"gliner_config.json", "pytorch_model.bin"}))


@pytest.mark.parametrize(
    "modules",
    [
        [TRANSFORMER, POOLING, {"type": f"{ST}.Dense"}, {"type": f"{ST}.Normalize"}],
        [TRANSFORMER, POOLING],
        [{"type": 1}, "Dense", None],
        {"type": "Dense"},
    ],
)
def test_other_modules_are_no_reason_to_refuse(modules: object, tmp_path: Path) -> None:
    """Sentence embeddings have a pooling module; last-token pooling on a supported family is not a decoder."""
    files = {"modules.json": modules, "1_Pooling/config.json": {"pooling_mode_lasttoken": True}}
    refuse_folder(ModelFolder(folder_with(tmp_path, files)))


def test_a_damaged_list_of_modules_is_not_judged_here(tmp_path: Path) -> None:
    """Nor a path that leaves the folder: nothing is read there."""
    folder = folder_with(tmp_path / "it", {"modules.json": [{"type": "Pooling", "path": "../other"}]})
    (tmp_path / "other").mkdir()
    write_json(tmp_path / "other" / "config.json", [])
    refuse_folder(ModelFolder(folder))
    (folder / "modules.json").write_text("[")
    refuse_folder(ModelFolder(folder))


def test_an_encoder_trained_to_generate_is_refused_for_its_task(tmp_path: Path) -> None:
    """The model is served, the task is not."""
    config = json.loads((write_tiny_bert(tmp_path) / "config.json").read_text())
    folder = folder_with(tmp_path, {"config.json": {**config, "architectures": ["BertForCausalLM"]}})
    with pytest.raises(ModelUnsupported, match=r"whose task, text-generation, is not supported"):
        read_manifest(folder, source="it")


def test_an_empty_folder_is_incomplete(tmp_path: Path) -> None:
    """Nothing in it shows a kind."""
    with pytest.raises(ModelIncomplete, match=r"lacks config\.json"):
        read_manifest(tmp_path, source="it")


def test_a_config_that_is_not_json_is_invalid(tmp_path: Path) -> None:
    """It is read before anything is missed."""
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ModelInvalid, match=r"config\.json in .* is not JSON"):
        read_manifest(tmp_path, source="it")
