"""Load the tokenizer of a model folder as transformers 4.57 builds it from the same files."""

import contextlib
import json
from dataclasses import replace

from tokenizers import Tokenizer, pre_tokenizers

from mooring.errors import ModelError, ModelIncomplete, ModelInvalid, ModelUnsupported
from mooring.model.folder import BPE_FILES, CONFIG_FILE, TOKENIZER_CONFIG_FILE, TOKENIZER_FILE, VOCAB_FILE, ModelFolder
from mooring.model.tokenizer_files import CONVERT, only_sentencepiece, sentencepiece_in
from mooring.tokenization import bpe, ids, wordpiece
from mooring.tokenization.bounds import check_file, check_frame
from mooring.tokenization.classes import VOCABULARIES, TokenizerClass, class_of
from mooring.tokenization.config import Keys, read_keys, right
from mooring.tokenization.special import NamedTokens, add_missing, named_tokens
from mooring.tokenization.text import Habits, Template, TextTokenizer, frame_of, is_fault, template_of


def load_tokenizer(folder: ModelFolder, *, embeddings: int | None = None) -> TextTokenizer:
    """The tokenizer of `tokenizer.json`, or else one built from the vocabulary.

    `embeddings` is the number of rows of the model's embedding table; None leaves ids unchecked. Raises
    ModelIncomplete, ModelInvalid, or ModelUnsupported for a class or key that is not implemented.
    """
    known = class_of(folder)
    keys = read_keys(folder.json_or_empty(TOKENIZER_CONFIG_FILE), known)
    files = VOCABULARIES[known.kind]
    buildable = bool(files) and all(folder.has(name) for name in files)
    from_json = folder.has(TOKENIZER_FILE) and not (keys.from_vocabulary and buildable)
    if from_json:
        tokenizer, named, warnings = _from_json(folder, known, keys)
    elif buildable:
        tokenizer, named, warnings = _from_vocabulary(folder, known, keys)
    else:
        raise _without_tokenizer(folder, known)
    if known.prefix_space:
        _set_prefix_space(tokenizer, keys)
    cut_at = keys.truncation_side or (tokenizer.truncation or {}).get("direction")
    # Many tokenizer.json files enable both, with lengths from training.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = keys.split_special_tokens
    habits = _habits(tokenizer, named, keys, from_left=cut_at == "left")
    if keys.clean_up is None:
        habits = replace(habits, clean_up=not from_json)
    template = template_of(tokenizer, habits)
    _check_segments(folder, template)
    frame = frame_of(tokenizer, habits)
    check_frame(max(frame.specials, template.specials))
    if embeddings is None:
        return TextTokenizer(tokenizer, habits, frame, template, warnings=warnings)
    beyond = ids.unembedded(tokenizer, embeddings, template.ids)
    if beyond:
        warnings += (ids.warning(beyond, embeddings),)
    return TextTokenizer(tokenizer, habits, frame, template, beyond, warnings)


def _habits(tokenizer: Tokenizer, named: NamedTokens, keys: Keys, *, from_left: bool) -> Habits:
    def id_of(role: str) -> int | None:
        token = named.text(role)
        return None if token is None else tokenizer.token_to_id(token)

    return Habits(
        cls_id=id_of("cls_token"),
        segments=keys.segments,
        from_left=from_left,
        unk_id=id_of("unk_token"),
        mask_id=id_of("mask_token"),
        pad_id=id_of("pad_token"),
        clean_up=bool(keys.clean_up),
    )


_Built = tuple[Tokenizer, NamedTokens, tuple[str, ...]]
"""The tokenizer with all its tokens, the tokens named by the folder's files, and warnings."""


def _read(folder: ModelFolder) -> Tokenizer:
    content = folder.read(TOKENIZER_FILE)
    check_file(content)
    try:
        return Tokenizer.from_buffer(content)
    except BaseException as error:  # Boundary: see `is_fault`.
        if not is_fault(error):
            raise
        raise ModelInvalid(
            f"Cannot read {TOKENIZER_FILE} in {folder}: {str(error)[:200]}.", hint="Download or copy the file again."
        ) from error


def _from_json(folder: ModelFolder, known: TokenizerClass, keys: Keys) -> _Built:
    tokenizer = _read(folder)
    if keys.padding_side is None:
        right(f"{TOKENIZER_FILE}: padding direction", (tokenizer.padding or {}).get("direction", "right"))
    wordpiece.check_unknown(tokenizer, TOKENIZER_FILE, folder)
    named = named_tokens(folder, known, tokenizer.get_added_tokens_decoder())
    # Before the keys: transformers also prepares the search for added tokens with the file's normalizer.
    add_missing(tokenizer, named)
    if known.kind == "bpe":
        bpe.apply_keys(tokenizer, keys)
    if known.kind != "wordpiece":
        return tokenizer, named, ()
    warnings = wordpiece.overridden(tokenizer, keys, known)
    wordpiece.apply_keys(tokenizer, keys, known)
    return tokenizer, named, warnings


def _from_vocabulary(folder: ModelFolder, known: TokenizerClass, keys: Keys) -> _Built:
    # Even if the vocabulary is used instead of tokenizer.json, that file's added tokens apply.
    named = named_tokens(folder, known, _read(folder).get_added_tokens_decoder() if folder.has(TOKENIZER_FILE) else {})
    cls, sep = named.text("cls_token"), named.text("sep_token")
    if known.kind == "bpe":
        tokenizer = bpe.from_vocabulary(folder, keys)
        add_missing(tokenizer, named)
        bpe.frame(tokenizer, cls, sep, keys)
        return tokenizer, named, ()
    tokenizer = wordpiece.from_vocabulary(wordpiece.vocabulary(folder), named.text("unk_token") or "", keys)
    wordpiece.check_unknown(tokenizer, VOCAB_FILE, folder)
    add_missing(tokenizer, named)
    wordpiece.frame(tokenizer, cls, sep, known.separators)
    return tokenizer, named, ()


def _without_tokenizer(folder: ModelFolder, known: TokenizerClass) -> ModelError:
    names, files = folder.names(), VOCABULARIES[known.kind]
    if (sentencepiece := sentencepiece_in(names)) is not None:
        return ModelUnsupported(
            only_sentencepiece(f"The model folder {folder}", sentencepiece),
            hint=f"Convert it inside that folder, {CONVERT}.",
        )
    missing = TOKENIZER_FILE + (f" (or {' and '.join(files)})" if files else "")
    found = [name for name in (VOCAB_FILE, *BPE_FILES) if name in names]
    if not found:
        what = "has no tokenizer."
    else:
        what = f"has {' and '.join(found)}, but its tokenizer class {known.name} cannot be built from that."
    return ModelIncomplete(
        f"The model folder {folder} {what}",
        missing=(missing,),
        hint=f"Copy {TOKENIZER_FILE} from the model's repository into it.",
    )


def _set_prefix_space(tokenizer: Tokenizer, keys: Keys) -> None:
    """Let `add_prefix_space` override a pre-tokenizer that has the setting."""
    if tokenizer.pre_tokenizer is None or keys.prefix_space is None:
        return
    state = json.loads(tokenizer.pre_tokenizer.__getstate__())
    if state.get("add_prefix_space", keys.prefix_space) == keys.prefix_space:
        return
    kind = getattr(pre_tokenizers, state.pop("type"))
    with contextlib.suppress(TypeError):  # as in transformers: what cannot be rebuilt stays
        tokenizer.pre_tokenizer = kind(**{**state, "add_prefix_space": keys.prefix_space})


def _check_segments(folder: ModelFolder, template: Template) -> None:
    """Check segments as token ids are checked: each must have an embedding."""
    rows = folder.json_or_empty(CONFIG_FILE).get("type_vocab_size")
    highest = max(template.first_type, template.second_type)
    if type(rows) is int and 0 < rows <= highest:
        raise ModelInvalid(
            f"The tokenizer puts the context into segment {highest}, but {CONFIG_FILE} has type_vocab_size {rows}, "
            f"segments 0 to {rows - 1}.",
            hint=f"If the model was trained without segments, set model_input_names to "
            f'["input_ids", "attention_mask"] in {TOKENIZER_CONFIG_FILE}.',
        )
