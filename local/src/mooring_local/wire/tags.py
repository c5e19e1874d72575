"""Tags as every service takes them: no key twice, none that is AWS's own, at most 50 of one resource. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mooring_local.wire.faults import Fault

MOST_TAGS = 50
RESERVED = "aws: prefixed tag key names are not allowed for external use."


@dataclass(frozen=True, slots=True)
class TagRules:
    """One service's words for tags that it does not take."""

    code: str = "ValidationException"
    too_many: str = ""
    """The code for more than 50; "" for the same."""
    too_many_status: int = 400
    any_case: bool = False
    """Whether keys that differ in case only are one."""

    def read(self, tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
        """A request's list of `Key` and `Value`, by key. Raises Fault."""
        found: dict[str, str] = {}
        for tag in tags:
            key = tag["Key"]
            self.check_key(key)
            there = {one.casefold() for one in found} if self.any_case else found.keys()
            if (key.casefold() if self.any_case else key) in there:
                said = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
                raise Fault(self.code, f"{said} The key {key!r} is there more than once.")
            found[key] = tag.get("Value", "")
        return found

    def check_key(self, key: str) -> None:
        """Raises Fault for one that is AWS's own."""
        if key.casefold().startswith("aws:"):
            raise Fault(self.code, f"{RESERVED} The key is {key!r}.")

    def check_count(self, keys: Iterable[str]) -> None:
        """Raises Fault if a resource were to have too many."""
        count = len(set(keys))
        if count > MOST_TAGS:
            said = f"Number of tags exceeds the limit of {MOST_TAGS} tags per resource: it would have {count}."
            raise Fault(self.too_many or self.code, said, self.too_many_status)


def listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """By key, as answers have them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
