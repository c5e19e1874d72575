"""Tokenizers of model folders, built as transformers 4.57 builds them.

classes.py     the tokenizer classes that are known, and what each one does with the keys of tokenizer_config.json
config.py      the keys themselves, read and checked
special.py     added and special tokens
wordpiece.py   BERT's kind: from vocab.txt, and its own keys
ids.py         token ids against the model's embedding table
load.py        a folder → a tokenizer: all of the above
pair.py        texts → tokens, with their places in the text
"""
