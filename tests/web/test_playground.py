"""The page in a real browser, on a real server with a model for every task."""

import itertools
import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect, sync_playwright

from mooring.testing import RunningServer, running_server
from tests.support.golden_sentences import write
from tests.support.tiny_models import write_tiny_bert

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
PATIENCE_MS = 60_000
XSS = "<img src=x onerror=\"document.title='pwned'\"><script>document.title='pwned'</script>"
WINDOWS = 40
PLAIN = ("text-ranking", "feature-extraction")
"""Tasks for which InferenceClient has no method."""

pytestmark = [
    pytest.mark.wire,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The embedded model, and a small one for each other head. A request that would wait at all is refused."""
    folder = tmp_path_factory.mktemp("models")
    nli = {"0": "contradiction", "1": "neutral", "2": "entailment"}
    folders = {
        "entities": write_tiny_bert(folder / "entities", head="token", id2label={"0": f"B-{XSS}", "1": f"I-{XSS}"}),
        "masks": write_tiny_bert(folder / "masks", head="masked"),
        "ranks": write_tiny_bert(folder / "ranks", head="sequence", id2label={"0": "LABEL_0"}),
        "nli": write_tiny_bert(folder / "nli", head="sequence", id2label=nli),
        "sentences": write("bert-mean", folder / "sentences"),
    }
    limits = ("--max-queue-ms", "0", "--max-windows", str(WINDOWS))
    with running_server(
        "embedded", *(f"{name}={path}" for name, path in folders.items()), *limits, timeout_s=300
    ) as one:
        yield one


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. It and Playwright's own process end with the tests of this file."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS) as one:
        yield one
    expect.set_options(timeout=None)


@pytest.fixture
def errors() -> list[str]:
    """What the page throws, or writes to the console as an error, such as a breach of its policy."""
    return []


@pytest.fixture
def tab(server: RunningServer, browser: Browser, errors: list[str]) -> Iterator[Page]:
    """The page, ready to ask the embedded model."""
    with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)

        def heard(message: ConsoleMessage) -> None:
            if message.type == "error" and "Failed to load resource" not in message.text:
                errors.append(message.text)

        page.on("console", heard)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{server.url}/")
        expect(page.locator("#state-text")).to_have_text("ready")
        expect(page.locator("#model-name")).to_have_value("embedded")
        yield page


def ask(tab: Page, question: str, text: str | None = None) -> None:
    """A question, through the form."""
    if text is not None:
        tab.locator("#text").fill(text)
    tab.locator("#question").fill(question)
    tab.locator("#send").click()


def grave(tab: Page) -> list[str]:
    """What axe finds that is serious."""
    found = Axe().run(tab).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found if one["impact"] in ("serious", "critical")]


def test_ask_and_see(tab: Page, errors: list[str]) -> None:
    """With the keyboard alone; then by its suggestions, back to an earlier question, and as a program."""
    expect(tab.locator("#text")).to_have_value(re.compile("^The Eddystone lighthouse"))
    tab.locator("#question").press("Control+Enter")
    expect(tab.locator(".said")).to_have_text("Henry Winstanley")
    expect(tab.locator("#mirror mark.best")).to_have_text("Henry Winstanley")
    expect(tab.locator(".timeline .legend li")).to_have_count(5)

    tab.locator(".bars button").nth(1).click()
    second = tab.locator(".bars button").nth(1).locator(".name").inner_text()
    expect(tab.locator("#mirror mark.best")).to_have_text(second)
    tab.locator("#try button").first.click()
    expect(tab.locator(".said")).to_have_text("14 November 1698")
    tab.locator(".questions button", has_text="Who built").click()
    expect(tab.locator("#mirror mark.best")).to_have_text("Henry Winstanley")
    expect(tab.locator("#question")).to_have_value("Who built the first lighthouse?")

    expect(tab.locator("#request pre")).to_contain_text("curl -s")
    for name, part in (
        ("Python", "client.question_answering("),
        ("JavaScript", "await fetch("),
        ("SageMaker", "invoke"),
    ):
        tab.get_by_role("tab", name=name).click()
        expect(tab.locator("#request pre")).to_contain_text(part)
    # Typing takes the marks away: they would be in the wrong place.
    tab.locator("#text").press("x")
    expect(tab.locator("#mirror mark")).to_have_count(0)
    assert errors == []


def test_what_is_about_another_text_goes(tab: Page, errors: list[str]) -> None:
    """The sample's questions, and earlier ones: with them would come answers to a text that is not shown."""
    tab.locator("#try button").first.click()
    expect(tab.locator(".said")).to_have_text("14 November 1698")
    ask(tab, "Who built the first lighthouse?")
    expect(tab.locator(".questions button")).to_have_count(2)
    tab.locator("#clear").click()
    expect(tab.locator("#try")).to_be_hidden()
    ask(tab, "Who wrote it?", "Ada wrote it.")
    expect(tab.locator(".said")).to_have_text("Ada")
    expect(tab.locator(".questions button")).to_have_count(0)
    assert errors == []


def test_an_answer_is_waited_for(tab: Page, errors: list[str]) -> None:
    """Also if the server is not reached meanwhile. It is not shown in the form of another model."""
    held: list[Route] = []
    tab.route("**/invocations", lambda route: held.append(route))
    ask(tab, "Who wrote it?", "Ada wrote it.")
    expect(tab.locator("#send")).to_have_text("Waiting …")
    tab.route("**/ping", lambda route: route.abort())
    for state in ("no response", "ready"):
        tab.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(tab.locator("#state-text")).to_have_text(state)
        tab.unroute("**/ping")
    held.pop().continue_()
    expect(tab.locator(".said")).to_have_text("Ada")

    ask(tab, "Who wrote this?")
    expect(tab.locator("#send")).to_have_text("Waiting …")
    tab.locator("#model-name").select_option("masks")
    held.pop().continue_()
    expect(tab.locator("#send")).to_be_enabled()
    expect(tab.locator("#send")).to_have_text("Predict")
    expect(tab.locator("#out")).to_be_empty()
    assert errors == []


def test_a_server_that_hangs_is_shown_as_such(tab: Page, errors: list[str]) -> None:
    """With less patience than usual."""
    tab.add_init_script("const own = AbortSignal.timeout; AbortSignal.timeout = () => own.call(AbortSignal, 300)")
    tab.route("**/ping", lambda _: None)
    tab.reload()
    expect(tab.locator("#state-text")).to_have_text("no response")
    assert errors == []


@pytest.mark.parametrize(
    ("text", "question", "answer"),
    [
        ("😀😀 Zoë Müller wrote the 📖 book in Zürich. 🎉", "Who wrote the book?", "Zoë Müller"),
        ("北京 北京 🀄 The tower was built by Li Wei in 1420. 北京", "Who built the tower?", "Li Wei"),
        ("שלום עולם. The bridge was built by Dan Levi in 1901. مرحبا", "Who built the bridge?", "Dan Levi"),
    ],
)
def test_marks_are_in_the_right_place(tab: Page, errors: list[str], text: str, question: str, answer: str) -> None:
    """Whatever number of UTF-16 units a character has, and whichever way it is written."""
    ask(tab, question, text)
    expect(tab.locator(".said")).to_contain_text(answer)
    expect(tab.locator("#mirror mark.best")).to_have_text(tab.locator(".said").inner_text())
    assert tab.locator("#mirror").inner_text().rstrip("\u200b") == text
    assert errors == []


def test_windows_are_bracketed(tab: Page, errors: list[str]) -> None:
    """As many as the server counts, from the start of the text to its end, overlapping."""
    text = "The river runs on and on through the valley. " * 60 + "The key lies under the red stone."
    ask(tab, "Where is the key?", text)
    expect(tab.locator(".said")).to_contain_text("red stone")
    paths = tab.locator("#gutter path title")
    expect(paths).not_to_have_count(0)
    places = [tuple(map(int, re.findall(r"\d+", one.replace(",", ""))[1:])) for one in paths.all_text_contents()]
    count = int(re.findall(r"(\d+) windows", tab.locator(".answer").inner_text())[0])
    assert len(places) == count > 1
    assert places[0][0] == 0
    assert places[-1][1] == len(text)
    assert all(after[0] < before[1] < after[1] for before, after in itertools.pairwise(places))
    assert tab.evaluate("editor.scrollTop") > 0, "the answer is brought into view"
    assert errors == []


def test_every_task_has_a_view(tab: Page, server: RunningServer, errors: list[str]) -> None:
    """That of each model, with the sample that the form begins with."""
    tasks = [(name, task) for name, facts in server.info()["models"].items() for task in facts["model"]["tasks"]]
    assert len({task for _, task in tasks}) == 9
    seen = {
        "question-answering": ".bars",
        "token-classification": "#mirror mark.entity",
        "sentence-embeddings": ".matrix",
        "feature-extraction": ".strips",
    }
    for name, task in tasks:
        tab.locator("#model-name").select_option(name)
        if tab.locator("#task").count():
            tab.locator("#task").select_option(task)
        tab.locator("#send").click()
        expect(tab.locator(seen.get(task, ".answer .bars")).first).to_be_visible()
        expect(tab.locator(".answer details[open]")).to_have_count(0)
        tab.get_by_role("tab", name="Python").click()
        expect(tab.locator("#request pre")).to_contain_text("urlopen" if task in PLAIN else "InferenceClient")
    assert tab.title() == "Mooring"
    assert errors == []


def test_models_that_come_and_go_are_offered(browser: Browser, tmp_path: Path) -> None:
    """With --multi-model, without a reload, and while a form of another model is filled in."""
    with running_server(None, "--multi-model", timeout_s=300) as several, browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{several.url}/")
        expect(page.locator("#notice")).to_contain_text("No model is loaded yet")
        for name, folder in (
            ("qa", write_tiny_bert(tmp_path / "qa")),
            ("masks", write_tiny_bert(tmp_path / "masks", head="masked")),
        ):
            loaded = page.request.post(f"{several.url}/models", data={"model_name": name, "url": str(folder)})
            assert loaded.ok, loaded.text()
            if name == "qa":
                expect(page.locator("#send")).to_have_text("Ask")
                page.locator("#question").fill("Who?")
        select = page.locator("#model-name")
        expect(select.locator("option")).to_have_text(["masks", "qa"])
        expect(select).to_have_value("qa")
        expect(page.locator("#question")).to_have_value("Who?")
        page.locator("#send").click()
        expect(page.locator(".said")).to_be_visible()
        page.get_by_role("tab", name="Python").click()
        expect(page.locator("#request pre")).to_contain_text("/models/qa/invoke")
        select.focus()
        select.select_option("masks")
        expect(page.locator("#send")).to_have_text("Predict")
        expect(select).to_be_focused()
        page.request.delete(f"{several.url}/models/masks")
        expect(page.locator("#send")).to_have_text("Ask")
        expect(select).to_have_count(0)
        page.request.delete(f"{several.url}/models/qa")
        shutil.rmtree(tmp_path / "qa")
        write_tiny_bert(tmp_path / "qa", head="masked")
        loaded = page.request.post(f"{several.url}/models", data={"model_name": "qa", "url": str(tmp_path / "qa")})
        assert loaded.ok, loaded.text()
        expect(page.locator("#send")).to_have_text("Predict")  # another model under the same name and path


def test_it_works_behind_nginx(browser: Browser) -> None:
    """With its policy and both workers, whichever of them answers."""
    with (
        running_server(None, "--front", "nginx", "--workers", "2", timeout_s=300) as fronted,
        browser.new_context() as one,
    ):
        page = one.new_page()
        loaded = page.goto(f"{fronted.url}/")
        assert loaded is not None
        assert "default-src" in loaded.headers["content-security-policy"]
        expect(page.locator("#state-text")).to_have_text("ready")
        ask(page, "Who wrote it?", "Ada wrote it.")
        expect(page.locator(".said")).to_have_text("Ada")
        page.get_by_role("link", name="Live").click()
        for worker in ("Worker 1", "Worker 2"):
            expect(page.locator("#live-view")).to_contain_text(worker)


def test_what_is_typed_is_text(tab: Page, errors: list[str]) -> None:
    """Markup in any field, in a file and its name, and in a model's labels is shown as it is."""
    ask(tab, XSS, f"{XSS} Ada wrote {XSS} it.")
    expect(tab.locator(".answer .said")).to_be_visible()
    tab.locator("#options summary").click()
    tab.locator("#parameters").fill(json.dumps({XSS: XSS}))
    tab.locator("#send").click()
    expect(tab.locator(".callout")).to_contain_text("<img src=x")
    tab.get_by_role("tab", name="Python").click()
    expect(tab.locator("#request pre")).to_contain_text("urlopen")  # this is no name of an argument
    tab.locator("#file").set_input_files({"name": f"{XSS}.txt", "mimeType": "text/html", "buffer": b"\xff\x00"})
    expect(tab.locator("#counted")).to_contain_text("is not a text file")
    tab.locator("#file").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": f"é {XSS}".encode()})
    expect(tab.locator("#text")).to_have_value(f"é {XSS}")
    tab.locator("#model-name").select_option("entities")
    tab.locator("#send").click()
    expect(tab.locator(".legend .entity").first).to_have_text(XSS)
    assert tab.locator("main img, main script").count() == 0
    assert tab.title() == "Mooring"
    assert errors == []


def test_errors_are_sentences(tab: Page, server: RunningServer, errors: list[str]) -> None:
    """What went wrong and what to do next: nothing asked, too long, too busy, no server."""
    ask(tab, " ")
    expect(tab.locator("#out .callout")).to_have_text("Question is empty. Fill it in, then try again.")
    expect(tab.locator("#question")).to_be_focused()
    for given, reason in (("{", ""), ("5", "found 5"), ("null", "found null"), ("[1]", "found [1]")):
        tab.locator("#parameters").evaluate("(node, given) => { node.value = given }", given)
        ask(tab, "Who?")
        expect(tab.locator("#out .callout")).to_contain_text(f"The parameters are not a JSON object: {reason}")
    tab.locator("#parameters").fill("")

    ask(tab, "Who?", "one two three " * 12_000)
    expect(tab.locator("#out .callout")).to_contain_text("Too large")
    expect(tab.locator("#out .callout")).to_contain_text("status 413")

    with closing(busy(server)):
        expect(tab.locator("#send")).to_be_enabled()
        ask(tab, "Who is there?", "Ada is there.")
        expect(tab.locator("#out .callout")).to_contain_text("Too busy")
        expect(tab.locator("#out .callout")).to_contain_text(re.compile(r"Try again in \d+ s\."))

    tab.context.set_offline(True)
    ask(tab, "Who was there?", "Ada was there.")
    expect(tab.locator("#out .callout")).to_contain_text("The server does not respond. Check that moor serve is still")
    expect(tab.locator("#state-text")).to_have_text("no response")
    tab.context.set_offline(False)
    ask(tab, "Who was there?")
    expect(tab.locator(".said")).to_have_text("Ada")
    assert errors == []


def busy(server: RunningServer) -> socket.socket:
    """A connection with a request that computes for seconds, begun."""
    place = urlsplit(server.url)
    body = json.dumps({"question": "Who?", "context": "one two three " * 3_000}).encode()
    one = socket.create_connection((place.hostname, place.port), timeout=10)
    head = f"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    one.sendall(head.encode() + body)
    give_up = time.monotonic() + PATIENCE_MS / 1000
    while not server.info()["engine"].get("in_flight"):
        assert time.monotonic() < give_up, "the request did not get to the engine"
    return one


def test_live_shows_the_server(tab: Page, errors: list[str]) -> None:
    """Its numbers move, and it is found by its address."""
    ask(tab, "Who wrote it?", "Ada wrote it.")
    expect(tab.locator(".said")).to_have_text("Ada")
    tab.get_by_role("link", name="Live").click()
    requests = tab.locator(".tile", has_text="Requests")
    expect(requests.locator(".big")).to_have_text(re.compile(r"^\d+\.\d /s$"))
    for title in ("Latency", "Queue", "Batch fill", "Answer cache", "Errors"):
        expect(tab.locator(".tile", has_text=title)).to_be_visible()
    expect(tab.locator("#live-view")).to_contain_text("Status 200")
    expect(tab.locator("#live-view")).to_contain_text("tokens/s")
    assert grave(tab) == []
    tab.reload()
    expect(tab.locator("#live-view h1")).to_be_visible()
    assert errors == []


def test_it_is_accessible_in_both_schemes_and_fits_a_phone(tab: Page) -> None:
    """By axe's rules, with an answer shown; nothing is cut off, and every control has its size."""
    ask(tab, "Who wrote it?", "Ada wrote it.")
    expect(tab.locator(".said")).to_have_text("Ada")
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)
        assert grave(tab) == []
    tab.set_viewport_size({"width": 390, "height": 800})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    tab.keyboard.press("Tab")
    assert grave(tab) == []


def test_offsets_and_numbers(tab: Page) -> None:
    """The modules' own rules, against Python's."""
    text = "a😀b𝒳c é 北 \u200dd"
    script = """async (text) => {
      const { unitsOf, lengthOf } = await import(new URL("page/shared/text.js", document.baseURI));
      const unit = unitsOf(text), length = lengthOf(text);
      return Array.from({ length: length + 1 }, (_, point) => text.slice(0, unit(point)));
    }"""
    assert tab.evaluate(script, text) == [text[:end] for end in range(len(text) + 1)]
    metrics: Any = tab.evaluate(
        """async () => {
          const { buckets, parse, quantile, sum } = await import(new URL("page/prometheus.js", document.baseURI));
          const text = '# HELP a b\\n' + [["0.1", 2], ["0.2", 6], ["+Inf", 8]].flatMap(([le, n]) => [1, 2].map(
            (worker) => `s_bucket{worker="${worker}",le="${le}"} ${n / 2}`)).join("\\n") + '\\nn{a="b\\\\"c,}d"} 3';
          const found = buckets(parse(text), "s");
          return [found.map(([, total]) => total), quantile(found, 0.5), quantile(found, 1), quantile([], 0.5),
                  sum(parse(text), "n", ({ a }) => a.length > 3)];
        }"""
    )
    assert metrics[0] == [2, 6, 8]
    assert metrics[1] == pytest.approx(0.15)
    assert metrics[2:] == [0.2, None, 3]


REQUEST = """async ([model, task, body]) => {
  const { requestOf } = await import(new URL("page/server.js", document.baseURI));
  const { path, body: sent, client } = requestOf(model, task, body);
  const headers = { "Content-Type": "application/json" };
  return { client, value: await (await fetch(path, { method: "POST", headers, body: JSON.stringify(sent) })).json() };
}"""


def test_parameters_and_pairs_reach_every_task(tab: Page) -> None:
    """Also those that are not the model's own, which have other routes."""

    def answer(name: str, own: str, task: str, body: object) -> Any:
        model = {"name": name, "tasks": [own, task], "body": {"model": name}}
        return tab.evaluate(REQUEST, [model, task, body])

    pair = {"inputs": {"text": "a", "text_pair": "b"}, "parameters": {"function_to_apply": "none"}}
    found = answer("ranks", "text-ranking", "text-classification", pair)
    own = answer("ranks", "text-classification", "text-classification", pair)
    assert found["client"] == "models/ranks/pipeline/text-classification"
    assert found["value"] == [[own["value"]]]
    for normalize in (True, False):
        vectors = {"inputs": ["a"], "parameters": {"normalize": normalize}}
        (vector,) = answer("sentences", "feature-extraction", "sentence-embeddings", vectors)["value"]
        assert (sum(one * one for one in vector) == pytest.approx(1, abs=1e-3)) is normalize


def test_the_task_of_an_answer_is_told_by_its_shape(tab: Page) -> None:
    """If it is the answer to one text. Several have no view."""
    script = """async (values) => {
      const { taskOf } = await import(new URL("page/shared/answers.js", document.baseURI));
      return values.map(taskOf);
    }"""
    label, span, word = {"label": "a", "score": 1}, {"answer": "a", "score": 1}, {"token_str": "a", "score": 1}
    one = [span, [span], [[span]], [[label]], [word], [[word], [word]], [[0.5]], [[[0.5]]]]
    assert tab.evaluate(script, one) == [
        *["question-answering"] * 3,
        "text-classification",
        *["fill-mask"] * 2,
        "sentence-embeddings",
        "feature-extraction",
    ]
    assert tab.evaluate(script, [[[span], [span]], [[label], [label]], [[]], [], {}, None, "a"]) == [""] * 7


def test_what_is_copied_asks_the_same(tab: Page, server: RunningServer, tmp_path: Path) -> None:
    """The shell, Python and JavaScript repeat the request that was sent, quotes and all."""
    ask(tab, "Who said 'it's $HOME'?", 'Ada said "it\'s $HOME" \\ and `left` 😀.\nBob did not.')
    expect(tab.locator(".said")).to_be_visible()
    tab.locator(".answer summary").click()
    expected = json.loads(tab.locator(".answer pre").inner_text())
    tab.get_by_role("tab", name="curl").click()
    said = subprocess.run(["sh", "-c", tab.locator("#request pre").inner_text()], capture_output=True, check=True)
    assert json.loads(said.stdout) == expected
    tab.get_by_role("tab", name="Python").click()
    program = tmp_path / "asks.py"
    program.write_text(tab.locator("#request pre").inner_text(), encoding="utf-8")
    said = subprocess.run([sys.executable, str(program)], capture_output=True, check=True)
    assert expected[0]["answer"] in said.stdout.decode()
    tab.get_by_role("tab", name="JavaScript").click()
    copied = tab.locator("#request pre").inner_text()
    script = f"async () => {{ let said; const console = {{ log: (value) => (said = value) }}; {copied}\nreturn said }}"
    assert tab.evaluate(script) == expected
    tab.get_by_role("tab", name="boto3").click()  # needs an endpoint: the browser tests of mooring-local run it
    compile(tab.locator("#request pre").inner_text(), "copied", "exec")
