"""Users' code that predicts by itself, through the whole web layer: every function, every way to fail."""

import asyncio
import io
import threading
from pathlib import Path

import pytest

from mooring.errors import HandlerError
from tests.engine.running import until
from tests.support.handled import Site, load, play

ECHO = """
def model_fn(model_dir):
    return "model in " + model_dir

def predict_fn(data, model):
    return {"data": data, "model": model}
"""


def test_model_fn_and_predict_fn(tmp_path: Path) -> None:
    """The rest is ours: JSON in, JSON out."""

    async def scene(site: Site) -> None:
        reply = await site.ask({"inputs": [1, "é"]})
        assert reply.status == 200
        assert reply.headers["content-type"] == "application/json"
        assert reply.json == {"data": {"inputs": [1, "é"]}, "model": f"model in {tmp_path}"}
        assert (await site.get("/ping")).status == 200

    play(tmp_path, ECHO, scene)


def test_all_functions_in_order_with_context(tmp_path: Path) -> None:
    """input_fn gets text and the type as sent; headers are read and set through context."""
    code = """
    def model_fn(model_dir, context):
        return []

    def input_fn(body, content_type, context):
        assert isinstance(body, str), type(body)
        return [body, content_type, context.get_request_header(0, "X-Amzn-SageMaker-Custom-Attributes")]

    def predict_fn(data, model, context):
        return data + [context.get_request_id(0)]

    def output_fn(prediction, accept, context):
        context.set_response_header(0, "X-Amzn-SageMaker-Custom-Attributes", "answered")
        context.set_response_status(201, "made", 0)
        context.set_response_content_type(0, "text/plain")
        return "|".join(prediction + [accept])
    """

    async def scene(site: Site) -> None:
        reply = await site.ask(
            b"hello",
            Content_Type="text/CSV; charset=utf-8",
            X_Amzn_SageMaker_Custom_Attributes="asked",
            X_Request_Id="r-1",
            Accept="application/json, text/csv",
        )
        assert (reply.status, reply.headers["content-type"]) == (201, "text/plain")
        assert reply.body == b"hello|text/CSV; charset=utf-8|asked|r-1|application/json, text/csv"
        assert reply.headers["x-amzn-sagemaker-custom-attributes"] == "answered"

    play(tmp_path, code, scene)


def test_other_types_come_as_bytes(tmp_path: Path) -> None:
    """And bytes go out as they are, with the type that the function gives."""
    code = """
    def model_fn(model_dir): return None
    def transform_fn(model, body, content_type, accept):
        assert isinstance(body, bytes)
        return body[::-1], content_type
    """

    async def scene(site: Site) -> None:
        reply = await site.ask(b"\x00\xff", Content_Type="image/png")
        assert (reply.status, reply.body, reply.headers["content-type"]) == (200, b"\xff\x00", "image/png")

    play(tmp_path, code, scene)


def test_the_default_prediction_calls_the_model_as_a_pipeline(tmp_path: Path) -> None:
    """With inputs and parameters apart."""
    code = """
    def model_fn(model_dir):
        return lambda inputs, **parameters: {"inputs": inputs, "parameters": parameters}
    """

    async def scene(site: Site) -> None:
        reply = await site.ask({"inputs": "x", "parameters": {"top_k": 2}})
        assert reply.json == {"inputs": "x", "parameters": {"top_k": 2}}
        assert (await site.ask({"question": "q"})).json["inputs"] == {"question": "q"}

    play(tmp_path, code, scene)


def test_an_endpoint_handler(tmp_path: Path) -> None:
    """handler.py, as on Hugging Face's endpoints."""
    code = """
    class EndpointHandler:
        def __init__(self, path=""):
            self.path = path
        def __call__(self, data):
            return [{"path": self.path, "inputs": data["inputs"]}]
    """

    async def scene(site: Site) -> None:
        assert (await site.ask({"inputs": 5})).json == [{"path": str(tmp_path), "inputs": 5}]
        assert (await site.get("/info")).json["handler"] == {
            "file": "handler.py",
            "functions": ["EndpointHandler"],
            "computes": "itself",
        }

    play(tmp_path, code, scene, name="handler.py")


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ("raise ValueError('too short')", 400, "RequestError"),
        ("from mooring.handler import InvalidPayload; raise InvalidPayload('too short')", 400, "RequestError"),
        ("raise KeyError('which key')", 500, "HandlerFailed"),
        ("1 / 0", 500, "HandlerFailed"),
        ("raise SystemExit('the end')", 500, "HandlerFailed"),
    ],
)
def test_what_input_fn_raises(tmp_path: Path, log: io.StringIO, body: str, status: int, kind: str) -> None:
    """A ValueError is the caller's fault, with its message; anything else is logged with message, file and line."""
    code = f"def input_fn(data, content_type):\n    {body}\ndef predict_fn(d, m): return d\ndef model_fn(d): return 1\n"

    async def scene(site: Site) -> None:
        reply = await site.ask()
        assert (reply.status, reply.json["type"]) == (status, kind)
        assert ("too short" in reply.json["message"]) is (status == 400)
        assert not any(word in reply.body.decode() for word in ("which key", "division", "the end", "inference.py"))
        assert ('"at":"inference.py:2"' in log.getvalue()) is (status == 500)
        said = any(word in log.getvalue() for word in ("which key", "division by zero", "the end"))
        assert said is (status == 500)
        assert (await site.get("/ping")).status == 200

    play(tmp_path, code, scene)


@pytest.mark.parametrize("step", ["predict_fn", "output_fn", "transform_fn"])
def test_what_the_others_raise_is_500_with_file_and_line_in_the_log(
    tmp_path: Path, log: io.StringIO, step: str
) -> None:
    """Also a ValueError: by then the request was fine."""
    parameters = {"predict_fn": "a, b", "output_fn": "a, b", "transform_fn": "a, b, c, d"}[step]
    code = (
        f"def model_fn(d): return lambda *a, **k: 1\ndef {step}({parameters}):\n    raise ValueError('which value')\n"
    )

    async def scene(site: Site) -> None:
        reply = await site.ask(X_Request_Id="r-9")
        assert (reply.status, reply.json["type"], reply.json["request_id"]) == (500, "HandlerFailed", "r-9")
        assert step in reply.json["message"]
        assert f'"event":"{step} failed"' in log.getvalue()
        assert '"at":"inference.py:3"' in log.getvalue()
        line = next(line for line in log.getvalue().splitlines() if f"{step} failed" in line)
        assert ('"request_id":"r-9"' in line, '"message":"which value"' in line) == (True, True)
        assert "which value" not in reply.body.decode()

    play(tmp_path, code, scene)


@pytest.mark.parametrize(
    ("raised", "status", "message"),
    [
        ("PredictionException('no such index', 422)", 422, "no such index"),
        ("PredictionException('no such index')", 500, "no such index"),
        ("PredictionException({'field': 'x'}, 400)", 400, "{'field': 'x'}"),
        ("PredictionException('odd', 200)", 500, "odd"),
        ("Own('mine', 429)", 429, "mine"),
        ("GenericInferenceToolkitError(404, 'not there')", 404, "not there"),
        ("UnsupportedFormatError('a/b')", 415, "Content type a/b is not supported by this framework."),
        ("PredictionException('long ' * 1000, 400)", 400, "long long"),
    ],
)
def test_exceptions_of_the_stock_toolkits_reach_the_caller(
    tmp_path: Path, log: io.StringIO, raised: str, status: int, message: str
) -> None:
    """Message and status, which their author wrote for the caller; from packages that are not installed."""
    code = f"""
    from mms.service import PredictionException
    from sagemaker_inference.errors import GenericInferenceToolkitError, UnsupportedFormatError
    class Own(PredictionException): pass
    def model_fn(d): return None
    def predict_fn(data, model):
        raise {raised}
    """

    async def scene(site: Site) -> None:
        reply = await site.ask(X_Request_Id="r-2")
        assert reply.status == status
        assert reply.json["message"].startswith(message)
        assert len(reply.json["message"]) <= 2000
        level = "warning" if status < 500 else "error"
        line = next(line for line in log.getvalue().splitlines() if "predict_fn failed" in line)
        assert (f'"level":"{level}"' in line, '"request_id":"r-2"' in line) == (True, True)

    play(tmp_path, code, scene)


def test_another_exception_with_a_code_is_no_message_to_the_caller(tmp_path: Path) -> None:
    """Libraries have attributes of that name for other things."""
    code = """
    class S3Error(Exception):
        error_code, status_code, message = 404, 404, "bucket-of-mine"
    def model_fn(d): return None
    def predict_fn(data, model): raise S3Error()
    """

    async def scene(site: Site) -> None:
        reply = await site.ask()
        assert (reply.status, "bucket-of-mine" in reply.body.decode()) == (500, False)

    play(tmp_path, code, scene)


def test_messages_of_a_model_that_the_users_code_made_are_logged(tmp_path: Path, log: io.StringIO) -> None:
    """Also where Mooring's default calls it; but not what its signature refuses of a caller's parameters."""
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "library_of_a_test.py").write_text(
        "class Model:\n  def __call__(self, inputs): raise RuntimeError('out of something')\n"
    )
    code = f"""
    import sys
    sys.path.append({str(tmp_path / "library")!r})
    from library_of_a_test import Model
    def model_fn(d): return Model()
    """

    async def scene(site: Site) -> None:
        assert (await site.ask({"inputs": 1})).status == 500
        assert '"message":"out of something"' in log.getvalue()
        assert (await site.ask({"inputs": 1, "parameters": {"canary-6": 1}})).status == 500
        assert "canary-6" not in log.getvalue()

    play(tmp_path, code, scene)


def test_messages_that_mooring_writes_do_not_carry_texts_into_the_log(tmp_path: Path, log: io.StringIO) -> None:
    """A caller's text may be in them: only what the user's code and its libraries say is logged."""
    code = """
    from mooring.handler import encode
    class Odd:
        def tolist(self): return self
        def __getattr__(self, name): raise ValueError("canary-5")
    def model_fn(d): return None
    def predict_fn(data, model):
        if data["how"] == "ours": return encode({"canary-5": Odd()})
        if data["how"] == "input": raise KeyError("canary-5")
    """

    async def scene(site: Site) -> None:
        assert (await site.ask({"how": "ours"})).status == 500
        assert '"event":"predict_fn failed"' in log.getvalue()
        assert "canary-5" not in log.getvalue()
        assert (await site.ask(b'{"how": "canary-5')).status == 400
        assert "canary-5" not in log.getvalue()
        assert (await site.ask({"how": "input"})).status == 500
        assert "canary-5" in log.getvalue()

    play(tmp_path, code, scene)


@pytest.mark.parametrize(
    ("sent", "body", "content_type"),
    [
        ("application/json;verbose", "str", "application/json;verbose"),
        ("text/csv; header=present", "str", "text/csv; header=present"),
        ("application/json; charset=UTF-8", "str", "application/json; charset=UTF-8"),
        ("text/csv; charset=latin-1", "bytes", "text/csv; charset=latin-1"),
        ("application/x-ndjson", "bytes", "application/x-ndjson"),
        ("", "str", "application/json"),
    ],
)
def test_a_content_type_arrives_as_sent(tmp_path: Path, sent: str, body: str, content_type: str) -> None:
    """With its parameters. JSON and CSV are text where they are UTF-8, anything else is bytes."""
    code = """
    def model_fn(d): return None
    def input_fn(body, content_type): return [type(body).__name__, content_type]
    def predict_fn(data, model): return data
    """

    async def scene(site: Site) -> None:
        assert (await site.ask(b"x", Content_Type=sent)).json == [body, content_type]

    play(tmp_path, code, scene)


@pytest.mark.parametrize(
    ("sent", "accept", "content_type"),
    [
        ("application/json;verbose", "application/json;verbose", "application/json;verbose"),
        ("text/csv; header=present", "text/csv; header=present", "text/csv;header=present"),
        ("text/html;q=0.1, text/plain", "text/html;q=0.1, text/plain", "text/plain"),
        ("text/plain;q=0.5;format=flowed", "text/plain;q=0.5;format=flowed", "text/plain;format=flowed"),
        ("*/*", "application/json", "application/json"),
        ("text/*, */*", "text/*, */*", "application/json"),
        ("", "application/json", "application/json"),
    ],
)
def test_an_accept_arrives_as_sent(tmp_path: Path, sent: str, accept: str, content_type: str) -> None:
    """The whole of it. The response's type is the one that is wanted most, if the function does not say another."""
    code = """
    def model_fn(d): return None
    def predict_fn(data, model): return data
    def output_fn(value, accept): return accept
    """

    async def scene(site: Site) -> None:
        reply = await site.ask(Accept=sent)
        assert (reply.body.decode(), reply.headers["content-type"]) == (accept, content_type)

    play(tmp_path, code, scene)


def test_header_names_keep_their_case(tmp_path: Path) -> None:
    """Code that looks into the dictionary finds what the client wrote."""
    code = """
    def model_fn(d): return None
    def predict_fn(data, model, context): return sorted(context.get_all_request_header(0))
    """

    async def scene(site: Site) -> None:
        names = (await site.ask(X_Amzn_SageMaker_Custom_Attributes="a", x_OWN="b")).json
        assert {"X-Amzn-SageMaker-Custom-Attributes", "x-OWN", "Content-Type"} <= set(names)

    play(tmp_path, code, scene)


def test_model_fn_gets_a_context_and_leaves_things_on_it(tmp_path: Path) -> None:
    """Of the start: where the model is, but no request."""
    code = """
    def model_fn(model_dir, context):
        assert context.system_properties["model_dir"] == model_dir
        assert context.system_properties["gpu_id"] is None
        assert context.request_processor is not None and not context.request_processor
        context.labels = ["yes", "no"]
        return model_dir
    def predict_fn(data, model, context): return [context.labels, context.get_request_id(0)]
    """

    async def scene(site: Site) -> None:
        assert (await site.ask(X_Request_Id="r")).json == [["yes", "no"], "r"]

    play(tmp_path, code, scene)


def test_hooks_around_loading(tmp_path: Path) -> None:
    """pre_model_fn before model_fn, model_warmup_fn after it, each with or without context."""
    code = """
    calls = []
    def pre_model_fn(model_dir): calls.append(["pre", model_dir])
    def model_fn(model_dir): calls.append("model"); return "the model"
    def model_warmup_fn(model_dir, model, context):
        calls.append(["warm", model, context.system_properties["model_dir"]])
    def predict_fn(data, model): return calls
    """

    async def scene(site: Site) -> None:
        place = str(tmp_path)
        assert (await site.ask()).json == [["pre", place], "model", ["warm", "the model", place]]

    play(tmp_path, code, scene)


@pytest.mark.parametrize("hook", ["pre_model_fn", "model_warmup_fn", "EndpointHandler"])
def test_whatever_fails_while_loading_is_named(tmp_path: Path, hook: str) -> None:
    """With the exception, file and line."""
    code = {
        "pre_model_fn": "def pre_model_fn(d): 1 / 0\ndef model_fn(d): return 1\n",
        "model_warmup_fn": "def model_warmup_fn(d, m): 1 / 0\ndef model_fn(d): return 1\n",
        "EndpointHandler": "class EndpointHandler:\n  def __init__(self, p): 1 / 0\n  def __call__(self, data): ...\n",
    }[hook]

    async def scene(site: Site) -> None:
        raise AssertionError(site)

    with pytest.raises(HandlerError, match=rf"{hook} failed: ZeroDivisionError: division by zero \(inference\.py:\d\)"):
        play(tmp_path, code, scene)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("context.set_response_status(99)", "it set the status 99"),
        ("context.set_response_status('no')", "it set the status 'no'"),
        ("context.set_response_header(0, 'X-A', 'canary\\r\\nX-B: 1')", "for the header X-A has invalid characters"),
        ("context.set_response_header(0, 'X-A', 'canary\\u20ac')", "for the header X-A has invalid characters"),
        ("context.set_response_header(0, 'X A', '1')", "'X A' is not a valid header name"),
        ("context.set_response_header(0, 'Content-Length', '1')", "Content-Length, which only the server"),
        ("return (x for x in 'ab')", "generator is not a list"),
        ("return {'a': object()}", "object is not a list"),
        ("a = []; a.append(a); return a", "nested too deeply"),
        ("return b'', 'text/plain\\n'", "for the header content-type has invalid characters"),
    ],
)
def test_what_cannot_be_sent_is_a_500_that_says_so(tmp_path: Path, log: io.StringIO, code: str, said: str) -> None:
    """To the caller and in the log, without repeating the value; the connection lives on."""
    code = f"""
    def model_fn(d): return None
    def predict_fn(data, model): return data
    def output_fn(value, accept, context):
        {code}
        return b"fine"
    """

    async def scene(site: Site) -> None:
        reply = await site.ask()
        assert (reply.status, said in reply.json["message"]) == (500, True)
        assert said in log.getvalue().replace('\\"', '"')
        assert "canary" not in reply.body.decode() + log.getvalue()

    play(tmp_path, code, scene)


def test_headers_that_are_numbers_are_written_as_text(tmp_path: Path) -> None:
    """A count, for example."""
    code = """
    def model_fn(d): return None
    def predict_fn(data, model, context):
        context.set_response_header(0, "X-Count", 3)
        return 1
    """

    async def scene(site: Site) -> None:
        assert (await site.ask()).headers["x-count"] == "3"

    play(tmp_path, code, scene)


def test_an_answer_under_the_users_own_type_is_json(tmp_path: Path) -> None:
    """As the stock server writes what is neither bytes nor text."""
    code = """
    def model_fn(d): return None
    def transform_fn(model, body, kind, accept): return {"a": 1}, "application/vnd.own+json"
    """

    async def scene(site: Site) -> None:
        reply = await site.ask()
        assert (reply.headers["content-type"], reply.json) == ("application/vnd.own+json", {"a": 1})

    play(tmp_path, code, scene)


def test_a_ping_is_answered_during_a_long_call(tmp_path: Path) -> None:
    """And calls wait for each other."""
    code = """
    import threading
    gate, running, most = threading.Event(), [0], [0]
    def model_fn(d): return None
    def predict_fn(data, model):
        running[0] += 1
        most[0] = max(most[0], running[0])
        gate.wait(10)
        running[0] -= 1
        return most[0]
    """

    async def scene(site: Site) -> None:
        import inference  # type: ignore[import-not-found]

        asking = [asyncio.ensure_future(site.ask()) for _ in range(3)]
        await until(lambda: inference.running[0] > 0)
        assert (await site.get("/ping")).status == 200
        assert (await site.get("/info")).json["engine"]["in_flight"] == 3
        inference.gate.set()
        assert [(await reply).json for reply in asking] == [1, 1, 1]

    play(tmp_path, code, scene)


def test_past_its_deadline_a_call_is_504_and_the_next_one_is_answered(tmp_path: Path) -> None:
    """A call that runs cannot be ended; one that waits is spared."""
    code = """
    import threading
    gate, calls = threading.Event(), []
    def model_fn(d): return None
    def predict_fn(data, model):
        calls.append(data)
        if data == "slow":
            gate.wait(10)
        return data
    """

    async def scene(site: Site) -> None:
        import inference

        slow = asyncio.ensure_future(site.ask("slow"))
        await until(lambda: inference.calls)
        waiting = await site.ask("waiting")
        assert (waiting.status, waiting.json["type"]) == (504, "DeadlineExceeded")
        assert (await slow).status == 504
        inference.gate.set()
        assert (await site.ask("next")).json == "next"
        assert inference.calls == ["slow", "next"]

    play(tmp_path, code, scene, deadline_s=0.2)


def test_a_call_that_hangs_long_after_its_deadline_makes_the_process_unhealthy(tmp_path: Path) -> None:
    """The supervisor then ends it; the ping says why."""
    code = """
    import threading
    gate = threading.Event()
    def model_fn(d): return None
    def predict_fn(data, model): gate.wait(10)
    """

    async def scene(site: Site) -> None:
        import inference

        own = site.service.model
        own._stuck_s = 0.01  # type: ignore[union-attr]
        assert (await site.ask()).status == 504
        live = await site.get("/health/live")
        assert live.status == 503
        assert "has been running for" in live.json["message"]
        assert (await site.get("/ping")).status == 503
        inference.gate.set()

    play(tmp_path, code, scene, deadline_s=0.05)


def test_functions_run_off_the_event_loops_thread(tmp_path: Path) -> None:
    """Loading too."""
    code = """
    import threading
    def model_fn(d): return threading.current_thread().name
    def predict_fn(data, model): return [model, threading.current_thread().name]
    """

    async def scene(site: Site) -> None:
        names = set((await site.ask()).json)
        assert threading.current_thread().name not in names
        assert len(names) == 1

    play(tmp_path, code, scene)


def test_an_answer_that_cannot_be_written_is_406_or_500(tmp_path: Path) -> None:
    """By what was accepted; by what was returned."""
    code = """
    def model_fn(d): return None
    def predict_fn(data, model): return object() if data == "odd" else [{"a": 1}]
    """

    async def scene(site: Site) -> None:
        assert (await site.ask(Accept="image/png")).status == 406
        assert (await site.ask(Accept="text/csv")).body == b"a\r\n1\r\n"
        assert (await site.ask("odd")).status == 500

    play(tmp_path, code, scene)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "import no_such_package_at_all",
            r"Cannot import inference\.py: ModuleNotFoundError: .* \(inference\.py:1\)",
        ),
        ("x = 1\ny = x / 0", r"ZeroDivisionError: division by zero \(inference\.py:2\)"),
        ("raise SystemExit(1)", r"SystemExit"),
        ("from mate import x", r"\(mate\.py:2\)"),
    ],
)
def test_a_module_that_cannot_be_imported_fails_the_start_with_file_and_line(
    tmp_path: Path, text: str, said: str
) -> None:
    """The line in the user's own files, whichever of them it is."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "mate.py").write_text("\nraise RuntimeError('x')\n")
    with pytest.raises(HandlerError, match=said):
        load(tmp_path, text)


def test_a_model_fn_that_fails_ends_the_start_with_file_and_line(tmp_path: Path) -> None:
    """As an import does."""

    async def scene(site: Site) -> None:
        raise AssertionError(site)

    with pytest.raises(HandlerError, match=r"model_fn failed: OSError: no weights \(inference\.py:2\)"):
        play(tmp_path, "def model_fn(d):\n    raise OSError('no weights')\n", scene)


def test_code_written_for_the_stock_toolkits_runs(tmp_path: Path) -> None:
    """Its imports are stood in for, where they are not installed."""
    code = """
    from sagemaker_inference import content_types, decoder, encoder, errors
    from sagemaker_inference.default_inference_handler import DefaultInferenceHandler
    from sagemaker_huggingface_inference_toolkit import decoder_encoder

    def model_fn(model_dir): return 2

    def input_fn(data, content_type):
        return decoder_encoder.decode(data, content_type)

    def predict_fn(data, model):
        return decoder.decode("[1, 2]", content_types.JSON) * model

    def output_fn(prediction, accept):
        return encoder.encode(prediction, accept)
    """

    async def scene(site: Site) -> None:
        assert (await site.ask({"inputs": 1})).body == b"[2, 4]"
        unsupported = await site.ask(b"x", Content_Type="application/x-unheard-of")
        assert unsupported.status == 415

    play(tmp_path, code, scene)


def test_nothing_of_the_stock_toolkits_is_a_top_level_package_of_ours() -> None:
    """A wheel with one would overwrite the real one."""
    source = Path(__file__).resolve().parents[2] / "src"
    assert [path.name for path in source.iterdir() if path.is_dir() and not path.name.endswith(".egg-info")] == [
        "mooring"
    ]


def test_draining_waits_for_the_call_that_runs(tmp_path: Path) -> None:
    """And refuses what is new."""
    code = """
    import threading
    gate, running = threading.Event(), threading.Event()
    def model_fn(d): return None
    def predict_fn(data, model):
        running.set()
        gate.wait(10)
        return "done"
    """

    async def scene(site: Site) -> None:
        import inference

        asking = asyncio.ensure_future(site.ask())
        await asyncio.to_thread(inference.running.wait, 5)
        draining = asyncio.ensure_future(site.service.drain(5))
        await asyncio.sleep(0)
        assert (await site.ask()).status == 503
        assert (await site.get("/ping")).status == 503
        inference.gate.set()
        assert await draining
        assert (await asking).json == "done"

    play(tmp_path, code, scene)
