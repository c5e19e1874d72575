"""The corpus of requests."""

import json
from collections.abc import Iterator, Mapping

from mooring.tasks import TASKS as SPECS
from tests.fuzz.harnesses import TASKS


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _asked(task: str, kind: int, body: bytes) -> bytes:
    return bytes((TASKS.index(task), kind)) + body


QA, TEXT, MASK = "question-answering", "text-classification", "fill-mask"
PAIR = {"question": "Who?", "context": "Ada wrote it."}
ACCEPTED: Mapping[str, tuple[object, ...]] = {
    QA: (
        PAIR,
        [PAIR, PAIR],
        {"inputs": PAIR, "parameters": {"topk": 3, "max_seq_len": 64, "doc_stride": 0, "max_question_len": 9}},
        {"inputs": {"question": "Who?", "contexts": ["Ada.", "Bob."]}},
        {"inputs": {"question": ["Who?", "Where?"], "context": "Ada wrote it."}, "options": {}},
        {"inputs": {"question": ["Who?", "Where?"], "context": ["Ada.", "Here."]}},
        {"inputs": PAIR, "parameters": {"handle_impossible_answer": True, "top_k": None, "padding": True}},
        {"inputs": {"question": "Wo?", "context": "In Köln 🌊."}},
    ),
    TEXT: (
        "good",
        {"inputs": "good"},
        {"inputs": ["good", {"text": "a", "text_pair": "b"}], "parameters": {"top_k": None}},
        {"inputs": {"text": "a"}, "parameters": {"function_to_apply": "Sigmoid", "truncation": True}},
        {"inputs": "good", "parameters": {"return_all_scores": True, "truncation_direction": "Left", "max_length": 9}},
        {"inputs": "a", "parameters": {"return_all_scores": False, "top_k": 2}},
        {"inputs": "a", "parameters": {"function_to_apply": None}},
    ),
    MASK: (
        {"inputs": "It is <mask>.", "parameters": {"targets": ["good"], "top_k": 2}},
        {"inputs": ["It is <mask>."], "parameters": {"targets": "good"}},
    ),
    "feature-extraction": ({"inputs": [{"text": "good"}]},),
    "sentence-embeddings": ({"inputs": "good", "parameters": {"normalize": True, "dimensions": 4}},),
}
REFUSED: Mapping[str, tuple[object, ...]] = {
    QA: (
        [],
        "x",
        {"inputs": "x"},
        {"inputs": {"question": "Who?"}},
        {"inputs": {"question": "Who?", "contxt": "x"}},
        {"inputs": {"question": [], "context": "x"}},
        {"inputs": {"question": ["a"], "context": ["b", "c"]}},
        {"inputs": {"question": "a", "contexts": []}},
        {"inputs": {"question": "a", "contexts": "b"}},
        {"inputs": {"question": "a", "contexts": ["b"], "context": "c"}},
        {"inputs": {"question": "a", "contexts": ["b"] * 4097}},
        {"inputs": [{"question": "a", "contexts": ["b"] * 4000}] * 2},
        {"inputs": [PAIR] * 4097},
        {"inputs": {"question": " ", "context": ""}},
        {"inputs": PAIR, "parameters": {"max_seq_len": 10**6}},
        {"inputs": PAIR, "parameters": {"doc_stride": 500}},
        {"inputs": PAIR, "parameters": {"top_k": 10**6}},
        {"inputs": PAIR, "parameters": {"topk": True}},
        {"inputs": PAIR, "parameters": {"align_to_words": 1}},
        {"inputs": PAIR, "parameters": {"tpk": 1}},
        {"inputs": PAIR, "parameters": {"nothing like it": 1}},
        {"inputs": PAIR, "parameters": []},
        {"inputs": PAIR, "top_k": 1},
        {"inputs": PAIR, "paramters": {}, **{f"k{number:07}": 1 for number in range(70)}},
    ),
    TEXT: (
        {"inputs": []},
        {"inputs": 7},
        {"inputs": {"text_pair": "b"}},
        {"inputs": ["a"] * 4097},
        {"inputs": {"text": 7}},
        {"inputs": "a", "parameters": {"function_to_apply": "cube"}},
        {"inputs": "a", "parameters": {"max_length": 10**6}},
        {"inputs": "a", "parameters": {"truncation_direction": "up"}},
        {"inputs": "a", "parameters": {"return_all_scores": 7}},
    ),
    MASK: (
        {"inputs": "It is <mask>.", "parameters": {"targets": []}},
        {"inputs": "It is <mask>.", "parameters": {"targets": 7}},
        {"inputs": "It is <mask>.", "parameters": {"targets": [7]}},
        {"inputs": "It is <mask>.", "parameters": {"targets": ["x" * 1001]}},
        {"inputs": "It is <mask>.", "parameters": {"targets": ["x"] * 1001}},
    ),
    "feature-extraction": (
        {"inputs": []},
        {"inputs": [7]},
        {"inputs": [{"txt": "a"}]},
        {"inputs": ["a"] * 4097},
    ),
}
ROWS = (
    b'"Question", context \n"a ""b""\n,c",d\n\n',
    b"inputs,id\nhello,1\nworld,2\n",
    b"question,context\na,b,c\n",
    b"question;context\na;b\n",
    b"a,b\nc,d\n",
    b"question,question\na,b\n",
    b"question\n",
    b'question\n"a"b\n',
    b"," * 1001 + b"\n",
    b"inputs\xff\n",
    b"text,top_k\na,1\n",
)
LINES = (
    b'\n \n{"text":"a"}\n\r\n"b"\n',
    b'{"inputs":"a","parameters":{"top_k":1}}\n{"inputs":"b","parameters":{"top_k":1}}',
    b'{"inputs":"a","options":{}}\n{"inputs":"b"}',
    b'{"inputs":"a","parameters":{"top_k":1}}\n"b"',
    b'["a"]\n',
    b'{"inputs":"a"}\n{"inputs":"b","top_k":1}',
    b'"a"\n{"text":7}',
    b"7\n{\n",
)
BODIES = (
    b"",
    b" \n",
    b'\xef\xbb\xbf"good"',
    b"\xff\xfe\x22\x00",
    b"\x22\x00\x41\x00",
    b'"\xff"',
    b'{"inputs":"a"} {"inputs":"b"}',
    b'"never closed',
    b"[" * 5000,
    b"[" + b"[]," * 1_000_001,
    b"nul",
)


def requests() -> Iterator[bytes]:
    """Bodies of every task and type."""
    for task in TASKS:
        yield _asked(task, 0, _json(SPECS[task].example))
    for bodies in (ACCEPTED, REFUSED):
        for task, values in bodies.items():
            yield from (_asked(task, 0, _json(value)) for value in values)
    for task in (QA, TEXT):
        yield from (_asked(task, 2, rows) for rows in ROWS)
        yield from (_asked(task, 1, lines) for lines in LINES)
        yield from (_asked(task, 0, body) for body in BODIES)
