"""The Open Inference Protocol v2, and KServe's protocol v1: the answers of /invocations in other shapes."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mooring.errors import NotLoaded
from mooring.tasks import TASKS
from mooring.web.infer import check_version
from tests.support.asgi import Client, Reply
from tests.support.every_task import MODELS
from tests.support.tiny_models import write_tiny_bert
from tests.web.modelled import Modelled, play_on
from tests.web.test_fleet import play as play_several

CONTEXT = "The king lives near the river."
HEADER = "Inference-Header-Content-Length"
NAME = "served"
INFER = f"/v2/models/{NAME}/infer"


def tensor(name: str, *texts: str, shape: list[int] | None = None) -> dict[str, Any]:
    """Texts as JSON."""
    return {"name": name, "shape": shape or [len(texts)], "datatype": "BYTES", "data": list(texts)}


def packed(*texts: str) -> bytes:
    """Texts as bytes."""
    return b"".join(struct.pack("<I", len(data := text.encode())) + data for text in texts)


def columns(reply: Reply) -> dict[str, Any]:
    """Name → values of each output, nested as its shape says."""
    assert reply.status == 200, reply.body
    length = int(reply.headers.get(HEADER.lower(), len(reply.body)))
    head, rest = json.loads(reply.body[:length]), reply.body[length:]
    found = {}
    for output in head["outputs"]:
        values = output.get("data")
        if values is None:
            size = output["parameters"]["binary_data_size"]
            data, rest = rest[:size], rest[size:]
            values = _texts(data) if output["datatype"] == "BYTES" else np.frombuffer(data, _DTYPES[output["datatype"]])
        found[output["name"]] = np.array(values, dtype=object).reshape(output["shape"]).tolist()
    assert not rest
    return found


_DTYPES = {"FP32": "<f4", "INT32": "<i4"}


def _texts(data: bytes) -> list[str]:
    found = []
    while data:
        (length,) = struct.unpack_from("<I", data)
        found.append(data[4 : 4 + length].decode())
        data = data[4 + length :]
    return found


@pytest.mark.parametrize("task", TASKS)
def test_the_example_of_each_task_is_answered(task: str, tmp_path: Path) -> None:
    """Those of the document, as JSON and as bytes; all outputs that the metadata names are there."""

    async def scene(stage: Modelled) -> None:
        document = await stage.get("/openapi.json")
        operations = document["paths"]
        media = operations["/v2/models/{model}/infer"]["post"]["requestBody"]["content"]["application/json"]
        body = media["examples"][task]["value"]
        plain = columns(await stage.post(INFER, body))
        parameters = {**body.get("parameters", {}), "binary_data_output": True}
        reply = await stage.post(INFER, {**body, "parameters": parameters})
        assert reply.headers["content-type"] == "application/octet-stream"
        assert close(columns(reply), plain)
        metadata = await stage.get(f"/v2/models/{NAME}")
        assert [one["name"] for one in metadata["inputs"]]
        if not body.get("parameters"):
            assert [one["name"] for one in metadata["outputs"]] == list(plain)
        media = operations["/v1/models/{model}:predict"]["post"]["requestBody"]["content"]["application/json"]
        instances = media["examples"][task]["value"]
        (one,) = (await stage.answer(f"/v1/models/{NAME}:predict", instances))["predictions"]
        rest = {"parameters": instances["parameters"]} if "parameters" in instances else {}
        listed = await stage.answer("/invocations", {"inputs": instances["instances"] * 2, **rest})
        assert [one, one] == listed

    play_on(MODELS[task](tmp_path), scene, task=task, model_name=NAME)


def close(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Equal, up to the digits of a float32."""
    texts = all(one[name] == other[name] for name in other if "score" not in name and name != "embedding")
    numbers = (name for name in other if "score" in name or name == "embedding")
    return texts and all(np.allclose(one[name], other[name], atol=1e-6) for name in numbers) and set(one) == set(other)


def test_questions_are_answered_as_at_invocations(tmp_path: Path) -> None:
    """As JSON and as bytes; a single context is for all questions, and outputs can be chosen."""
    questions = ("who lives near the river ?", "where ?")

    async def scene(stage: Modelled) -> None:
        wanted = await stage.answer("/invocations", [{"question": one, "context": CONTEXT} for one in questions])
        inputs = [tensor("question", *questions), tensor("context", CONTEXT)]
        reply = await stage.post(INFER, {"id": "7", "inputs": inputs})
        found = columns(reply)
        assert found["answer"] == [one["answer"] for one in wanted]
        assert found["score"] == pytest.approx([one["score"] for one in wanted])
        assert (found["start"], found["end"]) == ([one["start"] for one in wanted], [one["end"] for one in wanted])
        assert (reply.json["model_name"], reply.json["id"]) == (NAME, "7")
        version = reply.json["model_version"]
        assert (await stage.get(f"/v2/models/{NAME}"))["versions"] == [version]
        assert (await stage.get("/info"))["model"]["digest"].startswith(f"sha256:{version}")
        assert (await stage.get("/info"))["model"]["name"] == NAME
        data = packed(*questions), packed(CONTEXT)
        binary: list[dict[str, Any]] = [
            {"name": name, "shape": shape, "datatype": "BYTES", "parameters": {"binary_data_size": len(part)}}
            for name, shape, part in zip(("question", "context"), ([2, 1], [1]), data, strict=True)
        ]
        outputs = [{"name": "answer", "parameters": {"binary_data": True}}, {"name": "start"}]
        head = json.dumps({"inputs": binary, "outputs": outputs}).encode()
        path = f"/v2/models/{NAME}/versions/{version}/infer"
        reply = await stage.post(path, head + b"".join(data), **{HEADER.replace("-", "_"): str(len(head))})
        assert columns(reply) == {name: found[name] for name in ("answer", "start")}
        top = columns(await stage.post(INFER, {"inputs": inputs, "parameters": {"top_k": 2, "timeout": 5}}))
        assert sorted(set(top["batch_index"])) == [0, 1]
        assert {len(values) for values in top.values()} == {len(top["answer"])}
        assert top["answer"][0] == found["answer"][0]
        contexts = {**tensor("contexts", "It is here.", CONTEXT, "The queen.", CONTEXT), "shape": [2, 2]}
        several = columns(await stage.post(INFER, {"inputs": [inputs[0], contexts]}))
        assert set(several["context_index"]) <= {0, 1}

    play_on(write_tiny_bert(tmp_path), scene, model_name=NAME)


def test_labels_and_ranks_have_a_second_dimension(tmp_path: Path) -> None:
    """One for each label or text. A text may be sent under any name if it is alone."""

    async def labels(stage: Modelled) -> None:
        best = columns(await stage.post(INFER, {"inputs": [tensor("input-0", "good", "bad")]}))
        every = columns(
            await stage.post(INFER, {"inputs": [tensor("text", "good", "bad")], "parameters": {"top_k": 3}})
        )
        assert [row[0] for row in every["label"]] == best["label"]
        assert [len(row) for row in every["score"]] == [3, 3]

    async def ranks(stage: Modelled) -> None:
        texts = tensor("texts", "it is here", "the king", "it is here", "the queen", shape=[2, 2])
        found = columns(await stage.post(INFER, {"inputs": [tensor("query", "who ?", "what ?"), texts]}))
        wanted = await stage.answer("/invocations", {"query": "what ?", "texts": ["it is here", "the queen"]})
        assert found["index"][1] == [one["index"] for one in wanted]
        assert found["score"][1] == pytest.approx([one["score"] for one in wanted])

    async def vectors(stage: Modelled) -> None:
        found = columns(await stage.post(INFER, {"inputs": [tensor("text", "good", "bad")]}))
        wanted = await stage.answer("/embed", {"inputs": ["good", "bad"]})
        assert np.allclose(found["embedding"], wanted, atol=1e-6)
        assert [one["name"] for one in (await stage.get(f"/v2/models/{NAME}"))["outputs"]] == ["embedding"]
        named = {"inputs": [tensor("text", "good", "bad")], "parameters": {"task": "feature-extraction"}}
        assert set(columns(await stage.post(INFER, named))) == {"embedding", "batch_index"}

    play_on(MODELS["sentence-embeddings"](tmp_path / "c"), vectors, model_name=NAME)
    play_on(MODELS["text-classification"](tmp_path / "a"), labels, model_name=NAME)
    play_on(MODELS["text-ranking"](tmp_path / "b"), ranks, model_name=NAME)


def test_a_model_without_versions_says_so() -> None:
    """One with its own code has no digest that stands for its answers."""
    check_version({}, "")
    with pytest.raises(NotLoaded, match=r"has no version '1'\. Leave out the version"):
        check_version({"version": "1"}, "")


def test_the_name_of_a_strategy_is_read_as_the_task_reads_it(tmp_path: Path) -> None:
    """In any case: the outputs are those of the answer."""

    async def scene(stage: Modelled) -> None:
        for name, output in (("NONE", "entity"), ("Simple", "entity_group")):
            body = {"inputs": [tensor("text", CONTEXT)], "parameters": {"aggregation_strategy": name}}
            found = columns(await stage.post(INFER, body))
            assert all(found[output]), found

    play_on(MODELS["token-classification"](tmp_path), scene, model_name=NAME)


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"inputs": []}, "/inputs: expected `array` of length >= 1"),
    ({}, "missing `inputs`."),
    ({"inputs": [{"name": "question", "shape": [1]}]}, "/inputs/0: missing `datatype`."),
    ({"inputs": [{**tensor("question", "a"), "datatype": "FP32"}]}, "/inputs/0/datatype: invalid enum value 'FP32'"),
    ({"inputs": [tensor("question", "a", shape=[2])]}, "/inputs/0: the shape [2] holds 2 texts; the data has 1."),
    # Without texts, the first dimension would be the number of requests all the same.
    ({"inputs": [tensor("contexts", shape=[300_000_000, 0])]}, "/inputs/0/shape/1: expected `int` >= 1"),
    ({"inputs": [tensor("question", "a", shape=[9000])]}, "The request has 9000 texts; the limit is 4096."),
    (
        {"inputs": [{**tensor("question"), "data": [7], "shape": [1]}]},
        "/inputs/0/data/0: expected text, found a number",
    ),
    ({"inputs": [tensor("question", "a")]}, "/inputs: missing the input `context`. The inputs of question-answering"),
    ({"inputs": [tensor("a", "b"), tensor("context", "b")]}, "/inputs/0/name: unknown input 'a'. The inputs of"),
    ({"inputs": [tensor("context", "b")] * 2}, "/inputs/1/name: two inputs are named 'context'."),
    ({"inputs": [tensor("question", "a", "b", "c"), tensor("context", "a", "b")]}, "/inputs/1/shape: 2 texts for 3"),
    ({"inputs": [tensor("question", "a", "b", shape=[1, 2])]}, "/inputs/0/shape: expected one dimension, found [1, 2]"),
    ({"inputs": [tensor("question", "a"), tensor("contexts", "a", "b", shape=[2, 1])]}, "/inputs/1/shape: 2 lists of"),
    ({"inputs": [tensor("question", "a", " "), tensor("context", "b")]}, "/inputs/0/data/1: the text is blank."),
    (
        {"inputs": [tensor("question", "a", "b"), tensor("contexts", *"abc", " ", shape=[2, 2])]},
        "/inputs/1/data/3: the",
    ),
    ({"parameters": {"topk_": 1}}, "/parameters/topk_: unknown parameter."),
    ({"parameters": {"task": "fill-mask"}}, "/parameters/task: this model does not offer 'fill-mask'. It offers ques"),
    ({"parameters": {"task": 7}}, "/parameters/task: expected text, found 7."),
    ({"outputs": [{"name": "a"}]}, "/outputs/0/name: unknown output 'a'. The outputs of this request for question-ans"),
    ({"outputs": [{"name": "score", "parameters": {"classification": 2}}]}, "/classification: not supported. Send top"),
    ({"outputs": [{"name": "score", "parameters": {"binary_data": 1}}]}, "it must be true or false, not 1."),
]
GOOD = {"inputs": [tensor("question", "who ?"), tensor("context", CONTEXT)]}


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    """In the protocol's error object, with a pointer into the tensors."""

    async def scene(stage: Modelled) -> None:
        wrong: list[object] = []
        for body, message in FAULTS:
            reply = await stage.post(INFER, {**GOOD, **body} if body and "inputs" not in body else body)
            assert reply.status in (400, 413), (body, reply.body)
            assert set(reply.json) == {"error"}
            wrong += [(body, message, reply.json)] if message not in reply.json["error"] else []
        assert not wrong
        assert (await stage.post(INFER, GOOD)).status == 200

    play_on(write_tiny_bert(tmp_path), scene, model_name=NAME)


def described(data: bytes, **more: Any) -> tuple[bytes, dict[str, str]]:
    """A body with the context as these bytes, and its header."""
    context = {"name": "context", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": len(data)}}
    head = json.dumps({"inputs": [tensor("question", "who ?"), {**context, **more}]}).encode()
    return head + data, {HEADER.replace("-", "_"): str(len(head))}


def test_bytes_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    """With the numbers that disagree."""

    async def scene(stage: Modelled) -> None:
        body, headers = described(packed(CONTEXT))
        name = HEADER.replace("-", "_")
        assert (await stage.post(INFER, body, **headers)).status == 200
        assert (await stage.post(INFER, body, **headers, Content_Type="application/octet-stream")).status == 200
        for sent, sent_headers, message in (
            (body, {name: "99999"}, f"The header {HEADER} is 99999, but the body has {len(body)} bytes."),
            (body, {name: "-1"}, f"The header {HEADER} is '-1'. Send the JSON's length in bytes."),
            (body + b"xy", headers, "2 bytes after the JSON belong to no tensor."),
            (
                *described(packed(CONTEXT), parameters={"binary_data_size": 1 << 40}),
                "bytes, but only 34 are left after",
            ),
            (
                *described(packed(CONTEXT), parameters={"binary_data_size": "4"}),
                "it must be a number of bytes, not '4'",
            ),
            (
                *described(b"\xff\xff\xff\xffa"),
                "/inputs/1: text 0 has 4294967295 bytes, more than the tensor has left.",
            ),
            (*described(b"\x02\0\0\0a\xff"), "/inputs/1: text 0 is not UTF-8: byte 1 is 0xff."),
            (*described(packed("a", "b") + b"\xff" * 4), "the shape [1] holds 1 texts; the data has more."),
            (*described(b"", parameters={"shared_memory_region": "a"}), "shared memory is not supported."),
        ):
            reply = await stage.post(INFER, sent, **sent_headers)
            assert reply.status == 400
            assert message in reply.json["error"], reply.json
        reply = await stage.post(INFER, json.dumps(GOOD).encode(), Content_Type="text/csv", Accept="*/*")
        assert (reply.status, set(reply.json)) == (415, {"error"}) or reply.status == 400

    play_on(write_tiny_bert(tmp_path), scene, model_name=NAME)


def test_health_and_metadata(tmp_path: Path) -> None:
    """The server's, and those of a model by its name and version."""

    async def scene(stage: Modelled) -> None:
        assert (await stage.get("/v2"))["extensions"] == ["binary_tensor_data"]
        assert await stage.get("/v2/health/live") == {"live": True}
        assert await stage.get("/v2/health/ready") == {"ready": True}
        assert await stage.get(f"/v2/models/{NAME}/ready") == {"name": NAME, "ready": True}
        metadata = await stage.get(f"/v2/models/{NAME}")
        assert [one["name"] for one in metadata["inputs"]] == ["question", "context"]
        (version,) = metadata["versions"]
        assert (await stage.get(f"/v2/models/{NAME}/versions/{version}"))["name"] == NAME
        assert (await stage.get(f"/v2/models/{NAME}/versions/{version}/ready"))["ready"] is True
        for path in ("/v2/models/other", "/v2/models/other/ready", f"/v2/models/{NAME}/versions/9"):
            reply = await Client(stage.app).call("GET", path)
            assert (reply.status, set(reply.json)) == (404, {"error"}), path
        for path in ("/v2/models/other/infer", "/v1/models/other:predict"):
            reply = await stage.post(path, GOOD)
            assert reply.status == 404
            assert reply.json["error"] == f"This server has no model 'other'. Its model is {NAME}."
        assert await stage.get(f"/v1/models/{NAME}") == {
            "id": NAME,
            "object": "model",
            "created": 0,
            "owned_by": "mooring",
            "name": NAME,
            "ready": True,
        }
        assert (await stage.get("/v1/models"))["models"] == [NAME]

    play_on(write_tiny_bert(tmp_path), scene, model_name=NAME)


def test_instances_have_a_prediction_each(tmp_path: Path) -> None:
    """Also a single one; faults point to the instance."""
    pair = {"question": "who ?", "context": CONTEXT}

    async def scene(stage: Modelled) -> None:
        path = f"/v1/models/{NAME}:predict"
        wanted = await stage.answer("/invocations", pair)
        assert await stage.answer(path, {"instances": [pair]}) == {"predictions": [wanted]}
        assert await stage.answer(path, {"instances": [pair, pair]}) == {"predictions": [wanted, wanted]}
        top = await stage.answer(path, {"instances": [pair], "parameters": {"top_k": 2}})
        assert top["predictions"][0][0] == wanted
        for body, message in (
            ({}, "missing `instances`. Send"),
            ({"instances": []}, "/instances: the list is empty. Send"),
            ({"instances": pair}, "/instances: expected a list, found an object"),
            ({"instances": [pair, {"question": "a"}]}, "/instances/1: missing `context`"),
            (
                {"instances": [{"question": ["a", "b"], "context": "c"}]},
                "/instances/0: expected one request, found sev",
            ),
            ({"instances": [pair], "parameters": {"a": 1}}, "/parameters/a: unknown parameter."),
        ):
            reply = await stage.post(path, body)
            assert (reply.status, set(reply.json)) == (400, {"error"})
            assert message in reply.json["error"]

    play_on(write_tiny_bert(tmp_path), scene, model_name=NAME)


def test_each_of_several_models_has_its_own_name(tmp_path: Path) -> None:
    """Given in the path."""

    async def scene(stage: Modelled, _: object) -> None:
        labels = columns(await stage.post("/v2/models/labels/infer", {"inputs": [tensor("text", "good")]}))
        assert set(labels) == {"label", "score"}
        assert set(columns(await stage.post("/v2/models/qa/infer", GOOD))) >= {"answer"}
        assert (await stage.get("/v2/models/vectors"))["outputs"][0]["name"] == "embedding"
        assert (await stage.get("/v2/models/labels/ready"))["ready"] is True
        assert (await stage.answer("/v1/models/labels:predict", {"instances": ["good"]}))["predictions"][0]["label"]
        reply = await stage.post("/v2/models/other/infer", GOOD)
        assert (reply.status, reply.json["error"][:35]) == (404, "This server has no model 'other'. S")

    play_several(tmp_path, scene)
