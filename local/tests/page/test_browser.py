"""The page in a real browser, over a real local SageMaker with the real model."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.tests.page.browser import Browser, browser, found
from mooring_local.server import LocalSageMaker, Options

pytestmark = [
    pytest.mark.wire,
    pytest.mark.skipif(found() is None, reason="no Chromium is installed"),
]

CONTRAST = """(() => {
  const light = (c) => c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4;
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const bright = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
  const ground = (node) => {
    for (let one = node; one; one = one.parentElement) {
      const color = parse(getComputedStyle(one).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll("body *")].filter((node) =>
    node.checkVisibility() && [...node.childNodes].some((c) => c.nodeType === 3 && c.textContent.trim())
  ).map((node) => {
    const [a, b] = [bright(parse(getComputedStyle(node).color)), bright(ground(node))].sort((x, y) => y - x);
    return [(a + 0.05) / (b + 0.05), node.className + ": " + node.textContent.slice(0, 40)];
  }).filter(([ratio]) => ratio < 4.5);
})()"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalSageMaker]:
    """A local SageMaker with nothing in it."""
    one = LocalSageMaker(Options(tmp_path / "data", port=0, time_scale=0.0))
    one.start()
    yield one
    one.stop()


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Browser]:
    """A browser's."""
    with browser(tmp_path / "profile") as one:
        yield one


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


def test_an_endpoint_appears_and_is_asked(server: LocalSageMaker, tab: Browser) -> None:
    """From the empty page, without a reload, with the keyboard alone; legible in both schemes; then the server goes."""
    tab.go(f"{server.url}/")
    tab.until("document.body?.innerText.includes('No endpoint yet')")
    assert "moor deploy --name qa" in tab.text()
    tab.press("Tab")
    assert tab.run("document.activeElement.innerText") == "Skip to content"

    make_endpoint(server.url, "qa")
    tab.until("document.querySelector('.items')?.innerText.includes('InService')")
    tab.until("document.querySelector('#question')")
    tab.run("document.querySelector('#question').focus(); document.querySelector('#question').select()")
    tab.call("Input.insertText", text="What does the crew throw?")
    tab.press("Tab")
    assert tab.run("document.activeElement.id") == "context"
    tab.call("Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", modifiers=2)
    tab.until("document.querySelector('.said')")
    assert "heaving line" in tab.run("document.querySelector('.said').innerText")
    assert tab.run("document.querySelector('mark').innerText === document.querySelector('.said').innerText")
    assert "variant blue" in tab.text()
    tab.until("document.querySelector('.log').innerText.includes('is ready')")
    for scheme in ("light", "dark"):
        tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        assert tab.run(CONTRAST) == []
    # What was typed is still there after the next polls, and the page fits a small screen.
    polls = "performance.getEntriesByType('resource').filter((one) => one.name.endsWith('overview')).length"
    tab.until(f"{polls} >= {tab.run(polls) + 2}")
    assert tab.run("document.querySelector('#question').value") == "What does the crew throw?"
    tab.call("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=1, mobile=False)
    assert tab.run("document.documentElement.scrollWidth") <= 390
    assert tab.errors == []

    stopping = threading.Thread(target=server.stop)
    stopping.start()
    tab.until("document.querySelector('#live-text').innerText.includes('does not answer')")
    stopping.join()


def test_what_is_wrong_is_told(server: LocalSageMaker, tab: Browser) -> None:
    """A failed endpoint has its reason, a body that is none the model's own words, a name that is gone a way back."""
    make_endpoint(server.url, "qa")
    sagemaker = client("sagemaker", server.url)
    role = "arn:aws:iam::123456789012:role/SageMakerLocal"
    sagemaker.create_model(ModelName="odd", PrimaryContainer={"Image": "nginx"}, ExecutionRoleArn=role)
    variant = {"VariantName": "v", "ModelName": "odd", "InitialInstanceCount": 1, "InstanceType": "ml.c7i.large"}
    sagemaker.create_endpoint_config(EndpointConfigName="odd", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="odd", EndpointConfigName="odd")

    tab.go(f"{server.url}/_mooring/#/endpoints/odd")
    tab.until("document.querySelector('[role=alert]')?.innerText.includes('nginx')")
    tab.go(f"{server.url}/_mooring/#/endpoints/gone")
    tab.until("document.body.innerText.includes('There is no gone any more')")
    tab.go(f"{server.url}/_mooring/#/endpoints/qa")
    tab.until("document.querySelector('form')")
    tab.run("document.querySelector('form details').open = true")
    tab.until("document.querySelector('#raw').value")
    tab.run("document.querySelector('#raw').value = '{\"inputs\": 5}'")
    tab.run("document.querySelector('form').requestSubmit()")
    tab.until("document.querySelector('.answer .callout')?.innerText.includes('ModelError')")
    assert "424" in tab.run("document.querySelector('.answer summary').innerText")


def test_names_are_text(server: LocalSageMaker, tab: Browser) -> None:
    """A key that looks like markup is shown as it is; sections are reached by their addresses; objects by folders."""
    s3 = client("s3", server.url)
    s3.create_bucket(Bucket="data")
    s3.put_object(Bucket="data", Key="in/<img src=x onerror=document.title=1>", Body=b"1")

    tab.go(f"{server.url}/_mooring/#/buckets")
    tab.until("document.querySelector('td a')")
    tab.run("document.querySelector('td a').click()")
    tab.until("document.body.innerText.includes('in/')")
    tab.run("document.querySelector('td a').click()")
    tab.until("document.querySelector('td a')?.innerText.startsWith('<img src=x')")
    shell = f"moor local env --port {server.url.rpartition(':')[2]})"
    for section, said in (("models", "No model yet"), ("jobs", "No transform job yet"), ("connect", shell)):
        tab.go(f"{server.url}/_mooring/#/{section}")
        tab.until(f"document.body.innerText.includes('{said}')")
    assert tab.errors == []


def test_an_address_that_is_none_leads_to_the_endpoints(server: LocalSageMaker, tab: Browser) -> None:
    """Also one that is a word of JavaScript's own, or no address at all."""
    for typed in ("constructor", "%", "nothing"):
        tab.go("about:blank")
        tab.go(f"{server.url}/_mooring/#/{typed}")
        tab.until("document.body?.innerText.includes('No endpoint yet')")
    assert tab.errors == []
