"""Build byte-level BPE tokenizers from vocab.json and merges.txt, and apply RoBERTa's keys to tokenizer.json."""

import json

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

from mooring.errors import ModelInvalid, echo
from mooring.model.folder import BPE_FILES, TOKENIZER_CONFIG_FILE, ModelFolder
from mooring.tokenization.bounds import MAX_TOKEN, check_words
from mooring.tokenization.config import Keys
from mooring.tokenization.text import is_fault

VOCABULARY, MERGES = BPE_FILES


def from_vocabulary(folder: ModelFolder, keys: Keys) -> Tokenizer:
    """A tokenizer without special tokens and frame. Raises ModelInvalid, naming the file, if one is damaged."""
    words = folder.json(VOCABULARY)
    wrong = next((token for token, number in words.items() if type(number) is not int or number < 0), None)
    if wrong is not None:
        raise ModelInvalid(f"{VOCABULARY}: the id of {echo(wrong)} is {echo(words[wrong])}; it must be an integer.")
    check_words(words, MAX_TOKEN)
    try:
        tokenizer = Tokenizer(models.BPE(words, _merges(folder)))
    except BaseException as error:  # Boundary: see `is_fault`.
        if not is_fault(error):
            raise
        raise ModelInvalid(
            f"{VOCABULARY} and {MERGES} in {folder} do not fit together: {str(error)[:200]}.",
            hint="Copy both from the same revision of the model's repository.",
        ) from error
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=bool(keys.prefix_space))
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _merges(folder: ModelFolder) -> list[tuple[str, str]]:
    """The pairs to merge, best first. As in transformers, the first line and what follows the last are left out."""
    try:
        text = folder.read(MERGES).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ModelInvalid(f"{MERGES} in {folder} is not valid UTF-8 (byte {error.start}).") from error
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[1:-1]
    found: dict[tuple[str, str], None] = {}
    for number, line in enumerate(lines, 2):
        parts = line.split()
        if len(parts) != 2:
            raise ModelInvalid(
                f"{MERGES} in {folder}: line {number} is {echo(line)}; it must be two tokens separated by a space.",
                hint="Copy the file again from the model's repository.",
            )
        found[parts[0], parts[1]] = None
    return list(found)


def frame(tokenizer: Tokenizer, cls: str | None, sep: str | None, keys: Keys) -> None:
    """Frame pairs as <s> first </s></s> second </s>. Raises ModelInvalid without those tokens."""
    if not cls or not sep:
        role = "sep_token" if cls else "cls_token"
        raise ModelInvalid(f"{TOKENIZER_CONFIG_FILE}: {role} is null; a tokenizer built from {VOCABULARY} needs one.")
    # Both were added if the vocabulary lacks them, so both have an id.
    first, last = ((token, int(tokenizer.token_to_id(token) or 0)) for token in (cls, sep))
    tokenizer.post_processor = processors.RobertaProcessing(
        last, first, trim_offsets=keys.trim_offsets, add_prefix_space=bool(keys.prefix_space)
    )


def apply_keys(tokenizer: Tokenizer, keys: Keys) -> None:
    """Let `trim_offsets` and `add_prefix_space` override a post-processor that has these settings."""
    if tokenizer.post_processor is None:
        return
    state = json.loads(tokenizer.post_processor.__getstate__())
    prefix = state.get("add_prefix_space") if keys.prefix_space is None else keys.prefix_space
    if state["type"] == "RobertaProcessing":
        pair = (tuple(state["sep"]), tuple(state["cls"]))
        tokenizer.post_processor = processors.RobertaProcessing(*pair, keys.trim_offsets, prefix)
    elif state["type"] == "ByteLevel":
        del state["type"]
        made = {**state, "trim_offsets": keys.trim_offsets, "add_prefix_space": prefix}
        tokenizer.post_processor = processors.ByteLevel(**made)
