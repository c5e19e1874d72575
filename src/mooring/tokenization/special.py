"""Add the added and special tokens that a folder's files name to a tokenizer that lacks them.

The order affects ids: a token that the vocabulary lacks gets the next free one. It is the order of transformers: added
tokens by id, then special tokens by role.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tokenizers import AddedToken, Tokenizer

from mooring.errors import ModelInvalid, echo
from mooring.model.folder import ADDED_TOKENS_FILE, SPECIAL_TOKENS_FILE, TOKENIZER_CONFIG_FILE, ModelFolder
from mooring.tokenization.bounds import MAX_ADDED, MAX_SPECIAL, check_added
from mooring.tokenization.classes import TokenizerClass

ROLES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
MORE = "additional_special_tokens"
EXTRA = "extra_special_tokens"
"""transformers 4 writes an object of role → token, transformers 5 a list."""

Token = str | AddedToken
"""An AddedToken's flags replace those that a tokenizer has for the same text; a str has no flags."""

_FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")


@dataclass(frozen=True, slots=True)
class NamedTokens:
    """The tokens that a folder's files name."""

    added: tuple[AddedToken, ...]
    """Sorted by id. The ids themselves are not used: a token keeps its id, or gets the next free one."""
    roles: Mapping[str, Token]
    """E.g. "cls_token" → "[CLS]"."""
    more: tuple[Token, ...]
    """Special tokens without a role."""

    def text(self, role: str) -> str | None:
        """The text of a role's token, or None."""
        return text_of(self.roles[role]) if role in self.roles else None

    def special(self) -> list[Token]:
        """Each special token once, in the order of roles."""
        found: dict[str, Token] = {}
        for token in (*self.roles.values(), *self.more):
            found.setdefault(text_of(token), token)
        return list(found.values())


def named_tokens(folder: ModelFolder, known: TokenizerClass, in_file: Mapping[int, AddedToken]) -> NamedTokens:
    """Read tokenizer_config.json and, where it has no `added_tokens_decoder`, the two older files.

    `in_file` are the added tokens of tokenizer.json by id. Raises ModelInvalid, with file and key, for a value that is
    not a token.
    """
    values = folder.json_or_empty(TOKENIZER_CONFIG_FILE)
    if "added_tokens_decoder" in values:
        added = _decoder(values["added_tokens_decoder"])
        by_text = {token.content: token for token in added.values()}
    else:
        values = {**values, **_special_tokens_map(folder, values)}
        added = {**_added_tokens(folder, values), **in_file}
        by_text = {token.content: token for token in in_file.values()}
    stated = {**known.special_tokens, **{role: values[role] for role in ROLES if role in values}}
    roles = {role: _token(stated[role], role) for role in ROLES if stated.get(role)}
    if known.stripping_mask and isinstance(mask := roles.get("mask_token"), str):
        roles["mask_token"] = AddedToken(mask, lstrip=True)
    roles = {role: by_text.get(text_of(token), token) for role, token in roles.items()}
    ordered = tuple(token for _, token in sorted(added.items(), key=lambda item: item[0]))
    more = _list(values, MORE) if MORE in values else list(known.more)
    return NamedTokens(ordered, roles, (*more, *_extra(values)))


def add_missing(tokenizer: Tokenizer, named: NamedTokens) -> None:
    """Add every token that is not yet an added token of the tokenizer."""
    present = tokenizer.get_added_tokens_decoder().values()
    same = {repr(token) for token in present}
    missing: list[Token] = [token for token in named.added if repr(token) not in same]
    texts = {token.content for token in present} | {text_of(token) for token in missing}
    known = {repr(token) for token in missing}
    wanted = named.special()
    missing += [
        token for token in wanted if (token not in texts if isinstance(token, str) else repr(token) not in known)
    ]
    special = {text_of(token) for token in wanted}
    check_added([text_of(token) for token in missing])
    tokenizer.add_tokens([_flagged(token, special=text_of(token) in special) for token in missing])


def text_of(token: Token) -> str:
    """The token's text."""
    return token if isinstance(token, str) else str(token.content)


def _flagged(token: Token, *, special: bool) -> AddedToken:
    if isinstance(token, str):
        return AddedToken(token, special=special)
    token.special = token.special or special
    return token


def _decoder(stated: object) -> dict[int, AddedToken]:
    key = "added_tokens_decoder"
    if not isinstance(stated, dict):
        raise _no_token(key, stated)
    if len(stated) > MAX_ADDED:
        raise ModelInvalid(f"{TOKENIZER_CONFIG_FILE}: {key} has {len(stated)} tokens; the limit is {MAX_ADDED}.")
    found = {}
    for number, value in stated.items():
        token = _token(value, key)
        if isinstance(token, str) or not str(number).isdecimal():
            raise _no_token(f"{key}/{number}", value)
        found[int(number)] = token
    return found


def _special_tokens_map(folder: ModelFolder, values: Mapping[str, Any]) -> dict[str, Any]:
    """Read special_tokens_map.json; its list of additional tokens follows that of tokenizer_config.json."""
    stated = folder.json_or_empty(SPECIAL_TOKENS_FILE)
    found: dict[str, Any] = {}
    for key, value in stated.items():
        if key == MORE and isinstance(value, list):
            tokens = _list(values, MORE)
            if len(value) > MAX_SPECIAL:
                raise _too_many(key, len(value), SPECIAL_TOKENS_FILE)
            for token in (_token(one, key, SPECIAL_TOKENS_FILE, special=True) for one in value):
                tokens += [] if any(token == other for other in tokens) else [token]
            found[key] = tokens
        elif key in ROLES and value is not None:
            found[key] = _token(value, key, SPECIAL_TOKENS_FILE, special=True)
        elif key in (*ROLES, MORE):
            found[key] = value
    return found


def _added_tokens(folder: ModelFolder, values: Mapping[str, Any]) -> dict[int, AddedToken]:
    """Read added_tokens.json: token → id."""
    stated = [_token(values[role], role) for role in ROLES if values.get(role)]
    special = {text_of(token) for token in (*stated, *_list(values, MORE))}
    found: dict[int, AddedToken] = {}
    for text, number in folder.json_or_empty(ADDED_TOKENS_FILE).items():
        if type(number) is not int or number < 0:
            raise _no_token(text, number, ADDED_TOKENS_FILE, "it must be the token's id, an integer")
        if len(found) > MAX_ADDED:
            raise ModelInvalid(f"{ADDED_TOKENS_FILE} has more than {MAX_ADDED} tokens, the limit.")
        found[number] = AddedToken(text, special=text in special, normalized=text not in special)
    return found


def _list(values: Mapping[str, Any], key: str) -> list[Token]:
    stated = values.get(key)
    if stated is None:
        return []
    if not isinstance(stated, list | tuple):
        raise _no_token(key, stated, needs="it must be a list of tokens")
    if len(stated) > MAX_SPECIAL:
        raise _too_many(key, len(stated), TOKENIZER_CONFIG_FILE)
    return [_token(value, key) for value in stated]


def _extra(values: Mapping[str, Any]) -> list[Token]:
    stated = values.get(EXTRA)
    return _list({EXTRA: list(stated.values())} if isinstance(stated, dict) else values, EXTRA)


def _token(value: object, key: str, file: str = TOKENIZER_CONFIG_FILE, *, special: bool = False) -> Token:
    """A token as in a file: its text, or an object with `content` and flags."""
    if isinstance(value, str | AddedToken):
        return value
    if not isinstance(value, dict) or not isinstance(value.get("content"), str):
        raise _no_token(key, value, file)
    flags = {flag: value[flag] for flag in _FLAGS if flag in value}
    if not all(isinstance(flag, bool) for flag in flags.values()):
        raise _no_token(key, value, file)
    return AddedToken(value["content"], **{**flags, **({"special": True} if special else {})})


def _too_many(key: str, count: int, file: str) -> ModelInvalid:
    return ModelInvalid(f"{file}: {key} has {count} tokens; the limit is {MAX_SPECIAL}.")


def _no_token(
    key: str, value: object, file: str = TOKENIZER_CONFIG_FILE, needs: str = "it must be a token: a string or an object"
) -> ModelInvalid:
    return ModelInvalid(f"{file}: {key} is {echo(value)}; {needs}.")
