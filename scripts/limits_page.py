"""The page docs/limits.md, with every figure from the constant that enforces it. Used by make_reference.py."""

from collections.abc import Iterable

from mooring.errors import ECHO_LIMIT
from mooring.families import base as families
from mooring.model import archive, config, folder, manifest, safetensors_file, sentence_transformers, tar, weights
from mooring.settings import OPTIONS
from mooring.tasks import (
    body,
    feature_extraction,
    fill_mask,
    qa_request,
    question_answering,
    targets,
    token_classification,
    zero_shot_classification,
)
from mooring.tokenization import bounds, patterns
from mooring.web import batch, records, text, tokens
from mooring_local.objects import bodies, deleting, keys, listing, parts
from mooring_local.wire import query_protocol, tags

Row = tuple[str, str]
"""(what is limited, the limit)."""


def limits_page(notice: str) -> str:
    """The whole page."""
    return PAGE.format(
        notice=notice,
        requests=_table(_requests()),
        archives=_table(_archives()),
        weights=_table(_weights()),
        configs=_table(_configs()),
        tokenizers=_table(_tokenizers()),
        modules=_table(_modules()),
        emulator=_table(_emulator()),
        known=len(patterns.KNOWN),
        pattern=patterns.MAX_PATTERN,
    )


def _table(rows: Iterable[Row]) -> str:
    return "\n".join(("| what | limit |", "| --- | --- |", *(f"| {what} | {limit} |" for what, limit in rows)))


def _size(count: int) -> str:
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= factor and count % factor == 0:
            return f"{count // factor:,} {unit}"
    return f"{count:,} bytes"


def _option(flag: str) -> str:
    """A setting's flag and default."""
    option = next(option for option in OPTIONS if option.flag == flag)
    default = _size(option.default) if flag.endswith("-bytes") else f"{option.default:,}"
    return f"`{option.flag}`, {default}"


def _requests() -> list[Row]:
    return [
        ("bytes of a body", _option("--max-body-bytes")),
        ("seconds from the end of the body to the answer, else 504", _option("--deadline")),
        ("texts, requests or windows in a body", _option("--max-windows")),
        ("lines or rows of a batch job's request", _option("--max-records")),
        ("objects and lists in one JSON value", f"{text.MOST_CONTAINERS:,}"),
        ("depth of JSON", "Python's recursion limit, about 1,000"),
        ("columns of CSV", f"{records.MOST_COLUMNS:,}"),
        ('keys of a request that are compared with known names, for "Did you mean"', f"{body.COMPARED}"),
        ("characters of a request that an error message repeats", f"{ECHO_LIMIT}"),
        ("characters of a failed record's message in a batch job", f"{batch.MESSAGE_LIMIT}"),
        ("question-answering: `top_k`", f"{qa_request.MOST_ANSWERS:,}"),
        (
            "question-answering: candidates of all windows; characters of all answers",
            f"{question_answering.MOST_SPANS:,}; {question_answering.MOST_TEXT:,}",
        ),
        (
            "zero-shot-classification: characters of `hypothesis_template`",
            f"{zero_shot_classification.LONGEST_TEMPLATE:,}",
        ),
        ("fill-mask: `targets`; characters of each", f"{targets.MOST_TARGETS:,}; {targets.LONGEST_TARGET:,}"),
        ("fill-mask: masks × vocabulary", f"{fill_mask.MOST_SCORES:,}"),
        (
            "fill-mask: predictions; characters of their sequences",
            f"{fill_mask.MOST_PREDICTIONS:,}; {fill_mask.MOST_TEXT:,}",
        ),
        ("token-classification: tokens × labels", f"{token_classification.MOST_SCORES:,}"),
        ("feature-extraction: tokens × hidden size", f"{feature_extraction.MOST_VALUES:,}"),
        ("`/tokenize`: characters; `/decode`: token ids", f"{tokens.MOST_CHARACTERS:,}; {tokens.MOST_IDS:,}"),
    ]


def _archives() -> list[Row]:
    most = archive.Limits()
    return [
        ("bytes unpacked", _size(most.max_bytes)),
        ("files and folders, including folders that are only part of a name", f"{most.max_members:,}"),
        (
            "levels of a name; characters of a name; bytes of one level",
            f"{archive.MAX_DEPTH}; {archive.MAX_NAME:,}; {archive.MAX_PART_BYTES}",
        ),
        ("bytes of one extended header; of all", f"{_size(tar.MAX_HEADER_BYTES)}; {_size(tar.MAX_HEADERS_BYTES)}"),
        ("extended headers before one file", f"{tar.MAX_CHAIN}"),
        ("bytes after the end of the tar", _size(archive.MAX_TRAILING_BYTES)),
        ("links, devices, sparse files, names for all members (pax global headers)", "refused"),
        ("other formats (zip, plain tar)", "refused"),
    ]


def _weights() -> list[Row]:
    return [
        ("bytes of a header", _size(safetensors_file.MAX_HEADER_BYTES)),
        ("tensors of a model", f"{safetensors_file.MAX_TENSORS:,}"),
        ("dimensions of a tensor", f"{safetensors_file.MAX_DIMENSIONS}"),
        ("bytes of all weights", "the memory of the machine or container"),
        ("files of weights", f"{weights.MAX_SHARDS:,}"),
        ("tensors that overlap, leave gaps, or end beyond the file; a name twice", "refused"),
    ]


def _configs() -> list[Row]:
    return [
        ("bytes of a file (config.json, mooring.json, …)", _size(folder.MAX_TEXT_BYTES)),
        ("objects and lists in a file", f"{folder.MAX_CONTAINERS:,}"),
        ("digits of an integer", "4,300 (Python's limit)"),
        ("positions, the longest window in tokens", f"{families.MAX_POSITIONS:,}"),
        ("attention heads × positions²", f"{families.MAX_SCORES:,}"),
        ("labels of a model, where a task uses them", f"{config.MOST_LABELS:,}"),
        (
            "`hidden_size`, `num_hidden_layers`, `vocab_size`, `type_vocab_size`, `intermediate_size`",
            "those of the weights",
        ),
        ("bytes of openvino_model.xml", _size(folder.MAX_BYTES)),
        ("folders searched for a model, on each of several levels, for an error message", f"{manifest._GLANCES}"),
    ]


def _tokenizers() -> list[Row]:
    return [
        (
            "bytes of tokenizer.json; of every other file",
            f"{_size(folder.MAX_TOKENIZER_BYTES)}; {_size(folder.MAX_TEXT_BYTES)}",
        ),
        ("bytes of the normalizer, pre-tokenizer, post-processor or decoder", _size(bounds.MAX_PART_BYTES)),
        ("steps of each, nested ones included", f"{bounds.MAX_STEPS}"),
        ("characters that the normalizer may make of one", f"{bounds.MAX_GROWTH}"),
        ("regular expressions", "of linear time only, see below"),
        ("added tokens; characters of all", f"{bounds.MAX_ADDED:,}; {bounds.MAX_ADDED_CHARACTERS:,}"),
        ("special tokens without a role", f"{bounds.MAX_SPECIAL:,}"),
        ("special tokens around a text or a pair", f"{bounds.MAX_FRAME}"),
        ("`max_input_chars_per_word` of WordPiece", f"{bounds.MAX_WORD}"),
        ("characters of a token; of a Unigram token", f"{bounds.MAX_TOKEN:,}; {bounds.MAX_PIECE}"),
        ("truncation and padding of tokenizer.json", "not used"),
    ]


def _modules() -> list[Row]:
    return [
        ("modules", f"{sentence_transformers.MAX_MODULES}"),
        ("pooling modes", f"{len(sentence_transformers.POOLINGS)}, each once"),
        ("prompts; characters of each", f"{sentence_transformers.MAX_PROMPTS:,}; {sentence_transformers.MAX_PROMPT:,}"),
        ("sizes of dense layers", "those of the weights"),
    ]


def _emulator() -> list[Row]:
    return [
        ("bytes of an object or a part", _size(bodies.MAX_OBJECT_BYTES)),
        ("parts of an upload", f"{parts.MAX_PART:,}"),
        ("bytes of an XML body", _size(bodies.MAX_XML_BYTES)),
        ("bytes of a key", f"{keys.MAX_KEY_BYTES:,}"),
        ("keys in one page of a listing; in one deletion", f"{listing.MAX_KEYS:,}; {deleting.MOST:,}"),
        ("fields of a form", f"{query_protocol.MOST_FIELDS:,}"),
        ("tags of a resource", f"{tags.MOST_TAGS}"),
    ]


PAGE = """# Limits
{notice}

Requests and model files are untrusted. The rule: reading one takes time and memory at most linear in its size, by a
fixed factor and up to a fixed amount; whatever would take more is refused with an error that names the limit. Limits
of connections, heads and bodies, and what nginx enforces, are in [http.md](http.md#limits).

## Requests

JSON, JSON Lines and CSV; a request beyond a limit gets 400 or 413. Error texts are cut to their limits.

{requests}

## Archives

Nothing of a refused archive stays on the disk.

{archives}

## safetensors

{weights}

## config.json and mooring.json

{configs}

An artefact of `moor build` also has a graph, openvino_model.xml, whose work is not bounded:
[SECURITY.md](../SECURITY.md#threat-model).

## Tokenizers

tokenizer.json, tokenizer_config.json, special_tokens_map.json, added_tokens.json, vocab.txt, vocab.json and merges.txt.

{tokenizers}

The tokenizers library matches regular expressions with backtracking: `(x+x+)+y` takes seconds for 25 characters, and
`a+b` takes quadratic time. Mooring accepts a pattern of at most {pattern} characters if it has one or several
alternatives, each of which consists of characters, `.`, classes (`[…]`, `\\s`, `\\p{{L}}`) in a row, only the last of
which may be repeated (`+`, `{{2,}}`). That includes ` {{2,}}` and `\\s+`. {known} patterns that do not have this form
were measured to take linear time and are accepted as well: those of GPT-2, of GPT-4 and Llama 3, and of Qwen 2. Any
other pattern is refused by name.

## Files of sentence-transformers

{modules}

## The emulator

`moor local` stores what it is given: the disk is the limit for the number of objects.

{emulator}

## How they are tested

- `tests/model/test_bounds.py` reads about fifty hostile files, each in a process that may use 32 bytes of memory for
  each byte of the input, plus 96 MiB, and a bounded number of operations.
- `make fuzz` runs [atheris](https://github.com/google/atheris) on requests of all tasks, archives, safetensors
  headers, config.json, mooring.json, tokenizers and the files of sentence-transformers: `SECONDS` in all (60),
  `HARNESSES=archive` for one of them. CI does so for a minute. An input that raises anything but an error of Mooring,
  takes more than 10 s or more than 2 GB is a finding.
- The corpora are in `tests/fuzz/`. A test asserts that each reaches at least 85 % of the branches of its parser, and
  that at least 20 % of its inputs are accepted. `python -m tests.fuzz.measure` prints the figures.
"""
