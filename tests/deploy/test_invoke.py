"""The predictor with real boto3 against a runtime that answers as it is told."""

import asyncio
import json
import socket
from dataclasses import dataclass, field

import pytest

from mooring.deploy.answer import Retries
from mooring.deploy.invoke import Predictor
from mooring.deploy.session import Place, Session
from mooring.deploy.wait import Clock
from mooring.errors import DeadlineExceeded, InvokeError, UsageError
from tests.deploy.scripted import ANSWER, Reply, Script, model_error, scripted

pytestmark = pytest.mark.wire


@dataclass
class Hand:
    """A clock that only sleeping moves."""

    time: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """At once."""
        self.time += seconds
        self.slept.append(seconds)

    @property
    def clock(self) -> Clock:
        """As the predictor takes it."""
        return Clock(lambda: self.time, self.sleep)


def predictor(script: Script, hand: Hand, budget_s: float = 30.0) -> Predictor:
    """One whose pauses are the longest of their bounds."""
    assert script.session is not None
    return Predictor("qa", script.session, Retries(budget_s, random=lambda: 1.0), clock=hand.clock)


@pytest.mark.parametrize(
    "busy",
    [
        model_error(429),
        model_error(503),
        Reply(429, {"Message": "not yet"}, "ModelNotReadyException"),
        Reply(503, {"Message": "no"}, "ServiceUnavailable"),
    ],
)
def test_a_busy_endpoint_is_asked_again(busy: Reply) -> None:
    """Twice busy, then an answer: two pauses, the second longer."""
    hand = Hand()
    with scripted(busy, busy, Reply()) as script:
        assert predictor(script, hand).predict({"x": 1}) == ANSWER
        assert (len(script.asked), hand.slept) == (3, [0.1, 0.2])


@pytest.mark.parametrize(
    ("refused", "status"),
    [
        (model_error(400), 400),
        (model_error(500), 500),
        (Reply(400, {"Message": "Endpoint qa of account 1 not found."}, "ValidationError"), 400),
        (Reply(403, {"Message": "not authorized: sagemaker:InvokeEndpoint"}, "AccessDeniedException"), 403),
    ],
)
def test_a_fault_of_the_request_is_not_repeated(refused: Reply, status: int) -> None:
    """One try, and an error with a status and a way out."""
    hand = Hand()
    with scripted(refused) as script:
        with pytest.raises(InvokeError) as caught:
            predictor(script, hand).predict({})
        assert (len(script.asked), hand.slept) == (1, [])
    assert caught.value.status == status
    assert caught.value.hint


def test_the_budget_ends_it() -> None:
    """All pauses of a call together stay within it; then the last error is raised."""
    hand = Hand()
    with scripted(model_error(503)) as script:
        with pytest.raises(InvokeError, match="503"):
            predictor(script, hand, budget_s=1.0).predict({})
        assert hand.slept == [0.1, 0.2, 0.4]
        assert sum(hand.slept) <= 1.0


def test_a_budget_of_nothing_asks_once() -> None:
    """Retries can be left to whoever calls."""
    with scripted(model_error(429)) as script, pytest.raises(InvokeError):
        predictor(script, Hand(), budget_s=0).predict({})
    assert len(script.asked) == 1


def test_a_deadline_is_not_waited_past() -> None:
    """The pause that would pass it is not begun."""
    hand = Hand()
    with scripted(model_error(503)) as script:
        with pytest.raises(DeadlineExceeded, match="busy"):
            predictor(script, hand).predict({}, deadline_s=0.5)
        assert hand.time < 0.5
        with pytest.raises(DeadlineExceeded):
            predictor(script, hand).predict({}, deadline_s=0)


def test_a_model_that_is_slow_is_not_waited_for_past_a_deadline() -> None:
    """The connection stands, and nothing comes."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        session = Session(Place(endpoint_url=f"http://127.0.0.1:{silent.getsockname()[1]}"))
        with pytest.raises(DeadlineExceeded, match=r"within 0\.5 s"):
            Predictor("qa", session).predict({}, deadline_s=0.5)


def test_a_lost_connection_is_tried_again() -> None:
    """Nobody listens there: within the budget again, then in words."""
    hand = Hand()
    with scripted(Reply()) as script:
        gone = predictor(script, hand, budget_s=0.5)
    with pytest.raises(Exception, match="Could not connect"):
        gone.predict({})
    assert hand.slept == [0.1, 0.2]


def test_what_is_sent() -> None:
    """Objects as JSON, text and bytes as they are; what is no JSON is said at once."""
    with scripted(Reply()) as script:
        one = predictor(script, Hand())
        for data in ({"ä": 1}, '{"b": 2}', b'{"c": 3}'):
            one.predict(data)
        assert script.asked == ['{"ä": 1}'.encode(), b'{"b": 2}', b'{"c": 3}']
        with pytest.raises(UsageError, match="cannot be encoded as JSON"):
            one.predict({1, 2})


def test_ask_wants_an_answer() -> None:
    """From another model it is an error that shows what came."""
    with scripted(Reply(), Reply(body=[{"label": "x"}])) as script:
        one = predictor(script, Hand())
        assert one.ask("Who?", "Ada did.").text == "Ada"
        with pytest.raises(InvokeError, match="label"):
            one.ask("Who?", "Ada did.")


def test_many_at_once_from_asyncio() -> None:
    """Each in a thread of its own."""

    async def ask(one: Predictor) -> list[object]:
        return list(await asyncio.gather(*(one.apredict({"n": n}) for n in range(8))))

    with scripted(Reply()) as script:
        assert asyncio.run(ask(predictor(script, Hand()))) == [ANSWER] * 8
        assert len(script.asked) == 8


def test_errors_in_words_and_arguments_that_are_not() -> None:
    """What our server says, and no JSON around it; what others say, as it is; nothing misspelt is ignored."""
    ours = json.dumps({"code": 400, "message": "There is no question.", "request_id": "ab"})
    for original, said in ((ours, r"400: There is no question\. \(request ab\)"), ('{"a": 1}', r'400: {"a": 1}')):
        body = {"Message": "m", "OriginalStatusCode": 400, "OriginalMessage": original}
        with scripted(Reply(424, body, "ModelError")) as script:
            with pytest.raises(InvokeError, match=said):
                predictor(script, Hand()).predict({})
            with pytest.raises(UsageError, match="target_modl"):
                predictor(script, Hand()).predict({}, target_modl="x")  # type: ignore[call-arg]
            assert len(script.asked) == 1
