# mypy: ignore-errors
"""The reference: transformers' own pipeline at fp32, one question at a time. JSON pairs on stdin, answers on stdout.

python reference.py MODEL < pairs.json        # in the stock environment
"""

import json
import sys

from transformers import pipeline

if __name__ == "__main__":
    answers = pipeline("question-answering", model=sys.argv[1], tokenizer=sys.argv[1], device="cpu")
    json.dump([answers(question=question, context=context) for question, context in json.load(sys.stdin)], sys.stdout)
