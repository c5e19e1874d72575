"""huggingface_hub's InferenceClient as it is released, given nothing but the server's address."""

from collections.abc import Iterator

import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError

from mooring.container.proxy import find_nginx
from mooring.testing.server import running_server
from tests.support.tiny_models import write_tiny_bert

pytestmark = pytest.mark.wire


@pytest.fixture(scope="module", params=["none", "nginx"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a server that listens by itself, and of one behind nginx."""
    if request.param == "nginx" and find_nginx() is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")
    folder = write_tiny_bert(tmp_path_factory.mktemp("models") / "tiny")
    with running_server(str(folder), "--front", request.param, "--max-body-bytes", "2000000") as server:
        yield server.url


@pytest.fixture(params=[None, "hf-inference"])
def client(url: str, request: pytest.FixtureRequest) -> InferenceClient:
    """The shortest form, and with the name of the only provider whose health this version looks at."""
    return InferenceClient(url, provider=request.param)


CONTEXT = "The king lives near the river."


def test_a_question_is_answered(client: InferenceClient, url: str) -> None:
    """One answer, and several; also at the address of a model's id."""
    one = client.question_answering(question="who ?", context=CONTEXT)
    assert CONTEXT[one.start : one.end] == one.answer  # type: ignore[union-attr]
    assert client.question_answering(question="who ?", context=CONTEXT, model=f"{url}/models/me/my-model") == one
    several = client.question_answering(question="who ?", context=CONTEXT, top_k=3)
    assert len(several) == 3
    assert all(CONTEXT[answer.start : answer.end] == answer.answer for answer in several)
    alone = client.question_answering(question="who ?", context="king", top_k=3)
    assert [answer.answer for answer in alone] == ["king"]


def test_health_and_information(url: str) -> None:
    """By the names that Inference Endpoints have."""
    client = InferenceClient(url, provider="hf-inference")
    assert client.health_check() is True
    assert client.get_endpoint_info()["ready"] is True


def test_errors_show_our_message(client: InferenceClient, url: str) -> None:
    """Of the model's own fault, of the path's, and of a body that nginx refuses where it stands in front."""
    with pytest.raises(HfHubHTTPError, match="/inputs/question: the text is empty"):
        client.question_answering(question="", context=CONTEXT)
    with pytest.raises(HfHubHTTPError, match="the limit is 2000000"):
        client.question_answering(question="who ?", context="x" * 2_000_001)
    with pytest.raises(HfHubHTTPError, match="Send inference requests to POST /invocations"):
        client.question_answering(question="who ?", context=CONTEXT, model=f"{url}/nowhere")
    with pytest.raises(HfHubHTTPError, match=r"Supported: GET, HEAD\. Send inference requests to POST /invocations"):
        client.question_answering(question="who ?", context=CONTEXT, model=f"{url}/ping")
