"""Ranking beside sentence-transformers' CrossEncoder, and what is said to requests and models that do not fit."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mooring.backends.base import Outputs
from mooring.backends.grid import default_grid
from mooring.backends.openvino import OpenVinoBackend
from mooring.engine.offline import answer_all
from mooring.errors import InvalidRequest, ModelUnsupported, PayloadTooLarge, UsageError
from mooring.model.folder import ModelFolder
from mooring.quality.examples import read_examples, read_labelled
from mooring.quality.ranking import NDCG
from mooring.tasks.base import ModelParts, Task, TaskOptions
from mooring.tasks.offer import Offer, open_offer
from mooring.tasks.recognise import read_manifest
from mooring.tasks.text_ranking import READERS, TEXT_RANKING, ParametersBody
from mooring.tokenization.load import load_tokenizer
from mooring.tokenization.text import Ids, TextTokenizer
from tests.support import graphs
from tests.support.golden_classification import LONG
from tests.support.golden_inputs import FAMILIES
from tests.support.golden_pairs import QUERY, RANKERS, RANKINGS, TEXTS, write_ranker

GOLDEN: dict[str, list[Any]] = json.loads(
    (Path(__file__).parents[1] / "golden" / "text-ranking.json").read_text(encoding="utf-8")
)
SAMPLE = Path(__file__).parents[2] / "examples" / "data" / "text-ranking.jsonl"


def parts_of(folder: Path, task: str | None = None, **options: Any) -> ModelParts:
    found = ModelFolder(folder)
    manifest = read_manifest(found, source="it", task=task)
    return ModelParts(found, manifest, load_tokenizer(found), TaskOptions(**options))


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """Of a tiny BERT."""
    return TEXT_RANKING.open(parts_of(write_ranker("bert", tmp_path), max_windows=100))


def body(texts: list[str], query: str = "who ?", **parameters: Any) -> dict[str, Any]:
    return {"inputs": {"query": query, "texts": texts}, "parameters": parameters}


def ranked(task: Task, request: object, logits: list[float]) -> Any:
    """The answer, given the logit of each text."""
    prepared = task.prepare(task.parse(request))
    outputs: list[Outputs] = [(np.array([value], np.float32),) for value in logits]
    return task.finish(prepared, outputs)


@pytest.mark.parametrize("name", RANKERS)
def test_scores_and_order_are_those_of_the_cross_encoder(name: str, tmp_path: Path) -> None:
    """With each activation, also where pairs are cut; of every family."""
    folder = write_ranker(name, tmp_path)
    task = TEXT_RANKING.open(parts_of(folder))
    backend = OpenVinoBackend(
        graphs.given(graphs.graph_of(folder, "sequence")), precision="fp32", grid=default_grid(512), threads=1
    )
    requests = [task.parse(body(texts, query, truncation=True)) for query, texts in RANKINGS]
    for answer, expected in zip(answer_all(task, backend, requests), GOLDEN[name], strict=True):
        assert isinstance(answer, list)
        assert [one["index"] for one in answer] == [one["index"] for one in expected]
        assert [one["score"] for one in answer] == pytest.approx([one["score"] for one in expected], abs=1e-4)


def test_the_best_texts_come_first(task: Task) -> None:
    """Equal ones in the order of the request; with their texts, as logits, or only the first ones where asked."""
    found = ranked(task, body(["a", "b", "c"]), [0, 2, 2])
    assert [one["index"] for one in found] == [1, 2, 0]
    assert found[2] == {"index": 0, "score": 0.5}
    found = ranked(task, body(["a", "b", "c"], raw_scores=True, return_text=True, top_n=2), [-1, 3, 2])
    assert found == [{"index": 1, "score": 3.0, "text": "b"}, {"index": 2, "score": 2.0, "text": "c"}]
    assert len(ranked(task, body(["a", "b"], top_n=50), [1, 2])) == 2
    assert [one["index"] for one in ranked(task, body(["a", "b"]), [30, 90])] == [1, 0]


def test_a_list_of_queries_is_answered_by_a_list(task: Task) -> None:
    """As lines of one request are sent."""
    pairs = [{"query": "x", "texts": ["a", "b"]}, {"query": "y", "texts": ["c"]}]
    found = ranked(task, {"inputs": pairs}, [1, 2, 3])
    assert [[one["index"] for one in each] for each in found] == [[1, 0], [0]]
    assert ranked(task, {"inputs": pairs[1:]}, [3])[0][0]["index"] == 0


def test_a_query_is_tokenised_once(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many texts there are."""
    seen: list[str] = []
    kept = TextTokenizer.ids_of

    def noted(self: TextTokenizer, texts: Sequence[str]) -> list[Ids]:
        seen.extend(texts)
        return kept(self, texts)

    monkeypatch.setattr(TextTokenizer, "ids_of", noted)
    task.prepare(task.parse(body(["a", "b", "c"], "the query")))
    assert seen == ["the query", "a", "b", "c"]


@pytest.mark.parametrize(
    ("request_body", "pointer", "said"),
    [
        ("x", "", "expected an object, found text"),
        ({"inputs": []}, "/inputs", "the list is empty"),
        ({"inputs": {"query": "x"}}, "/inputs", "missing `texts`"),
        ({"inputs": {"query": "x", "text": ["a"]}}, "/inputs", "missing `texts` (found 'text')"),
        (body([]), "/inputs/texts", "the list is empty"),
        ({"inputs": {"query": "x", "texts": "a"}}, "/inputs/texts", "expected a list, found text: 'a'"),
        (body(["a", ""]), "/inputs/texts/1", "the text is empty"),
        (body(["a"], " "), "/inputs/query", "the text is blank"),
        ({"inputs": [{"query": "x", "texts": [1]}]}, "/inputs/0/texts/0", "expected text, found a number"),
        (body(["a"], top_n=0), "/parameters/top_n", "at least 1, not 0"),
        (body(["a"], truncation_direction="up"), "/parameters/truncation_direction", "left or right, not 'up'"),
        (body(["a"], top_k=3), "/parameters/top_k", "unknown parameter"),
        ({"inputs": {"query": "x", "texts": ["a"], "top_n": 1}}, "/inputs/top_n", "this is a parameter"),
    ],
)
def test_a_request_at_fault_is_pointed_at(task: Task, request_body: object, pointer: str, said: str) -> None:
    """With what was seen."""
    with pytest.raises(InvalidRequest) as caught:
        task.parse(request_body)
    assert caught.value.pointer == pointer
    assert said in caught.value.message


def test_too_many_texts_are_refused(task: Task) -> None:
    """Over all queries of the request."""
    with pytest.raises(PayloadTooLarge, match="101 texts; the limit is 100"):
        task.parse(body(["x"] * 101))
    with pytest.raises(PayloadTooLarge, match="more than 100 texts; the limit is 100"):
        task.parse([{"query": "x", "texts": ["a"] * 51}] * 2)


def test_a_pair_that_is_too_long_is_refused_or_cut(tmp_path: Path) -> None:
    """As the request says, else as the server does; what was cut is counted."""
    folder = write_ranker("bert", tmp_path)
    refuses, cuts = (TEXT_RANKING.open(parts_of(folder, truncate=truncate)) for truncate in (False, True))
    said = r"query and text 2 has \d{4} tokens; the limit is 512\..*`truncation`.*--too-long truncate"
    for task, request in (
        (refuses, body(["a", LONG])),
        (cuts, body(["a", LONG], truncation=False)),
    ):
        with pytest.raises(PayloadTooLarge, match=said):
            task.prepare(task.parse(request))
    for task, request in (
        (refuses, body(["a", LONG, LONG], truncate=True)),
        (cuts, body(["a", LONG, LONG])),
    ):
        prepared = task.prepare(task.parse(request))
        assert prepared.truncated == 2
        assert [len(window) for window in prepared.windows][1:] == [512, 512]


def test_a_text_may_be_cut_at_its_beginning(task: Task) -> None:
    """TEI's clients ask for it as "Left"."""
    text = "the " * 600 + "king"
    both = [
        task.prepare(task.parse(body([text], truncate=True, truncation_direction=direction))).windows[0].input_ids
        for direction in ("Left", "right")
    ]
    assert both[0][-2] != both[1][-2]
    assert both[0][-3] == both[1][-2]


def test_what_an_answer_depends_on_is_in_its_key(task: Task) -> None:
    """The query, the texts and how they are grouped, and the parameters."""
    one = {"query": "a", "texts": ["b", "c"]}
    bodies: list[Any] = [
        one,
        [one],
        {"query": "a", "texts": ["c", "b"]},
        {"query": "a", "texts": ["bc"]},
        [{"query": "a", "texts": ["b"]}, {"query": "c", "texts": ["d"]}],
        [{"query": "a", "texts": ["b", "c", "d"]}],
        *(body(["b", "c"], "a", **given) for given in ({"top_n": 1}, {"raw_scores": True}, {"truncate": True})),
        body(["b", "c"], "a", return_text=True),
    ]
    assert len({task.key(task.parse(given)) for given in bodies}) == len(bodies)
    assert task.key(task.parse({"inputs": one})) == task.key(task.parse(one))


def test_the_estimate_is_near_the_truth(task: Task) -> None:
    """Within a factor of two."""
    request = task.parse(body(TEXTS, QUERY, truncation=True))
    assert 0.5 < task.estimate(request) / task.prepare(request).tokens < 2


def test_a_model_with_one_label_classifies_and_ranks(tmp_path: Path) -> None:
    """Classifying is its own task; a body with a query and texts is ranked."""
    offer: Offer = open_offer(parts_of(write_ranker("bert", tmp_path)))
    assert offer.names == ("text-classification", "text-ranking")
    assert offer.parse({"inputs": "good"}).task.name == "text-classification"
    assert offer.parse({"inputs": {"text": "good", "text_pair": "bad"}}).task.name == "text-classification"
    assert offer.parse(body(["a"])).task.name == "text-ranking"
    assert offer.parse([{"query": "x", "texts": ["a"]}]).task.name == "text-ranking"
    assert offer.probe().task.name == "text-classification"
    first = open_offer(parts_of(tmp_path, "text-ranking"))
    assert first.names == ("text-ranking", "text-classification")
    assert len(first.prepare(first.probe()).windows) == 1


def test_a_model_with_several_labels_does_not_rank(tmp_path: Path) -> None:
    """Also where it is told to."""
    parts = parts_of(FAMILIES["bert"](tmp_path, head="sequence"))
    assert parts.manifest.tasks == ("text-classification",)
    with pytest.raises(
        ModelUnsupported, match="needs a model with one label, but this one has 3: 'good, bad, neither'"
    ):
        open_offer(parts_of(tmp_path, "text-ranking"))


@pytest.mark.parametrize(
    "facts",
    [
        {"sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Tanh"}},
        {"sbert_ce_default_activation_function": "my.own.Sigmoid"},
    ],
)
def test_another_activation_is_refused_by_name(facts: dict[str, Any], tmp_path: Path) -> None:
    """Scores would be others than those of the model's authors."""
    folder = FAMILIES["bert"](tmp_path, head="sequence", id2label={"0": "LABEL_0"}, **facts)
    with pytest.raises(ModelUnsupported, match=r"'(torch\.nn\.modules\.activation\.Tanh|my\.own\.Sigmoid)'.*Identity"):
        open_offer(parts_of(folder))


def test_the_documented_parameters_are_those_that_are_read() -> None:
    """The type is for the OpenAPI document, the readers for requests."""
    assert set(ParametersBody.__struct_fields__) == set(READERS)


def answer(*order: int) -> list[dict[str, Any]]:
    return [{"index": index, "score": -float(place)} for place, index in enumerate(order)]


def test_ndcg_and_mrr_are_computed() -> None:
    """Against values by hand; a ranking that is missing is worth nothing."""
    labels = (0.0, 1.0, 3.0)
    parts = NDCG.parts([answer(2, 1, 0), answer(0, 1, 2), None, answer(0)], [labels] * 4)
    ideal = 3 + 1 / np.log2(3)
    assert parts[:, 0] == pytest.approx([1, (1 / np.log2(3) + 3 / 2) / ideal, 0, 0])
    assert parts[:, 1] == pytest.approx([1, 0.5, 0, 0])
    assert NDCG.report(parts[:1]) == {"ndcg_at_10": 100.0, "mrr_at_10": 100.0}
    last = NDCG.parts([answer(*range(11))], [(0.0,) * 10 + (1.0,)])
    assert last.tolist() == [[0.0, 0.0]]


def test_the_agreement_of_orders_is_the_part_of_equal_pairs() -> None:
    """1 for the same order, 0 for the reverse; a text that one leaves out is last there."""
    assert NDCG.agree(answer(0, 1, 2), answer(0, 1, 2)) == 1
    assert NDCG.agree(answer(0, 1, 2), answer(2, 1, 0)) == 0
    assert NDCG.agree(answer(0, 1, 2), answer(0, 2, 1)) == pytest.approx(2 / 3)
    assert NDCG.agree(answer(0, 1), answer(0, 2)) == pytest.approx(2 / 3)
    assert NDCG.agree(answer(0), answer(0)) == 1
    assert NDCG.agree([answer(0, 1)] * 2, [answer(0, 1), answer(1, 0)]) == 0.5
    assert NDCG.said(answer(2, 0, 1)) == "2 0 1"
    with pytest.raises(ValueError, match="missing `index`"):
        NDCG.said({"label": "x"})


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"query": "", "texts": ["a"], "labels": [1]}, "invalid query ''"),
        ({"query": "x", "texts": [], "labels": []}, "invalid texts"),
        ({"query": "x", "texts": ["a", " "], "labels": [1, 0]}, "invalid text ' '"),
        ({"query": "x", "texts": ["a", "b"], "labels": [1]}, "found 1 labels for 2 texts"),
        ({"query": "x", "texts": ["a"], "labels": ["1"]}, "invalid label '1'"),
        ({"query": "x", "texts": ["a"], "labels": [-1]}, "invalid label -1"),
        ({"query": "x", "texts": ["a", "b"], "labels": [0, 0]}, "no text is relevant"),
    ],
)
def test_labelled_rankings_at_fault_are_refused(line: dict[str, Any], said: str, tmp_path: Path) -> None:
    """With the place in the file and the expected form."""
    path = tmp_path / "labelled.jsonl"
    good = {"query": "x", "texts": ["a"], "labels": [1]}
    path.write_text(f"{json.dumps(good)}\n{json.dumps(line)}\n")
    with pytest.raises(UsageError, match=f"example 2: {said}.*Expected JSON Lines"):
        read_labelled(path, TEXT_RANKING.labelled)


def test_labelled_rankings_are_read(tmp_path: Path, task: Task) -> None:
    """Those in examples/; requests without labels are read too, for calibrating."""
    found = read_examples(SAMPLE, TEXT_RANKING.labelled, task.parse)
    assert found.labelled
    assert len(found.examples) >= 20
    assert set(found.examples[0].body) == {"query", "texts"}
    path = tmp_path / "requests.jsonl"
    path.write_text('{"query": "x", "texts": ["a", "b"]}\n')
    assert not read_examples(path, TEXT_RANKING.labelled, task.parse).labelled
    with pytest.raises(UsageError, match="no labels"):
        read_labelled(path, TEXT_RANKING.labelled)
