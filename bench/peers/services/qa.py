# mypy: ignore-errors
"""Handwritten question answering: tokenize, one forward pass, best span.

Runs in the peers' environments. Windows, spans and scores follow the pipeline of transformers 4 (384 tokens, stride
128, answers of at most 15 tokens, whole words), without its slow parts. Settings: QA_MODEL (folder), QA_PRECISION
(fp32 or int8), QA_THREADS (number).
"""

import os
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

MAX_TOKENS, STRIDE, MAX_ANSWER_TOKENS = 384, 128, 15
FILES = {"fp32": "model.onnx", "int8": "model-int8.onnx"}


class QuestionAnswering:
    """Finds the best answer span for a question in a context."""

    def __init__(self):
        folder = Path(os.environ["QA_MODEL"])
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(MAX_TOKENS, stride=STRIDE, strategy="only_second")
        self._tokenizer.no_padding()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ.get("QA_THREADS", "1"))
        file = folder / FILES[os.environ.get("QA_PRECISION", "int8")]
        self._session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        self._wanted = {value.name for value in self._session.get_inputs()}

    def answer(self, question, context):
        """A dictionary with score, start, end and answer."""
        encoding = self._tokenizer.encode(question, context)
        windows = [encoding, *encoding.overflowing]
        longest = max(len(window.ids) for window in windows)
        ids, mask, types = (np.zeros((len(windows), longest), np.int64) for _ in range(3))
        for row, window in enumerate(windows):
            size = len(window.ids)
            ids[row, :size], mask[row, :size], types[row, :size] = window.ids, 1, window.type_ids
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
        starts, ends = self._session.run(["start_logits", "end_logits"], {name: given[name] for name in self._wanted})
        found = [_best_span(*one, context) for one in zip(windows, starts, ends, strict=True)]
        return max(filter(None, found), key=lambda span: span["score"])


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
