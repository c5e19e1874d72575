"""Build WordPiece tokenizers from vocab.txt, and apply BERT's keys to the normalizer of tokenizer.json."""

from collections.abc import Mapping
from dataclasses import replace

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from mooring.errors import ModelInvalid, ModelUnsupported, echo
from mooring.model.folder import TOKENIZER_CONFIG_FILE, TOKENIZER_FILE, VOCAB_FILE, ModelFolder
from mooring.tokenization.bounds import MAX_TOKEN, check_words
from mooring.tokenization.classes import TokenizerClass
from mooring.tokenization.config import Keys


def vocabulary(folder: ModelFolder) -> dict[str, int]:
    """Token → id of vocab.txt, one token per line, with lines counted as in transformers.

    Lines end at \\n, \\r\\n or \\r only: Unicode's other separators may be tokens. The last of equal tokens wins.
    Raises ModelInvalid if the file is not UTF-8.
    """
    try:
        text = folder.read(VOCAB_FILE).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ModelInvalid(f"{VOCAB_FILE} in {folder} is not valid UTF-8 (byte {error.start}).") from error
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not lines[-1]:
        lines.pop()  # nothing follows the end of the last line
    check_words(lines, MAX_TOKEN)
    return {token: number for number, token in enumerate(lines)}


def from_vocabulary(words: Mapping[str, int], unknown: str, keys: Keys) -> Tokenizer:
    """A tokenizer with the keys applied, without special tokens and frame."""
    tokenizer = Tokenizer(models.WordPiece(dict(words), unk_token=unknown))
    tokenizer.normalizer = _normalizer(keys, clean_text=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def frame(tokenizer: Tokenizer, cls: str | None, sep: str | None, separators: int = 1) -> None:
    """Frame pairs as [CLS] first [SEP] second [SEP], the second in segment 1. Raises ModelInvalid without them.

    `separators` is the number of [SEP] between the two texts.
    """
    if not cls or not sep:
        role = "sep_token" if cls else "cls_token"
        raise ModelInvalid(f"{TOKENIZER_CONFIG_FILE}: {role} is null; a tokenizer built from {VOCAB_FILE} needs one.")
    try:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{cls}:0 $A:0 {sep}:0",
            pair=f"{cls}:0 $A:0{f' {sep}:0' * separators} $B:1 {sep}:1",
            special_tokens=[(cls, tokenizer.token_to_id(cls)), (sep, tokenizer.token_to_id(sep))],
        )
    except (ValueError, TypeError) as error:
        raise ModelInvalid(f"The special tokens {echo(cls)} and {echo(sep)} cannot frame a text: {error}.") from error


def check_unknown(tokenizer: Tokenizer, file: str, folder: ModelFolder) -> None:
    """Raise ModelInvalid if a WordPiece vocabulary lacks the unknown token: it could not encode unknown words."""
    model = tokenizer.model
    if isinstance(model, models.WordPiece) and model.token_to_id(model.unk_token) is None:
        raise ModelInvalid(
            f"{file} in {folder} lacks the unknown token {echo(model.unk_token)} in its vocabulary.",
            hint="If it has another name, set unk_token in tokenizer_config.json.",
        )


def overridden(tokenizer: Tokenizer, keys: Keys, known: TokenizerClass) -> tuple[str, ...]:
    """Warn about settings of tokenizer.json that a default of the class overrides, perhaps unintentionally."""
    normalizer = tokenizer.normalizer
    if not isinstance(normalizer, normalizers.BertNormalizer):
        return ()
    settings = (
        ("do_lower_case", normalizer.lowercase, keys.lower_case),
        ("tokenize_chinese_chars", normalizer.handle_chinese_chars, keys.chinese_chars),
        ("strip_accents", _strips(normalizer.strip_accents, keys), _strips(keys.strip_accents, keys)),
    )
    return tuple(
        f"{TOKENIZER_FILE} sets {key} to {str(own).lower()}, but {known.name} uses {str(used).lower()} because "
        f"{TOKENIZER_CONFIG_FILE} does not set it, as in transformers 4.57. Set {key} there to choose."
        for key, own, used in settings
        if own != used and key in known.overrides and key not in keys.stated
    )


def apply_keys(tokenizer: Tokenizer, keys: Keys, known: TokenizerClass) -> None:
    """Let the keys that the class names override the normalizer of tokenizer.json.

    As in transformers, other kinds of normalizer are left alone, and a missing one is refused.
    """
    normalizer = tokenizer.normalizer
    if normalizer is None:
        raise ModelUnsupported(
            f"{TOKENIZER_FILE} has no normalizer, but its class needs one for do_lower_case.",
            hint=f"To use texts unchanged, set tokenizer_class to PreTrainedTokenizerFast in {TOKENIZER_CONFIG_FILE}.",
        )
    if isinstance(normalizer, normalizers.BertNormalizer):
        if "tokenize_chinese_chars" not in known.overrides:
            keys = replace(keys, chinese_chars=normalizer.handle_chinese_chars)
        tokenizer.normalizer = _normalizer(keys, clean_text=normalizer.clean_text)


def _normalizer(keys: Keys, *, clean_text: bool) -> normalizers.BertNormalizer:
    return normalizers.BertNormalizer(
        clean_text=clean_text,
        handle_chinese_chars=keys.chinese_chars,
        strip_accents=keys.strip_accents,
        lowercase=keys.lower_case,
    )


def _strips(stated: bool | None, keys: Keys) -> bool:
    return keys.lower_case if stated is None else stated
