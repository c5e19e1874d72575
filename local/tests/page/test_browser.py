"""The page in a real browser, over a real local SageMaker with the real model."""

import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from mooring_local.server import LocalSageMaker, Options

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
PATIENCE_MS = 60_000

pytestmark = [
    pytest.mark.wire,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalSageMaker]:
    """A local SageMaker with nothing in it."""
    one = LocalSageMaker(Options(tmp_path / "data", port=0, time_scale=0.0))
    one.start()
    yield one
    one.stop()


@pytest.fixture(scope="module", autouse=True)
def _patience() -> Iterator[None]:
    """A busy machine takes longer than Playwright waits by default."""
    expect.set_options(timeout=PATIENCE_MS)
    yield
    expect.set_options(timeout=None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. It and Playwright's own process end with the tests of this file."""
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS) as one,
    ):
        yield one


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A tab with a profile of its own."""
    with browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        yield page


@pytest.fixture
def errors(tab: Page) -> list[str]:
    """What the page throws, or writes to the console as an error."""
    found: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error":
            found.append(message.text)

    tab.on("console", heard)
    tab.on("pageerror", lambda error: found.append(str(error)))
    return found


def client(service: str, url: str) -> Any:
    """Of boto3."""
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "thing"}
    return boto3.client(service, region_name="us-east-1", endpoint_url=url, **keys)


def make_endpoint(url: str, name: str) -> None:
    """Of the embedded model; not waited for."""
    sagemaker = client("sagemaker", url)
    role = "arn:aws:iam::123456789012:role/SageMakerLocal"
    sagemaker.create_model(ModelName=name, PrimaryContainer={"Image": "mooring"}, ExecutionRoleArn=role)
    variant = {"VariantName": "blue", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.c7i.large"}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)


def copied_programs_run(tab: Page, folder: Path) -> None:
    """The page's programs for boto3 and curl get the page's answer, without the credentials of this machine."""
    for name, program in (("Python (boto3)", [sys.executable]), ("curl", ["sh"])):
        tab.get_by_role("tab", name=name).click()
        file = folder / "copied"
        file.write_text(tab.locator(".code pre").first.inner_text(), encoding="utf-8")
        done = subprocess.run([*program, str(file)], capture_output=True, text=True, check=False, timeout=60)
        assert "heaving line" in done.stdout, done.stderr


def test_an_endpoint_appears_and_is_asked(server: LocalSageMaker, tab: Page, errors: list[str], tmp_path: Path) -> None:
    """From the empty page, without a reload, with the keyboard alone; legible in both schemes; then the server goes."""
    tab.goto(f"{server.url}/")
    expect(tab.locator("body")).to_contain_text("No endpoint yet")
    expect(tab.locator("body")).to_contain_text("moor deploy --name qa")
    tab.keyboard.press("Tab")
    expect(tab.locator(":focus")).to_have_text("Skip to content")

    make_endpoint(server.url, "qa")
    expect(tab.locator(".items")).to_contain_text("InService")
    tab.locator("#question").focus()
    tab.keyboard.press("Control+A")
    tab.keyboard.insert_text("What does the crew throw?")
    tab.keyboard.press("Tab")
    expect(tab.locator("#context")).to_be_focused()
    tab.keyboard.press("Control+Enter")
    expect(tab.locator(".said")).to_contain_text("heaving line")
    expect(tab.locator("mark.best")).to_have_text(tab.locator(".said").inner_text())
    expect(tab.locator("body")).to_contain_text("variant blue")
    expect(tab.locator(".code pre").first).to_contain_text("What does the crew throw?")
    expect(tab.locator(".log")).to_contain_text("is ready")
    copied_programs_run(tab, tmp_path)
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)
        found = Axe().run(tab).response["violations"]
        assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
    # What was typed is still there after the next polls, and the page fits a small screen.
    for _ in range(2):
        tab.wait_for_event("response", lambda response: response.url.endswith("overview"))
    expect(tab.locator("#question")).to_have_value("What does the crew throw?")
    tab.set_viewport_size({"width": 390, "height": 800})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    assert errors == []

    stopping = threading.Thread(target=server.stop)
    stopping.start()
    expect(tab.locator("#live-text")).to_contain_text("does not respond")
    stopping.join()


def test_what_is_wrong_is_told(server: LocalSageMaker, tab: Page) -> None:
    """A failed endpoint has its reason, a body that is none the model's own words, a name that is gone a way back."""
    make_endpoint(server.url, "qa")
    sagemaker = client("sagemaker", server.url)
    role = "arn:aws:iam::123456789012:role/SageMakerLocal"
    sagemaker.create_model(ModelName="odd", PrimaryContainer={"Image": "nginx"}, ExecutionRoleArn=role)
    variant = {"VariantName": "v", "ModelName": "odd", "InitialInstanceCount": 1, "InstanceType": "ml.c7i.large"}
    sagemaker.create_endpoint_config(EndpointConfigName="odd", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="odd", EndpointConfigName="odd")

    tab.goto(f"{server.url}/_mooring/#/endpoints/odd")
    expect(tab.get_by_role("alert").first).to_contain_text("nginx")
    tab.goto(f"{server.url}/_mooring/#/endpoints/gone")
    expect(tab.locator("body")).to_contain_text("Endpoint 'gone' not found")
    tab.goto(f"{server.url}/_mooring/#/endpoints/qa")
    tab.locator("form details summary").click()
    expect(tab.locator("#raw")).not_to_have_value("")
    tab.locator("#raw").fill('{"inputs": 5}')
    tab.evaluate("document.querySelector('form').requestSubmit()")
    refused = tab.locator(".answer .callout")
    expect(refused).to_contain_text("Invalid request")
    expect(refused).to_contain_text("/inputs: ")
    expect(refused).to_contain_text("status 424 · ModelError")
    nested = re.search(r"""\\|"(code|message)"|https:""", refused.inner_text())
    assert nested is None, "the model's own words, not JSON in JSON"


def test_names_are_text(server: LocalSageMaker, tab: Page, errors: list[str]) -> None:
    """A key that looks like markup is shown as it is; sections are reached by their addresses; objects by folders."""
    s3 = client("s3", server.url)
    s3.create_bucket(Bucket="data")
    s3.put_object(Bucket="data", Key="in/<img src=x onerror=document.title=1>", Body=b"1")

    tab.goto(f"{server.url}/_mooring/#/buckets")
    tab.locator("td a", has_text="data").click()
    tab.locator("td a", has_text="in/").click()
    expect(tab.locator("td a").first).to_have_text(re.compile("^<img src=x"))
    shell = f"moor local env --port {server.url.rpartition(':')[2]})"
    for section, said in (("models", "No model yet"), ("jobs", "No transform job yet"), ("connect", shell)):
        tab.goto(f"{server.url}/_mooring/#/{section}")
        expect(tab.locator("body")).to_contain_text(said)
    assert errors == []


def test_a_view_comes_back_after_an_error(server: LocalSageMaker, tab: Page) -> None:
    """Also with the same content as before; and a server that hangs is shown as such."""
    s3 = client("s3", server.url)
    tab.add_init_script("const own = AbortSignal.timeout; AbortSignal.timeout = () => own.call(AbortSignal, 2000)")
    s3.create_bucket(Bucket="data")
    tab.goto(f"{server.url}/_mooring/#/buckets/data")
    for change, said in (
        (lambda: None, "This folder is empty"),
        (lambda: s3.delete_bucket(Bucket="data"), "data"),
        (lambda: s3.create_bucket(Bucket="data"), "This folder is empty"),
    ):
        change()
        expect(tab.locator("main")).to_contain_text(said)
        expect(tab.locator("main .callout")).to_have_count(int(said == "data"))
    tab.route("**/api/overview", lambda _: None)
    expect(tab.locator("#live-text")).to_contain_text("does not respond")


@pytest.mark.parametrize("typed", ["constructor", "%", "nothing"])
def test_an_address_that_is_none_leads_to_the_endpoints(
    server: LocalSageMaker, tab: Page, errors: list[str], typed: str
) -> None:
    """Also one that is a word of JavaScript's own, or no address at all."""
    tab.goto(f"{server.url}/_mooring/#/{typed}")
    expect(tab.locator("body")).to_contain_text("No endpoint yet")
    assert errors == []
