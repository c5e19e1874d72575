"""What the page is given, and what it may do: in process."""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from mooring_local.app import Doors, LocalApp
from mooring_local.fleet.logbook import Logbook
from mooring_local.objects.store import ObjectStore
from mooring_local.page import view
from mooring_local.page.routes import routes
from mooring_local.page.view import Sources
from mooring_local.state import State
from tests.support.asgi import Client, Reply

CONFIG: Mapping[str, Any] = {
    "EndpointConfigName": "c",
    "ProductionVariants": [
        {"VariantName": "blue", "ModelName": "m", "InitialInstanceCount": 2, "InstanceType": "ml.c7i.large"},
        {"VariantName": "green", "ModelName": "m", "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}},
    ],
}


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    """Of a local SageMaker that has nothing."""
    logbook = Logbook(tmp_path / "logs")
    return Sources(State(tmp_path / "state.sqlite"), ObjectStore(tmp_path / "s3"), logbook, tmp_path)


def get(sources: Sources, path: str, query: str = "", headers: Mapping[str, str] | None = None) -> Reply:
    """One request, as `local/app.py` would hand it over."""

    async def elsewhere(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    app = LocalApp({}, Doors(elsewhere, elsewhere, routes(sources)), frozenset({"127.0.0.1", "localhost"}))
    method = "POST" if path.startswith("/endpoints/") else "GET"
    client = Client(app, query=query)
    return asyncio.run(client.call(method, path, headers={"host": "127.0.0.1:4567", **(headers or {})}))


def endpoint(name: str, created: float, **more: Any) -> dict[str, Any]:
    """A document, as DescribeEndpoint has it."""
    base = {"EndpointName": name, "EndpointConfigName": "c", "EndpointStatus": "Creating", "CreationTime": created}
    return {**base, **more}


class TestOverview:
    def test_of_nothing(self, sources: Sources) -> None:
        """Empty lists, and where things will be."""
        found = get(sources, "/_mooring/api/overview").json

        assert [found[name] for name in ("endpoints", "models", "jobs", "buckets")] == [[], [], [], []]
        assert found["data"] == str(sources.data)

    def test_of_endpoints(self, sources: Sources) -> None:
        """The newest first; variants as configured until they run, then as they are."""
        sources.state.put("endpoint-config", "c", CONFIG)
        sources.state.put("endpoint", "old", endpoint("old", 1.0, EndpointStatus="Failed", FailureReason="why"))
        running = {
            "VariantName": "blue",
            "DeployedImages": [{"SpecifiedImage": "mooring"}],
            "CurrentWeight": 1.0,
            "CurrentInstanceCount": 1,
            "DesiredInstanceCount": 2,
        }
        sources.state.put("endpoint", "new", endpoint("new", 2.0, ProductionVariants=[running]))

        new, old = view.overview(sources)["endpoints"]

        assert (new["name"], old["name"], old["reason"]) == ("new", "old", "why")
        assert [one["kind"] for one in old["variants"]] == ["ml.c7i.large", "serverless, 2048 MB"]
        (blue,) = new["variants"]
        assert (blue["model"], blue["image"], blue["instances"], blue["wanted"]) == ("m", "mooring", 1, 2)

    def test_of_models_and_jobs(self, sources: Sources) -> None:
        """Model data in either of its ways; jobs with their input and their reason."""
        source = {"S3DataSource": {"S3Uri": "s3://b/folder/", "S3DataType": "S3Prefix", "CompressionType": "None"}}
        containers = [{"Image": "a", "ModelDataUrl": "s3://b/m.tar.gz"}, {"Image": "b", "ModelDataSource": source}]
        sources.state.put("model", "m", {"ModelName": "m", "CreationTime": 1.0, "Containers": containers})
        job = {
            "TransformJobName": "j",
            "TransformJobStatus": "Failed",
            "FailureReason": "bad",
            "ModelName": "m",
            "TransformInput": {"DataSource": {"S3DataSource": {"S3Uri": "s3://b/in/"}}},
            "TransformOutput": {"S3OutputPath": "s3://b/out"},
        }
        sources.state.put("transform-job", "j", job)

        found = view.overview(sources)

        assert [one["data"] for one in found["models"][0]["containers"]] == ["s3://b/m.tar.gz", "s3://b/folder/"]
        (shown,) = found["jobs"]
        assert (shown["input"], shown["output"], shown["reason"]) == ("s3://b/in/", "s3://b/out", "bad")

    def test_of_endpoints_with_several_models(self, sources: Sources) -> None:
        """Which header says which model, and which there are."""
        sources.state.put("endpoint-config", "c", CONFIG)
        sources.state.put("endpoint", "e", endpoint("e", 1.0))
        assert view.overview(sources)["endpoints"][0]["target"] is None

        container = {"Image": "mooring", "Mode": "MultiModel", "ModelDataUrl": "s3://data/models/"}
        sources.state.put("model", "m", {"ModelName": "m", "PrimaryContainer": container})
        assert view.overview(sources)["endpoints"][0]["target"]["names"] == []
        sources.store.create_bucket("data")
        for key in ("models/a.tar.gz", "models/deep/b.tar.gz", "models/readme"):
            sources.store.put("data", key, b"")
        target = view.overview(sources)["endpoints"][0]["target"]
        assert target["header"] == "X-Amzn-SageMaker-Target-Model"
        assert target["names"] == ["a.tar.gz", "deep/b.tar.gz"]

        component = {"InferenceComponentName": "ic", "EndpointName": "e"}
        sources.state.put("inference-component", "ic", component)
        target = view.overview(sources)["endpoints"][0]["target"]
        assert (target["header"], target["names"]) == ("X-Amzn-SageMaker-Inference-Component", ["ic"])


class TestLogs:
    def test_are_the_last_lines_of_all_instances_by_time(self, sources: Sources) -> None:
        """No more than are shown, and none of them long."""
        group = "/aws/sagemaker/Endpoints/e"
        for at in range(400):
            sources.logbook.append(group, f"AllTraffic/i-{at % 2}", f"line {at}", at=1000.0 + at)
        sources.logbook.append(group, "AllTraffic/i-0", "x" * 9000, at=2000.0)

        lines = get(sources, "/_mooring/api/endpoints/e/log").json

        assert len(lines) == view.LOG_LINES
        assert [line["text"] for line in lines[-3:-1]] == ["line 398", "line 399"]
        assert len(lines[-1]["text"]) == view.LONGEST_LINE

    def test_of_a_job_are_its_own(self, sources: Sources) -> None:
        """Not those of a job whose name begins alike; without the job's name before each."""
        for stream in ("job/i-1", "job/i-1/data-log", "job-2/i-9"):
            sources.logbook.append("/aws/sagemaker/TransformJobs", stream, stream)

        lines = get(sources, "/_mooring/api/jobs/job/log").json

        assert sorted(line["stream"] for line in lines) == ["i-1", "i-1/data-log"]
        assert get(sources, "/_mooring/api/jobs/none/log").json == []


class TestBuckets:
    def test_are_folders(self, sources: Sources) -> None:
        """Folders and objects of one level, a page at a time."""
        sources.store.create_bucket("data")
        for number in range(view.BUCKET_PAGE + 5):
            sources.store.put("data", f"in/{number:03}", b"12")
        sources.store.put("data", "top.json", b"{}", "application/json")

        top = get(sources, "/_mooring/api/buckets/data").json
        assert top["folders"] == ["in/"]
        assert [(one["key"], one["size"], one["content_type"]) for one in top["objects"]] == [
            ("top.json", 2, "application/json")
        ]
        first = get(sources, "/_mooring/api/buckets/data", "prefix=in/").json
        assert len(first["objects"]) == view.BUCKET_PAGE
        second = get(sources, "/_mooring/api/buckets/data", f"prefix=in/&after={first['next']}").json
        assert (len(second["objects"]), second["next"]) == (5, "")

    def test_objects_are_saved_and_never_shown(self, sources: Sources) -> None:
        """An object may be a page with scripts; its name may be anything."""
        sources.store.create_bucket("data")
        sources.store.put("data", 'a/evil "ü".html', b"<script>", "text/html")

        reply = get(sources, "/_mooring/api/buckets/data/object", "key=a/evil%20%22%C3%BC%22.html")

        assert reply.body == b"<script>"
        assert reply.headers["content-type"] == "application/octet-stream"
        assert reply.headers["content-disposition"] == "attachment; filename*=UTF-8''evil%20%22%C3%BC%22.html"

    def test_what_is_not_there(self, sources: Sources) -> None:
        """404 and a sentence, as JSON."""
        assert get(sources, "/_mooring/api/buckets/none").status == 404
        assert get(sources, "/_mooring/api/buckets/none").json["code"] == "NoSuchBucket"
        assert (
            "Object 'k' not found in bucket none"
            in get(sources, "/_mooring/api/buckets/none/object", "key=k").json["message"]
        )


class TestSafety:
    def test_the_page_may_load_from_this_server_alone(self, sources: Sources) -> None:
        """All its files are there, those of the page of `moor serve` too, and nothing points elsewhere."""
        reply = get(sources, "/_mooring/")
        page, policy = reply.body.decode(), reply.headers["content-security-policy"]

        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert reply.headers["x-content-type-options"] == "nosniff"
        waiting, seen = set(re.findall(r'(?:src|href)="(page/[^"]+)"', page)), set()
        while waiting:
            name = waiting.pop()
            seen.add(name)
            file = get(sources, f"/_mooring/{name}")
            text = file.body.decode()
            assert (file.status, file.headers["content-security-policy"]) == (200, policy), name
            assert set(re.findall(r"https?://[^\s\"'`]+", text)) <= {"http://www.w3.org/2000/svg"}, name
            assert "innerHTML" not in text
            folder = name.rpartition("/")[0]
            waiting |= {f"{folder}/{one}" for one in re.findall(r'from "\./([^"]+)"', text)} - seen
        assert {"page/endpoints.js", "page/shared/result.js"} < seen
        assert re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page) == []
        assert get(sources, "/_mooring/page/none.js").status == 404

    def test_a_browser_is_sent_to_it(self, sources: Sources) -> None:
        """From the root, and from the name without a slash."""
        assert get(sources, "/", headers={"accept": "text/html"}).headers["location"] == "/_mooring/"
        assert get(sources, "/_mooring").headers["location"] == "/_mooring/"
        assert get(sources, "/_mooring/none").status == 404

    @pytest.mark.parametrize("path", ["/_mooring/", "/_mooring/api/overview", "/endpoints/e/invocations"])
    def test_no_other_site_comes_in(self, sources: Sources, path: str) -> None:
        """By a name that was made to point here, or from a page of its own; this page and programs do."""
        assert get(sources, path, headers={"host": "evil.example:4567"}).status == 403
        assert get(sources, path, headers={"origin": "http://evil.example"}).status == 403
        assert get(sources, path, headers={"origin": "null"}).status == 403
        assert get(sources, path, headers={"origin": "http://127.0.0.1:4567"}).status in (200, 299)
        assert get(sources, path, headers={"host": "localhost:4567"}).status in (200, 299)
