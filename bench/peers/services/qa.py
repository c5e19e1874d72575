# mypy: ignore-errors
"""Question answering as one writes it by hand for a service: tokenise, one forward pass for a batch, best span.

Runs in the peers' environments, not in ours. Windows, spans and scores follow the pipeline of transformers 4 (384
tokens, stride 128, answers of at most 15 tokens, whole words), without its slow parts: this is more than the products'
own examples do, so that what is compared is the products. The model comes by environment: QA_MODEL (a folder),
QA_PRECISION (fp32, bf16: PyTorch; ort-fp32, ort-int8: ONNX Runtime), QA_THREADS.
"""

import os
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

MAX_TOKENS, STRIDE, MAX_ANSWER_TOKENS = 384, 128, 15


class QuestionAnswering:
    """Pairs in, the best span of each out."""

    def __init__(self, model=None, precision=None, threads=None):
        folder = Path(model or os.environ["QA_MODEL"])
        threads = int(threads or os.environ.get("QA_THREADS", "1"))
        precision = precision or os.environ.get("QA_PRECISION", "fp32")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(MAX_TOKENS, stride=STRIDE, strategy="only_second")
        self._tokenizer.no_padding()
        self._forward = (
            _onnx(folder, precision, threads) if precision.startswith("ort") else _torch(folder, precision, threads)
        )

    def answer(self, pairs):
        """`pairs` of (question, context); one dictionary each, with score, start, end, answer."""
        windows, owner = [], []
        for place, encoding in enumerate(self._tokenizer.encode_batch(pairs)):
            for window in (encoding, *encoding.overflowing):
                windows.append(window)
                owner.append(place)
        longest = max(len(window.ids) for window in windows)
        ids, mask, types = (np.zeros((len(windows), longest), np.int64) for _ in range(3))
        for row, window in enumerate(windows):
            size = len(window.ids)
            ids[row, :size], mask[row, :size], types[row, :size] = window.ids, 1, window.type_ids
        starts, ends = self._forward(ids, mask, types)
        best = [None] * len(pairs)
        for row, window in enumerate(windows):
            found = _best_span(window, starts[row], ends[row], pairs[owner[row]][1])
            if found and (best[owner[row]] is None or found["score"] > best[owner[row]]["score"]):
                best[owner[row]] = found
        return best


def _best_span(window, starts, ends, context):
    places = [place for place, sequence in enumerate(window.sequence_ids) if sequence == 1]
    if not places:
        return None
    first, last = places[0], places[-1] + 1
    start, end = _softmax(starts[first:last]), _softmax(ends[first:last])
    scores = np.tril(np.triu(np.outer(start, end)), MAX_ANSWER_TOKENS - 1)
    one, two = divmod(int(scores.argmax()), len(places))
    begin = window.word_to_chars(window.token_to_word(first + one), 1)[0]
    stop = window.word_to_chars(window.token_to_word(first + two), 1)[1]
    return {"score": float(scores[one, two]), "start": begin, "end": stop, "answer": context[begin:stop]}


def _softmax(values):
    powers = np.exp(values - values.max())
    return powers / powers.sum()


def _torch(folder, precision, threads):
    import torch
    from transformers import AutoModelForQuestionAnswering

    torch.set_num_threads(threads)
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    model = AutoModelForQuestionAnswering.from_pretrained(folder, dtype=dtype).eval()
    typed = model.config.model_type != "distilbert"

    def forward(ids, mask, types):
        given = {"input_ids": torch.from_numpy(ids)}
        if not mask.all():
            given["attention_mask"] = torch.from_numpy(mask)
        if typed:
            given["token_type_ids"] = torch.from_numpy(types)
        with torch.inference_mode():
            out = model(**given)
        return out.start_logits.float().numpy(), out.end_logits.float().numpy()

    return forward


def _onnx(folder, precision, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        str(folder / {"ort-fp32": "model.onnx", "ort-int8": "model-int8.onnx"}[precision]),
        options,
        providers=["CPUExecutionProvider"],
    )
    wanted = {value.name for value in session.get_inputs()}

    def forward(ids, mask, types):
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
        return session.run(["start_logits", "end_logits"], {name: given[name] for name in wanted})

    return forward
