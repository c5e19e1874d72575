"""Tokenizers of model folders, built as transformers 4.57 builds them.

classes.py     the known tokenizer classes, and what each does with the keys of tokenizer_config.json
config.py      reading and checking those keys
special.py     added and special tokens
wordpiece.py   BERT's kind: vocab.txt and its keys
bpe.py         RoBERTa's kind: vocab.json with merges.txt, and its keys
ids.py         checking token ids against the model's embedding table
load.py        loading a folder's tokenizer with all of the above
text.py        texts → tokens, with their places in the text
decode.py      tokens → text
"""
