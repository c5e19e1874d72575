"""Sentence embeddings, similarity and feature extraction beside sentence-transformers, and bad requests and folders."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mooring.backends.grid import default_grid
from mooring.backends.openvino import OpenVinoBackend
from mooring.engine.offline import answer_all
from mooring.errors import InvalidRequest, ModelIncomplete, ModelInvalid, ModelUnsupported, NotOffered, PayloadTooLarge
from mooring.graph.source import Checkpoint
from mooring.model.digest import folder_digest
from mooring.model.folder import ModelFolder
from mooring.quality.examples import read_examples, read_labelled
from mooring.quality.sentences import PAIRS, SPEARMAN, cosine, spearman
from mooring.tasks.arrays import as_json, pack, plain, unpacked
from mooring.tasks.base import ModelParts, TaskOptions
from mooring.tasks.offer import Offer, open_offer
from mooring.tasks.recognise import as_judged, read_manifest
from mooring.tokenization.load import load_tokenizer
from tests.support.golden_inputs import FAMILIES
from tests.support.golden_sentences import DENSE_SIZE, MODELS, SIZE, TEXTS, real_weights, write

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "sentences.npz")
TOLERANCE = 1e-4
NAME = "sentence-embeddings"

Ask = Callable[..., Any]


def opened(folder: Path, *, asked: str | None = None, **options: Any) -> Offer:
    """The tasks of a folder, without its graph."""
    found = ModelFolder(folder)
    manifest = read_manifest(found, source="it", task=asked)
    return open_offer(ModelParts(found, manifest, load_tokenizer(found), TaskOptions(**options)))


def asking(folder: Path, **options: Any) -> Ask:
    """Sends a request to one of the folder's tasks, on the real engine."""
    found, offer = ModelFolder(folder), opened(folder, **options)
    manifest = read_manifest(found, source="it")
    source = Checkpoint(found, "hidden", manifest.sentence)
    backend = OpenVinoBackend(source, precision="fp32", grid=default_grid(512), threads=1)

    def ask(body: Any, task: str = NAME) -> Any:
        return next(answer_all(offer, backend, [offer.request(task, body)]))

    return ask


@pytest.mark.parametrize("name", MODELS)
def test_vectors_are_those_of_sentence_transformers(name: str, tmp_path: Path) -> None:
    """Every pooling, with and without dense layers, normalizing, prompts and a subfolder; alone and in one batch."""
    ask = asking(write(name, tmp_path), truncate=True)
    together = ask({"inputs": list(TEXTS)})
    assert together.shape == (4, DENSE_SIZE if "dense" in MODELS[name] else SIZE * len(MODELS[name]["modes"]))
    assert np.abs(together - GOLDEN[name]).max() < TOLERANCE
    for text, expected in zip(TEXTS, GOLDEN[name], strict=True):
        alone = ask({"inputs": text})
        assert alone.shape == expected.shape
        assert np.abs(alone - expected).max() < TOLERANCE
    for prompt, text in MODELS[name].get("prompts", {}).items():
        for given in ({"prompt_name": prompt}, {"prompt": text}):
            found = ask({"inputs": list(TEXTS), "parameters": given})
            assert np.abs(found - GOLDEN[f"{name}/{prompt}"]).max() < TOLERANCE


@pytest.mark.wire
def test_vectors_of_all_minilm_l6_v2() -> None:
    """Real weights."""
    ask = asking(real_weights(), truncate=True)
    assert np.abs(ask({"inputs": list(TEXTS)}) - GOLDEN["all-MiniLM-L6-v2"]).max() < TOLERANCE
    sentences = {
        "source_sentence": "That is a happy person",
        "sentences": ["That is a happy dog", "Today is a sunny day"],
    }
    assert ask({"inputs": sentences}, "sentence-similarity") == pytest.approx([0.6946, 0.2569], abs=1e-4)


def test_a_folder_offers_three_tasks(tmp_path: Path) -> None:
    """Plain bodies get token vectors, as in the stock toolkit; sentences are compared; a request may name a task."""
    ask, offer = asking(write("bert-mean", tmp_path)), opened(tmp_path)
    assert offer.names == ("feature-extraction", "sentence-embeddings", "sentence-similarity")
    tokens = ask({"inputs": "good"}, "feature-extraction")
    assert np.shape(tokens) == (1, 6, SIZE)
    mean = tokens[0].mean(axis=0)
    assert np.abs(mean / np.linalg.norm(mean) - GOLDEN["bert-mean"][2]).max() < TOLERANCE
    body = {"source_sentence": "good", "sentences": ["good", "The worst"]}
    assert offer.parse({"inputs": body}).task.name == "sentence-similarity"
    same, other = ask({"inputs": body}, "sentence-similarity")
    assert same == pytest.approx(1)
    assert other < 1
    with pytest.raises(NotOffered, match=r"does not offer .fill-mask.; it offers feature-extraction"):
        offer.request("fill-mask", {"inputs": "x"})


def test_a_requested_task_comes_first_and_may_be_an_alias(tmp_path: Path) -> None:
    """It then answers bodies that name no task."""
    offer = opened(write("bert-mean", tmp_path), asked="embeddings")
    assert offer.names[0] == NAME == offer.parse({"inputs": "good"}).task.name


def test_an_encoder_without_pooling_offers_token_vectors_alone(tmp_path: Path) -> None:
    """Nothing is guessed about pooling."""
    assert opened(FAMILIES["bert"](tmp_path, head="hidden")).names == ("feature-extraction",)


def test_dimensions_are_cut_before_normalizing(tmp_path: Path) -> None:
    """As sentence-transformers' truncate_dim; `normalize` may be turned off."""
    ask = asking(write("bert-mean", tmp_path))
    whole = ask({"inputs": "good", "parameters": {"normalize": False}})
    for count in (1, 7, SIZE):
        found = ask({"inputs": "good", "parameters": {"dimensions": count}})
        assert found.shape == (count,)
        assert np.abs(found - whole[:count] / np.linalg.norm(whole[:count])).max() < TOLERANCE


def test_a_long_text_is_refused_unless_it_may_be_cut(tmp_path: Path) -> None:
    """The message has tokens, limit and what to do; the request decides before the server's option."""
    folder = write("bert-mean", tmp_path)
    offer, cutting = opened(folder), opened(folder, truncate=True)

    def prepared(tasks: Offer, **parameters: Any) -> Any:
        return tasks.prepare(tasks.request(NAME, {"inputs": ["good", "good " * 99], "parameters": parameters}))

    with pytest.raises(PayloadTooLarge, match="Text 2 has 398 tokens; the limit is 64") as refused:
        prepared(offer)
    assert "--too-long truncate" in refused.value.hint
    for found in (prepared(offer, truncate=True), prepared(cutting), prepared(cutting, truncation=True)):
        assert found.truncated == 1
        assert [len(window) for window in found.windows] == [6, 64]
    with pytest.raises(PayloadTooLarge):
        prepared(cutting, truncate=False)


def test_a_text_is_cut_at_the_side_that_the_request_names(tmp_path: Path) -> None:
    """In any case, as clients of Text Embeddings Inference send it."""
    offer = opened(write("bert-mean", tmp_path))
    text = "worst " + "good " * 99 + "best"

    def ends(side: str) -> tuple[int, int]:
        given = {"truncate": True, "truncation_direction": side}
        window = offer.prepare(offer.request(NAME, {"inputs": text, "parameters": given})).windows[0]
        return window.input_ids[1], window.input_ids[-2]

    ids = load_tokenizer(ModelFolder(tmp_path)).encode(text).ids
    assert ends("Right") == (ids[0], ids[61])
    assert ends("left") == (ids[-62], ids[-1])


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"inputs": ""}, "/inputs: the text is empty"),
        ({"inputs": []}, "/inputs: the list is empty"),
        ({"inputs": ["good", 3]}, "/inputs/1: expected a text, found a number: 3"),
        ({"inputs": {"a": "b"}}, "/inputs: missing `text`"),
        ({"inputs": "good", "parameters": {"dimensions": 33}}, "33 exceeds the 32 dimensions of this model"),
        ({"inputs": "good", "parameters": {"prompt_name": "query"}}, "unknown prompt 'query'"),
        ({"inputs": "good", "parameters": {"prompt": "x" * 10_001}}, "10,001 characters exceed the limit of 10,000"),
        ({"inputs": "good", "parameters": {"max_length": 65}}, "65 exceeds this model's limit of 64"),
        ({"inputs": "good", "parameters": {"truncation_direction": "up"}}, "must be left or right, not 'up'"),
        ({"inputs": "good", "normalise": True, "parameters": {"normalise": True}}, "Did you mean normalize"),
    ],
)
def test_bad_requests_say_where_and_what(body: Any, says: str, tmp_path: Path) -> None:
    """With a JSON pointer."""
    with pytest.raises(InvalidRequest) as refused:
        opened(write("bert-mean", tmp_path)).request(NAME, body)
    assert says in str(refused.value)


def test_too_many_texts_are_refused(tmp_path: Path) -> None:
    """10,000, with the limit."""
    with pytest.raises(PayloadTooLarge, match="10000 texts; the limit is 4096"):
        opened(write("bert-mean", tmp_path)).request(NAME, {"inputs": ["good"] * 10_000})


def test_token_vectors_of_too_many_tokens_are_refused(tmp_path: Path) -> None:
    """Written as JSON they would take hundreds of megabytes."""
    offer = opened(FAMILIES["bert"](tmp_path, head="hidden"))

    def prepared(texts: int) -> Any:
        return offer.prepare(offer.request("feature-extraction", {"inputs": ["good " * 127] * texts}))

    assert prepared(250).tokens == 250 * 510
    with pytest.raises(PayloadTooLarge, match=r"The answer would have 4,243,200 values; the limit is 4,194,304"):
        prepared(260)


@pytest.mark.parametrize(
    ("file", "changes", "error", "says"),
    [
        ("modules.json", [], ModelInvalid, "lists no modules"),
        ("modules.json", {"type": "x"}, ModelInvalid, "is not a list of modules"),
        (
            "modules.json",
            [{"type": "a.Transformer", "path": ""}, {"type": "a.CNN", "path": "1"}],
            ModelUnsupported,
            "'CNN'",
        ),
        ("modules.json", [{"type": "a.Transformer", "path": "../x"}], ModelInvalid, "is not a list of modules"),
        (
            "modules.json",
            [{"type": "a.Pooling", "path": "1_Pooling"}],
            ModelUnsupported,
            "the order of modules is Pooling",
        ),
        ("1_Pooling/config.json", {}, ModelInvalid, "has no pooling mode"),
        ("1_Pooling/config.json", {"pooling_mode": "lasttoken"}, ModelUnsupported, "'lasttoken' is not supported"),
        (
            "1_Pooling/config.json",
            {"pooling_mode": "mean", "include_prompt": False},
            ModelUnsupported,
            "include_prompt",
        ),
        ("sentence_bert_config.json", {"max_seq_length": 0}, ModelInvalid, "max_seq_length is 0"),
        ("config_sentence_transformers.json", {"prompts": {"a": 1}}, ModelInvalid, "must map names to texts"),
        ("config_sentence_transformers.json", {"default_prompt_name": "q"}, ModelInvalid, "default_prompt_name is 'q'"),
        (
            "config_sentence_transformers.json",
            {"similarity_fn_name": "x"},
            ModelUnsupported,
            "similarity_fn_name is 'x'",
        ),
        (
            "2_Dense/config.json",
            {"in_features": 8, "out_features": 4},
            ModelInvalid,
            "in_features is 8, but .* 32 values",
        ),
        (
            "2_Dense/config.json",
            {"in_features": 32, "out_features": 16, "activation_function": "torch.nn.SELU"},
            ModelUnsupported,
            "torch.nn.SELU",
        ),
    ],
)
def test_bad_folders_are_refused_by_file_and_value(
    file: str, changes: Any, error: type[Exception], says: str, tmp_path: Path
) -> None:
    """Nothing that affects vectors is ignored."""
    write("distilbert-dense", tmp_path)
    (tmp_path / file).write_text(json.dumps(changes))
    with pytest.raises(error, match=says):
        read_manifest(tmp_path, source="it")


def test_a_dense_layer_without_safetensors_is_refused(tmp_path: Path) -> None:
    """With the way to convert it."""
    write("distilbert-dense", tmp_path)
    (tmp_path / "2_Dense" / "model.safetensors").rename(tmp_path / "2_Dense" / "pytorch_model.bin")
    with pytest.raises(ModelIncomplete, match=r"lacks 2_Dense/model\.safetensors"):
        read_manifest(tmp_path, source="it")


@pytest.mark.parametrize(
    "file",
    ["1_Pooling/config.json", "2_Dense/model.safetensors", "modules.json", "0_Transformer/sentence_bert_config.json"],
)
def test_the_digest_covers_the_files_of_the_modules(file: str, tmp_path: Path) -> None:
    """They change the vectors."""
    write("bert-inner", tmp_path)
    before = folder_digest(tmp_path)
    (tmp_path / file).write_bytes((tmp_path / file).read_bytes() + b"\n")
    assert folder_digest(tmp_path) != before


def test_a_built_model_is_judged_by_its_vectors(tmp_path: Path) -> None:
    """And still answers plain bodies with token vectors."""
    manifest = read_manifest(write("bert-mean", tmp_path), source="it")
    assert (manifest.task, as_judged(manifest).task) == ("feature-extraction", NAME)
    assert as_judged(manifest).tasks == (NAME, "feature-extraction", "sentence-similarity")


def test_a_text_that_is_cut_is_not_free(tmp_path: Path) -> None:
    """Tokenizing 25 MB takes seconds: such a request is a large one, and is hashed aside."""
    offer = opened(write("bert-mean", tmp_path))
    short, long = (offer.estimate(offer.request(NAME, {"inputs": "good " * count})) for count in (10, 5_000_000))
    assert short < 64 < 500_000 < long


def test_arrays_in_answers_keep_their_values() -> None:
    """In JSON, in the cache's MessagePack and as lists."""
    import msgspec

    value = np.array([[0.1, -2.5e-8], [3, 1 / 3]], np.float32)
    assert np.array_equal(np.array(json.loads(as_json({"a": value}))["a"], np.float32), value)
    assert np.array_equal(msgspec.msgpack.decode(pack([value]), ext_hook=unpacked)[0], value)
    assert plain([value]) == [value.tolist()]


def test_spearman_ranks_with_ties() -> None:
    """Computed by hand: ranks (1.5, 1.5, 3, 4) and (1, 2, 3.5, 3.5)."""
    parts = np.array([[0.1, 1], [0.1, 2], [0.5, 5], [0.9, 5]])
    assert float(spearman(parts)) == pytest.approx(100 * 4.0 / np.sqrt(4.5 * 4.5))
    assert spearman(np.stack([parts, parts[::-1]])).shape == (2,)
    assert cosine([1, 0], [1, 1]) == pytest.approx(np.sqrt(0.5))


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_labeled_pairs_are_read(kind: str, tmp_path: Path) -> None:
    """From JSON Lines and CSV; each is a request of two texts."""
    path = tmp_path / f"pairs.{kind}"
    line = json.dumps({"sentence1": "good", "sentence2": "best", "score": 4}) + "\n"
    path.write_text(line if kind == "jsonl" else "sentence1,sentence2,score\ngood,best,4\n")
    (example,) = read_labelled(path, PAIRS)
    assert (example.body, example.label) == (["good", "best"], 4.0)
    found = read_examples(path, PAIRS, lambda body: body)
    assert found.labelled
    vectors = np.array([[1, 0], [1, 0]], np.float32)
    assert SPEARMAN.part(vectors, 4.0) == (1.0, 4.0)
    assert SPEARMAN.agree(vectors, -vectors) == pytest.approx(-1)
