"""List the supported tokenizer classes of transformers, and the keys of tokenizer_config.json that each obeys.

transformers picks a class by name and then applies keys by class: `do_lower_case` overrides tokenizer.json in
BertTokenizer and means nothing in PreTrainedTokenizerFast. A test compares this table with transformers 4.57.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mooring.errors import ModelUnsupported, echo
from mooring.families import FAMILIES
from mooring.model.folder import BPE_FILES, CONFIG_FILE, TOKENIZER_CONFIG_FILE, VOCAB_FILE, ModelFolder

Kind = Literal["wordpiece", "bpe", "plain"]
"""wordpiece: keys override the normalizer of tokenizer.json. bpe: keys override its post-processor.
plain: tokenizer.json as it is."""

VOCABULARIES: Mapping[Kind, tuple[str, ...]] = {"wordpiece": (VOCAB_FILE,), "bpe": BPE_FILES, "plain": ()}
"""The files that a tokenizer can be built from without tokenizer.json, all of them; none for plain."""

SEGMENTS = ("input_ids", "token_type_ids", "attention_mask")
NO_SEGMENTS = ("input_ids", "attention_mask")

_BERT = {
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}
_ROBERTA = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "sep_token": "</s>",
    "cls_token": "<s>",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "mask_token": "<mask>",
}


@dataclass(frozen=True, slots=True)
class TokenizerClass:
    """One transformers class, named without "Fast"."""

    name: str
    kind: Kind
    inputs: tuple[str, ...]
    """Default of `model_input_names`. Without token_type_ids every token is in segment 0."""
    special_tokens: Mapping[str, str]
    """Defaults of the special tokens."""
    stripping_mask: bool = False
    """Whether the mask token absorbs the white space before it (lstrip of AddedToken)."""
    prefix_space: bool = False
    """Whether `add_prefix_space` overrides the pre-tokenizer's setting."""
    more: tuple[str, ...] = ()
    """Default of `additional_special_tokens`."""
    separators: int = 1
    """Number of separators between the texts of a pair, if built from vocab.txt."""
    overrides: tuple[str, ...] = ()
    """The keys that override the normalizer of tokenizer.json."""


_CASE = ("do_lower_case", "strip_accents")


def _wordpiece(name: str, inputs: tuple[str, ...] = SEGMENTS) -> TokenizerClass:
    overrides = (*_CASE, "tokenize_chinese_chars")
    return TokenizerClass(name, "wordpiece", inputs, _BERT, prefix_space=True, overrides=overrides)


def _roberta(name: str, kind: Kind, more: tuple[str, ...] = ()) -> TokenizerClass:
    return TokenizerClass(name, kind, NO_SEGMENTS, _ROBERTA, stripping_mask=True, prefix_space=True, more=more)


CLASSES: Mapping[str, TokenizerClass] = {
    known.name: known
    for known in (
        _wordpiece("BertTokenizer"),
        _wordpiece("ConvBertTokenizer"),
        _wordpiece("DPRContextEncoderTokenizer"),
        _wordpiece("DPRQuestionEncoderTokenizer"),
        _wordpiece("DistilBertTokenizer", NO_SEGMENTS),
        _wordpiece("ElectraTokenizer"),
        _wordpiece("LayoutLMTokenizer"),
        _wordpiece("LxmertTokenizer"),
        _wordpiece("MobileBertTokenizer"),
        _wordpiece("RealmTokenizer"),
        _wordpiece("RetriBertTokenizer", NO_SEGMENTS),
        _wordpiece("SqueezeBertTokenizer"),
        TokenizerClass("PreTrainedTokenizer", "plain", SEGMENTS, {}, prefix_space=True),
        # What transformers 5 writes for a tokenizer that is just its tokenizer.json.
        TokenizerClass("TokenizersBackend", "plain", SEGMENTS, {}),
        _roberta("RobertaTokenizer", "bpe"),
        _roberta("XLMRobertaTokenizer", "plain"),
        _roberta("CamembertTokenizer", "plain", more=("<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED")),
        TokenizerClass(
            "MPNetTokenizer",
            "wordpiece",
            NO_SEGMENTS,
            {**_ROBERTA, "unk_token": "[UNK]"},
            stripping_mask=True,
            prefix_space=True,
            separators=2,
            overrides=_CASE,
        ),
    )
}

_REASONS: Mapping[str, str] = {
    "BertJapaneseTokenizer": " It splits words with MeCab, Sudachi or Juman++, which are not part of Mooring.",
}


def class_of(folder: ModelFolder) -> TokenizerClass:
    """The class that transformers would choose: from tokenizer_config.json, else config.json, else the family.

    Raises ModelUnsupported, naming an unknown class: another class would give other ids.
    """
    config = folder.json_or_empty(CONFIG_FILE)
    for file, values in ((TOKENIZER_CONFIG_FILE, folder.json_or_empty(TOKENIZER_CONFIG_FILE)), (CONFIG_FILE, config)):
        if (stated := values.get("tokenizer_class")) is not None:
            return _named(stated, file)
    family = config.get("model_type")
    return CLASSES[FAMILIES[family].tokenizer if isinstance(family, str) and family in FAMILIES else "BertTokenizer"]


def _named(stated: object, file: str) -> TokenizerClass:
    name = stated.removesuffix("Fast") if isinstance(stated, str) else ""
    if name not in CLASSES:
        raise ModelUnsupported(
            f"{file}: tokenizer_class is {echo(stated)}, which is not supported.{_REASONS.get(name, '')}",
            hint=f"Supported: {', '.join(CLASSES)}, with or without the suffix Fast. If tokenizer.json alone defines "
            "the tokenization, set tokenizer_class to PreTrainedTokenizerFast.",
        )
    return CLASSES[name]
