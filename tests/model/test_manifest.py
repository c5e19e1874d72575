"""What a folder is: read from Hub files or from mooring.json, and what is said when it cannot be served."""

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from safetensors.numpy import load_file, save_file

from mooring.errors import (
    ModelError,
    ModelIncomplete,
    ModelInvalid,
    ModelNotFound,
    ModelUnsupported,
    UnsafeWeights,
    UsageError,
)
from mooring.model.digest import folder_digest
from mooring.model.folder import GRAPH_FILES, MANIFEST_FILE, ModelFolder
from mooring.model.manifest import SCHEMA, GateRecord, Manifest, name_of, write_manifest
from mooring.tasks.recognise import read_manifest
from mooring.tokenization.load import load_tokenizer
from tests.support.tiny_models import write_json, write_tiny_bert, write_tiny_distilbert


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny BERT as it comes from the Hub."""
    return write_tiny_bert(tmp_path / "tiny")


def _edit(folder: Path, name: str, **changes: Any) -> Path:
    """Change keys of a JSON file; None removes one."""
    value = {**json.loads((folder / name).read_text()), **changes}
    write_json(folder / name, {key: item for key, item in value.items() if item is not None})
    return folder


def _refused(folder: Path, kind: type[ModelError], says: str) -> ModelError:
    with pytest.raises(kind, match=says) as caught:
        read_manifest(folder, source="it")
    return caught.value


def test_a_bert_from_the_hub(folder: Path) -> None:
    """Every fact of a BERT folder is read from its own files."""
    manifest = read_manifest(folder, source="org/tiny", revision="abc")
    assert manifest == Manifest(
        name="org/tiny",
        source="org/tiny",
        task="question-answering",
        tasks=("question-answering",),
        family="bert",
        architecture="BertForQuestionAnswering",
        format="safetensors",
        precision="fp32",
        weights_dtype="F32",
        labels={"0": "LABEL_0", "1": "LABEL_1"},
        max_positions=512,
        vocab_size=192,
        hidden_size=32,
        layers=2,
        max_seq_len=384,
        revision="abc",
    )


def test_a_distilbert_from_the_hub(tmp_path: Path) -> None:
    """DistilBERT keeps its sizes under other keys; labels and a short window are taken as they are."""
    folder = write_tiny_distilbert(tmp_path, max_position_embeddings=64, id2label={"0": "start", "1": "end"})
    manifest = read_manifest(folder, source=str(folder))
    seen = (manifest.family, manifest.hidden_size, manifest.layers, manifest.max_positions, manifest.max_seq_len)
    assert seen == ("distilbert", 32, 2, 64, 64)
    assert manifest.labels == {"0": "start", "1": "end"}


def test_weights_dtype_is_what_most_bytes_are(folder: Path) -> None:
    """A model stored in half precision says so."""
    halves = {name: array.astype("float16") for name, array in load_file(folder / "model.safetensors").items()}
    save_file(halves, folder / "model.safetensors")
    assert read_manifest(folder, source="it").weights_dtype == "F16"


@pytest.mark.parametrize(
    ("limit", "expected"), [(1e30, 384), (int(1e30), 384), (float("inf"), 384), (256, 256), (100_000, 384), (None, 384)]
)
def test_the_window_follows_the_tokenizers_limit(folder: Path, limit: float | None, expected: int) -> None:
    """`model_max_length` counts where it is a limit; "no limit", written as 1e30, falls back to the default."""
    assert (
        read_manifest(_edit(folder, "tokenizer_config.json", model_max_length=limit), source="it").max_seq_len
        == expected
    )


@pytest.mark.parametrize("claimed", [1, 3])
def test_layers_that_config_and_weights_do_not_agree_on_are_refused(folder: Path, claimed: int) -> None:
    """Computing with some of them gives answers that nobody would notice to be wrong."""
    _edit(folder, "config.json", num_hidden_layers=claimed)
    with pytest.raises(ModelInvalid, match=f"says {claimed} layers, but the weights have 2"):
        read_manifest(folder, source="x")


def test_a_missing_tokenizer_config_is_a_warning(folder: Path) -> None:
    """Without tokenizer_config.json the model is served, with the usual values of its class."""
    (folder / "tokenizer_config.json").unlink()
    manifest = read_manifest(folder, source="it")
    assert manifest.missing == ("tokenizer_config.json",)
    assert "tokenizer_config.json" in manifest.warnings[0]


def test_vocab_txt_stands_in_for_tokenizer_json(folder: Path) -> None:
    """A folder with the old vocabulary file only is complete."""
    (folder / "tokenizer.json").unlink()
    assert read_manifest(folder, source="it").missing == ()


def test_missing_files_are_all_named_at_once(folder: Path) -> None:
    """One message lists everything that is missing, so that nobody fetches file by file."""
    for name in ("config.json", "tokenizer.json", "vocab.txt", "model.safetensors"):
        (folder / name).unlink()
    error = _refused(folder, ModelIncomplete, "lacks config.json, tokenizer.json .*, model.safetensors")
    assert isinstance(error, ModelIncomplete)
    assert error.missing == (
        "config.json",
        "tokenizer.json (or vocab.txt, or vocab.json and merges.txt)",
        "model.safetensors",
    )


def test_a_model_one_folder_below_is_pointed_out(folder: Path) -> None:
    """Who names the parent by mistake is told which folder holds the model."""
    assert "'tiny' holds a model" in _refused(folder.parent, ModelIncomplete, "lacks config.json").hint


def test_no_folder_at_all(tmp_path: Path) -> None:
    """A path that does not exist is not found, rather than incomplete."""
    _refused(tmp_path / "nope", ModelNotFound, "does not exist")


def test_pickle_only_is_unsafe(folder: Path) -> None:
    """Pickled weights are refused with the reason, and with a command that names the file."""
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    hint = _refused(folder, UnsafeWeights, "can run arbitrary code").hint
    assert "torch.load(f" in hint
    assert "pytorch_model.bin" in hint


@pytest.mark.parametrize("family", ["electra", "t5", None, 7, ["bert"]])
def test_an_unknown_family_is_named_with_the_known_ones(folder: Path, family: object) -> None:
    """A family that cannot be built is refused by its name, beside those that can."""
    _refused(_edit(folder, "config.json", model_type=family), ModelUnsupported, "model_type is .* bert, distilbert")


@pytest.mark.parametrize(
    ("architecture", "says", "hint"),
    [
        ("BertForMultipleChoice", "whose task, multiple-choice, is not supported", "ForQuestionAnswering"),
        ("ElectraForPreTraining", "whose task, pre-training, is not supported", "ForQuestionAnswering"),
        ("TapasForQuestionAnswering", "whose task, table-question-answering, is not supported", "ForQuestionAnswering"),
        ("BertForFun", "whose task, unknown, is not supported", "ForQuestionAnswering"),
    ],
)
def test_the_most_specific_suffix_names_the_task(folder: Path, architecture: str, says: str, hint: str) -> None:
    """A task that is not served is refused by name, and a model without a head with the way to get one."""
    error = _refused(_edit(folder, "config.json", architectures=[architecture]), ModelUnsupported, says)
    assert hint in error.hint


@pytest.mark.parametrize("task", ["token-classification", "fill-mask", "ner"])
def test_a_requested_task_with_another_head_is_refused(folder: Path, task: str) -> None:
    """By the architecture: the weights of two heads may have the same names. Token vectors come from any encoder."""
    with pytest.raises(UsageError, match=r"config\.json says BertForQuestionAnswering, a model for question-answering"):
        read_manifest(folder, source="it", task=task)
    assert read_manifest(folder, source="it", task="feature-extraction").tasks == ("feature-extraction",)


@pytest.mark.parametrize("listed", [None, [], "BertForQuestionAnswering", [None]])
def test_without_an_architecture_the_task_is_unknown(folder: Path, listed: object) -> None:
    """The task is never guessed: the message says how to name it. Then the weights have to have its head."""
    error = _refused(_edit(folder, "config.json", architectures=listed), ModelUnsupported, "architectures is")
    assert "--task (or HF_TASK): question-answering" in error.hint
    manifest = read_manifest(folder, source="it", task="question-answering")
    assert (manifest.task, manifest.architecture) == ("question-answering", "")
    arrays = load_file(folder / "model.safetensors")
    save_file({n: a for n, a in arrays.items() if not n.startswith("qa_")}, folder / "model.safetensors")
    with pytest.raises(ModelInvalid, match=r"no tensor 'qa_outputs\.weight'"):
        read_manifest(folder, source="it", task="question-answering")


@pytest.mark.parametrize("labels", [["a"], {"0": 0, "1": 1}, 7, {"0": None}])
def test_labels_that_question_answering_does_not_use_are_not_judged(folder: Path, labels: object) -> None:
    """What the task does not need cannot be a reason to refuse a model."""
    assert read_manifest(_edit(folder, "config.json", id2label=labels), source="it").labels


@pytest.mark.parametrize("pruned", [{"0": [0]}, {"1": [0, 2]}])
def test_pruned_heads_are_refused_by_name(folder: Path, pruned: object) -> None:
    """The shapes of weights would not fit, which says nothing to their owner."""
    _refused(_edit(folder, "config.json", pruned_heads=pruned), ModelUnsupported, "pruned_heads is")
    assert read_manifest(_edit(folder, "config.json", pruned_heads={}), source="it")


@pytest.mark.parametrize("text", ["\ufeff", ""])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_json_is_read_as_it_was_saved(folder: Path, text: str, encoding: str) -> None:
    """With a byte order mark, or as editors of Windows save it."""
    for name in ("config.json", "tokenizer_config.json"):
        content = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_text(content if encoding != "utf-8" else text + content, encoding=encoding)
    assert read_manifest(folder, source="it").layers == 2


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"])
def test_a_pointer_of_git_lfs_is_named(folder: Path, name: str) -> None:
    """The file itself was never fetched."""
    (folder / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    read = load_tokenizer if name == "tokenizer.json" else partial(read_manifest, source="it")
    with pytest.raises(ModelInvalid, match=f"{re.escape(name)} .*Git LFS pointer"):
        read(ModelFolder(folder))


@pytest.mark.parametrize(
    ("file", "says", "way_out"),
    [
        ("tf_model.h5", r"has only tf_model\.h5 \(TensorFlow's format\)", "from_tf=True"),
        ("flax_model.msgpack", "Flax's format", "from_flax=True"),
        ("model.onnx", r"has only model\.onnx \(ONNX\)", "own repository"),
        ("openvino_model.xml", "OpenVINO graph that `moor build` did not make", "own repository"),
    ],
)
def test_weights_of_another_format_are_named_with_the_way_out(folder: Path, file: str, says: str, way_out: str) -> None:
    """Rather than missed; of an archive, too."""
    (folder / "model.safetensors").rename(folder / file)
    assert way_out in _refused(folder, ModelUnsupported, says).hint
    with pytest.raises(ModelUnsupported, match=r"archive 'model\.tar\.gz' has only") as caught:
        read_manifest(folder, source="model.tar.gz")
    assert "pack it again" in caught.value.hint


@pytest.mark.parametrize("place", ["a", "a/b", "a/b/c"])
def test_a_model_further_down_is_pointed_out(tmp_path: Path, place: str) -> None:
    """As deep as archives of archives go."""
    write_tiny_bert(tmp_path / place)
    assert f"'{place}' holds a model" in _refused(tmp_path, ModelIncomplete, "lacks config.json").hint


def test_a_head_that_is_not_in_the_weights_is_missed(folder: Path) -> None:
    """A config that promises a head which the weights lack is caught before anything is built."""
    arrays = load_file(folder / "model.safetensors")
    save_file({n: a for n, a in arrays.items() if not n.startswith("qa_")}, folder / "model.safetensors")
    _refused(folder, ModelInvalid, "no tensor 'qa_outputs.weight'")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"hidden_size": 0}, "hidden_size is 0"),
        ({"hidden_size": "32"}, "hidden_size is '32'"),
        ({"num_hidden_layers": True}, "num_hidden_layers is True"),
        ({"vocab_size": None}, "vocab_size is missing"),
        ({"max_position_embeddings": -1}, "max_position_embeddings is -1"),
        ({"num_attention_heads": 5}, r"hidden_size \(32\) must be a multiple of num_attention_heads \(5\)"),
    ],
)
def test_impossible_sizes_are_refused(folder: Path, changes: dict[str, object], says: str) -> None:
    """A size that cannot be is refused with key and value."""
    _refused(_edit(folder, "config.json", **changes), ModelInvalid, says)


@pytest.mark.parametrize("limit", [0, -5, "512", True, float("nan"), [1]])
def test_an_impossible_length_limit_is_refused(folder: Path, limit: object) -> None:
    """The tokenizer's limit is checked like the config's sizes."""
    _refused(_edit(folder, "tokenizer_config.json", model_max_length=limit), ModelInvalid, "model_max_length is")


@pytest.mark.parametrize("text", ["{", "[]", "\xff", "[" * 100_000, ""])
@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", MANIFEST_FILE])
def test_broken_json_names_the_file(folder: Path, name: str, text: str) -> None:
    """Whichever JSON file is broken is the one that the message names."""
    (folder / name).write_text(text, encoding="latin-1")
    _refused(folder, ModelInvalid, name)


def _build(folder: Path, **changes: Any) -> Manifest:
    """What `moor build` leaves: a graph, a manifest, no safetensors."""
    manifest = msgspec.structs.replace(read_manifest(folder, source="org/tiny"), format="openvino", precision="int8")
    (folder / "model.safetensors").unlink()
    for name in GRAPH_FILES:
        (folder / name).write_bytes(name.encode())
    return write_manifest(folder, msgspec.structs.replace(manifest, **changes))


def test_a_built_folder_reads_back_as_it_was_written(folder: Path) -> None:
    """Everything that `moor build` records survives; only `source` is what the user names now."""
    gate = GateRecord(
        questions=2000, reference=74.1, candidate=73.9, drop=0.2, drop_upper=0.4, max_drop=0.5, passed=True
    )
    written = _build(folder, gate=gate, quality={"f1": 73.9, "questions": 10570}, built_with={"nncf": "3.4.0"})
    assert written.digest == folder_digest(folder)
    assert read_manifest(folder, source="here") == msgspec.structs.replace(written, source="here")


def test_a_built_folder_with_files_missing(folder: Path) -> None:
    """The files that mooring.json needs are named when they are gone."""
    _build(folder)
    for name in ("openvino_model.bin", "tokenizer.json", "vocab.txt"):
        (folder / name).unlink()
    _refused(folder, ModelIncomplete, r"lacks openvino_model\.bin, tokenizer\.json .*, required by mooring\.json")


def test_a_manifest_of_a_newer_mooring_is_refused(folder: Path) -> None:
    """A newer schema is refused as such, even if its fields mean nothing to this version."""
    _build(folder)
    write_json(folder / MANIFEST_FILE, {"schema": SCHEMA + 1, "task": ["something", "new"]})
    assert (
        "Upgrade"
        in _refused(
            folder,
            ModelUnsupported,
            f"schema {SCHEMA + 1}, written by a newer Mooring; this version reads up to {SCHEMA}",
        ).hint
    )


@pytest.mark.parametrize(
    ("changes", "kind", "says"),
    [
        ({"precision": "int3"}, ModelInvalid, "precision"),
        ({"max_seq_len": "384"}, ModelInvalid, "max_seq_len"),
        ({"max_seq_len": 0}, ModelInvalid, "max_seq_len is 0"),
        ({"max_seq_len": -5}, ModelInvalid, "max_seq_len is -5"),
        ({"max_seq_len": 513}, ModelInvalid, "max_seq_len 513 exceeds max_positions 512"),
        (
            {"max_positions": 1_000_000_000},
            ModelInvalid,
            "max_positions is 1000000000; the longest window of a model is 8192",
        ),
        ({"vocab_size": 7}, ModelInvalid, "vocab_size is 192, .* says 7"),
        ({"layers": 0}, ModelInvalid, "layers is 0"),
        ({"schema": None}, ModelInvalid, "schema"),
        ({"family": "t5"}, ModelUnsupported, "family is 't5'"),
        ({"task": "juggling"}, ModelUnsupported, "task is 'juggling'"),
    ],
)
def test_a_manifest_that_says_the_impossible(
    folder: Path, changes: dict[str, object], kind: type[ModelError], says: str
) -> None:
    """mooring.json is checked like everything else, and the field at fault is named."""
    _build(folder)
    _refused(_edit(folder, MANIFEST_FILE, **changes), kind, says)


def test_the_digest_follows_contents_and_nothing_else(tmp_path: Path) -> None:
    """Equal models have equal digests wherever they lie; a card does not count, a weight and a file's name do."""
    one, two = write_tiny_bert(tmp_path / "one"), write_tiny_bert(tmp_path / "two")
    (two / "README.md").write_text("card")
    assert folder_digest(one) == folder_digest(two)
    assert folder_digest(one) != folder_digest(write_tiny_bert(tmp_path / "other", seed=1))
    (two / "tokenizer.json").rename(two / "special_tokens_map.json")
    assert folder_digest(one) != folder_digest(two)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("org/tiny", "org/tiny"),
        ("bert-base", "bert-base"),
        ("./models/tiny/", "tiny"),
        ("/a/b/tiny.tar.gz", "tiny"),
        ("~/tiny.tgz", "tiny"),
        (".", "folder"),
    ],
)
def test_short_names(tmp_path: Path, source: str, name: str) -> None:
    """A Hub id is its own name; a path is called by its last part."""
    (tmp_path / "folder").mkdir()
    assert name_of(source, tmp_path / "folder") == name
