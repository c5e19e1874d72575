"""CloudWatch Logs, read-only: groups, streams and events of endpoints and jobs.

A token of GetLogEvents is a position by time, so that it stays valid when old events are removed.
"""

import contextlib
import heapq
import re
from collections.abc import Callable, Generator, Mapping
from itertools import islice
from typing import Any
from urllib.parse import quote, unquote

from mooring_local.fleet.logbook import Event, Logbook, Stream
from mooring_local.wire.call import Call, Place
from mooring_local.wire.faults import Fault
from mooring_local.wire.paging import page
from mooring_local.wire.service import Handler

PAGE = 50
"""Maximum groups or streams per page."""
CLASS = "STANDARD"
"""The class of every log group."""
EVENTS = 10_000
BYTES = 1024 * 1024
"""Maximum bytes of a page of events, as on AWS."""

_TERM = re.compile(r'([-?]?)(?:"((?:[^"\\]|\\.)*)"|(\S+))')


Placed = tuple[int, str, int]
"""The position of an event among several streams: time, stream, and the number of earlier events of both."""


class Logs:
    """The operations on logs."""

    def __init__(self, logbook: Logbook) -> None:
        self._logbook = logbook

    def handlers(self) -> dict[str, Handler]:
        """Handlers by operation name."""
        return {
            "DescribeLogGroups": self.groups,
            "DescribeLogStreams": self.streams,
            "GetLogEvents": self.events,
            "FilterLogEvents": self.filter,
        }

    def groups(self, call: Call) -> Mapping[str, Any]:
        """List groups, sorted by name."""
        given = call.parameters
        wanted = given.get("logGroupNamePattern", "").lower()
        if wanted and given.get("logGroupNamePrefix"):
            raise _invalid("Only one of logGroupNamePrefix and logGroupNamePattern may be given.")
        if given.get("logGroupClass", CLASS) != CLASS:
            return {"logGroups": []}
        names = [name for name in self._logbook.groups(given.get("logGroupNamePrefix", "")) if wanted in name.lower()]
        some, token = _page(names, given)
        return {"logGroups": [self._group(call.place, name) for name in some], "nextToken": token}

    def streams(self, call: Call) -> Mapping[str, Any]:
        """List streams, sorted by name or by the time of the last event."""
        given, group = call.parameters, _group_of(call.parameters)
        prefix = given.get("logStreamNamePrefix", "")
        found = [stream for stream in self._streams(group) if stream.name.startswith(prefix)]
        by_time = given.get("orderBy") == "LastEventTime"
        if by_time and prefix:
            raise _invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
        found.sort(
            key=lambda stream: (stream.last_ms if by_time else 0, stream.name), reverse=given.get("descending", False)
        )
        some, token = _page(found, given)
        return {"logStreams": [_stream(call.place, group, stream) for stream in some], "nextToken": token}

    def events(self, call: Call) -> Mapping[str, Any]:
        """Return a page of one stream, with tokens for the previous and next pages."""
        given, group = call.parameters, _group_of(call.parameters)
        if given["logStreamName"] not in {stream.name for stream in self._streams(group)}:
            raise Fault("ResourceNotFoundException", "The specified log stream does not exist.")
        kept = sorted(self._logbook.events(group, given["logStreamName"]), key=lambda event: event.timestamp_ms)
        within = [event for event in kept if _is_within(event, given)]
        begin, end = _bounds(within, given)
        return {
            "events": [_event(event) for event in within[begin:end]],
            "nextForwardToken": f"f/{_place(within, end)}",
            "nextBackwardToken": f"b/{_place(within, begin)}",
        }

    def filter(self, call: Call) -> Mapping[str, Any]:
        """Return events of several streams that match the pattern's words, in order of time."""
        given, group = call.parameters, _group_of(call.parameters)
        names, prefix = given.get("logStreamNames"), given.get("logStreamNamePrefix", "")
        if names and prefix:
            raise _invalid("Only one of logStreamNames and logStreamNamePrefix may be given.")
        if not given.get("startFromHead", True):
            raise _invalid("The local SageMaker lists the earliest events first. Leave startFromHead out.")
        matches = _pattern(given.get("filterPattern", ""))
        after = _placed(given.get("nextToken"))
        begin = max(given.get("startTime", 0), after[0])
        streams = [one for one in self._streams(group) if one.name.startswith(prefix)]
        wanted = [one.name for one in streams if one.last_ms >= begin and (names is None or one.name in names)]
        limit = given.get("limit", EVENTS)
        with contextlib.ExitStack() as reading:
            read = [reading.enter_context(contextlib.closing(self._read(group, name, begin))) for name in wanted]
            merged = heapq.merge(*read, key=lambda one: one[0])
            fitting = (
                (place, event)
                for place, event in merged
                if place > after and _is_within(event, given) and matches(event.message)
            )
            some = list(islice(fitting, limit + 1))
        more, some = len(some) > limit, some[:limit]
        events = [
            {**_event(event), "logStreamName": stream, "eventId": f"{at}-{nth}-{stream}"}
            for (at, stream, nth), event in some
        ]
        searched = [{"logStreamName": one.name, "searchedCompletely": not more} for one in streams]
        return {
            "events": events,
            "searchedLogStreams": searched,
            "nextToken": _token(some[-1][0]) if more else None,
        }

    def _read(self, group: str, stream: str, since_ms: int) -> Generator[tuple[Placed, Event], None, None]:
        """A stream's events in order of position; setting the clock back does not reorder them."""
        at, nth = 0, 0
        with contextlib.closing(self._logbook.since(group, stream, since_ms)) as events:
            for event in events:
                at, nth = (event.timestamp_ms, 0) if event.timestamp_ms > at else (at, nth + 1)
                yield (at, stream, nth), event

    def _streams(self, group: str) -> list[Stream]:
        if group not in self._logbook.groups(group):
            raise Fault("ResourceNotFoundException", "The specified log group does not exist.")
        return self._logbook.streams(group)

    def _group(self, place: Place, name: str) -> dict[str, Any]:
        arn, streams = _arn(place, name), self._logbook.streams(name)
        return {
            "logGroupName": name,
            "creationTime": min((stream.first_ms for stream in streams), default=0),
            "metricFilterCount": 0,
            "arn": f"{arn}:*",
            "logGroupArn": arn,
            "logGroupClass": CLASS,
            "storedBytes": sum(stream.size for stream in streams),
        }


def _group_of(given: Mapping[str, Any]) -> str:
    """The group's name, given directly or as an ARN."""
    if ("logGroupName" in given) == ("logGroupIdentifier" in given):
        raise _invalid("Exactly one of logGroupName and logGroupIdentifier must be given.")
    name = given.get("logGroupName") or given["logGroupIdentifier"]
    return str(name).split(":log-group:")[-1].removesuffix(":*")


def _arn(place: Place, group: str) -> str:
    return f"arn:{place.partition.name}:logs:{place.region}:{place.account}:log-group:{group}"


def _stream(place: Place, group: str, stream: Stream) -> dict[str, Any]:
    return {
        "logStreamName": stream.name,
        "creationTime": stream.first_ms,
        "firstEventTimestamp": stream.first_ms,
        "lastEventTimestamp": stream.last_ms,
        "lastIngestionTime": stream.last_ms,
        "arn": f"{_arn(place, group)}:log-stream:{stream.name}",
        "storedBytes": stream.size,
    }


def _event(event: Event) -> dict[str, Any]:
    return {"timestamp": event.timestamp_ms, "message": event.message, "ingestionTime": event.timestamp_ms}


def _is_within(event: Event, given: Mapping[str, Any]) -> bool:
    return bool(given.get("startTime", 0) <= event.timestamp_ms < given.get("endTime", float("inf")))


def _token(place: Placed) -> str:
    """The token of the page after that position."""
    at, stream, nth = place
    return f"{at}/{nth}/{quote(stream, safe='')}"


def _placed(token: str | None) -> Placed:
    """The position in a token. Raises Fault if it is invalid."""
    if token is None:
        return 0, "", -1
    found = re.fullmatch(r"(\d{1,19})/(\d{1,19})/([A-Za-z0-9_.~%-]{1,2000})", token)
    if found is None:
        raise _invalid(f"The specified nextToken is invalid: {token[:100]!r}.")
    return int(found[1]), unquote(found[3]), int(found[2])


def _bounds(events: list[Event], given: Mapping[str, Any]) -> tuple[int, int]:
    """Start and end of the page: after a position, before one, or at either end."""
    limit, token = given.get("limit", EVENTS), given.get("nextToken")
    place = len(events)
    if token is not None:
        found = re.fullmatch(r"([fb])/(\d{1,19})/(\d{1,19})", token)
        if found is None:
            raise _invalid(f"The specified nextToken is invalid: {token[:100]!r}.")
        place = _index(events, int(found[2]), int(found[3]))
    forwards = token[0] == "f" if token is not None else given.get("startFromHead", False)
    if forwards:
        begin = place if token is not None else 0
        return begin, begin + _fitting(events[begin : begin + limit])
    return place - _fitting(events[max(0, place - limit) : place][::-1]), place


def _fitting(events: list[Event]) -> int:
    """How many events fit into one page, at least one."""
    size = 0
    for count, event in enumerate(events):
        size += len(event.message.encode()) + 26
        if size > BYTES and count:
            return count
    return len(events)


def _place(events: list[Event], index: int) -> str:
    """The position before the event at `index`: time of the previous event, and its number among those of that time."""
    if index == 0 or not events:
        return "0/0"
    at = events[index - 1].timestamp_ms
    return f"{at}/{sum(event.timestamp_ms == at for event in events[:index])}"


def _index(events: list[Event], at: int, nth: int) -> int:
    earlier = sum(event.timestamp_ms < at for event in events)
    return earlier + min(nth, sum(event.timestamp_ms == at for event in events))


def _pattern(text: str) -> Callable[[str], bool]:
    """Match all words, any of those with ?, and none of those with -. Raises Fault for other patterns."""
    if text.lstrip().startswith(("{", "[", "%")):
        raise _invalid("The local SageMaker only filters by words; patterns in { }, [ ] and % % are not implemented.")
    terms = [(sign, (quoted or word).replace('\\"', '"')) for sign, quoted, word in _TERM.findall(text)]
    every = [word for sign, word in terms if not sign]
    some = [word for sign, word in terms if sign == "?"]
    none = [word for sign, word in terms if sign == "-"]

    def matches(message: str) -> bool:
        if any(word in message for word in none) or not all(word in message for word in every):
            return False
        return not some or any(word in message for word in some)

    return matches


def _page(items: list[Any], given: Mapping[str, Any]) -> tuple[list[Any], str | None]:
    token = given.get("nextToken")
    refusal = _invalid(f"The specified nextToken is invalid: {str(token)[:100]!r}.")
    return page(items, token, given.get("limit", PAGE), refusal)


def _invalid(message: str) -> Fault:
    return Fault("InvalidParameterException", message)
