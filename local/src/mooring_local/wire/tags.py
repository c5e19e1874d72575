"""Rules for tags of all services: unique keys, no reserved keys, at most 50 per resource. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mooring_local.wire.faults import Fault

MOST_TAGS = 50
RESERVED = "aws: prefixed tag key names are not allowed for external use."


@dataclass(frozen=True, slots=True)
class TagRules:
    """One service's rules and error codes for tags."""

    code: str = "ValidationException"
    too_many: str = ""
    """Error code for more than 50 tags; "" for `code`."""
    too_many_status: int = 400
    any_case: bool = False
    """Whether keys are case-insensitive."""

    def read(self, tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
        """A request's list of `Key` and `Value` as a dictionary. Raises Fault."""
        found: dict[str, str] = {}
        for tag in tags:
            key = tag["Key"]
            self.check_key(key)
            there = {one.casefold() for one in found} if self.any_case else found.keys()
            if (key.casefold() if self.any_case else key) in there:
                said = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
                raise Fault(self.code, f"{said} The key {key!r} occurs more than once.")
            found[key] = tag.get("Value", "")
        return found

    def check_key(self, key: str) -> None:
        """Raises Fault for a reserved key."""
        if key.casefold().startswith("aws:"):
            raise Fault(self.code, f"{RESERVED} The key is {key!r}.")

    def check_count(self, keys: Iterable[str]) -> None:
        """Raises Fault if a resource would have too many tags."""
        count = len(set(keys))
        if count > MOST_TAGS:
            said = f"Number of tags exceeds the limit of {MOST_TAGS} tags per resource: it would have {count}."
            raise Fault(self.too_many or self.code, said, self.too_many_status)


def listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """A list of `Key` and `Value`, sorted by key."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
