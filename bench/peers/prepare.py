"""The models in every form that a peer takes, and the questions; made once below .work."""

import json
import random
import subprocess
from pathlib import Path

from bench import distilbert
from bench.peers.peer import SERVICES, Answer, Models, read_answer
from bench.peers.setup import PEERS, ROOT, python
from mooring.quality.squad import Question, read_squad

WORK = ROOT / ".work" / "bench"
MINILM = ROOT / "models" / "minilm-squad"
EMBEDDED = ROOT / "src" / "mooring" / "_embedded" / "minilm-squad"


def models(squad: Path, source: Path, names: list[str]) -> dict[str, Models]:
    """Name → model. `source` has DistilBERT's config and tokenizer; the stock environment has to be there for ONNX."""
    made: dict[str, Models] = {}
    for name in names:
        if name == "minilm":
            made[name] = Models(name, MINILM, _onnx(MINILM, name), EMBEDDED)
        else:
            folder = distilbert.write_distilbert(source, WORK / "distilbert")
            ours = distilbert.build_int8(folder, WORK / "distilbert-int8", squad / "train-44-articles.json")
            made[name] = Models(name, folder, _onnx(folder, name), ours)
    return made


def questions(squad: Path, seed: int, count: int) -> list[Question]:
    """SQuAD dev's, each once, in an order of chance."""
    found = read_squad(squad / "dev-v1.1.json", labelled=True)
    unique = list({(question.question, question.context): question for question in found}.values())
    return random.Random(seed).sample(unique, min(count, len(unique)))


def reference(model: Models, asked: list[Question]) -> list[Answer]:
    """What transformers' pipeline answers at fp32; kept, since it takes a while."""
    kept = PEERS / f"reference-{model.name}.json"
    pairs = [[question.question, question.context] for question in asked]
    if kept.is_file():
        found = json.loads(kept.read_text(encoding="utf-8"))
        if found["pairs"] == pairs:
            return [read_answer(answer) for answer in found["answers"]]
    command = [str(python("stock")), str(SERVICES / "reference.py"), str(model.source)]
    done = subprocess.run(command, input=json.dumps(pairs), capture_output=True, text=True, check=True)
    answers = json.loads(done.stdout)
    kept.write_text(json.dumps({"pairs": pairs, "answers": answers}), encoding="utf-8")
    return [read_answer(answer) for answer in answers]


def _onnx(source: Path, name: str) -> Path:
    target = PEERS / f"onnx-{name}"
    if not (target / "tokenizer.json").is_file():  # the last that is written
        target.mkdir(parents=True, exist_ok=True)
        command = [str(python("stock")), str(SERVICES / "export.py"), str(source), str(target)]
        subprocess.run(command, check=True, capture_output=True)
    return target
