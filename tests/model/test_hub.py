"""Downloading from a Hub: what is fetched, what is refused, and what is said when it does not work.

The Hub is the stand-in of `tests/support/hub_server.py`, on a real socket; the client is the real huggingface_hub.
"""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mooring.errors import HubError, HubRefused, ModelError, ModelIncomplete, UnsafeWeights
from mooring.model.folder import GRAPH_FILES, MANIFEST_FILE
from mooring.model.hub import fetch, wanted_files
from mooring.model.source import SourceOptions, resolve
from mooring.tasks.recognise import read_manifest
from tests.support.hub_server import TOKEN, HubServer, Repo
from tests.support.started import started
from tests.support.tiny_models import write_tiny_bert

SMALL = {"config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt"}


def test_safetensors_are_wanted_and_nothing_else() -> None:
    """Of a usual repository only config, tokenizer and the one weights file are fetched."""
    others = {"pytorch_model.bin", "tf_model.h5", "onnx/model.onnx", "README.md", ".gitattributes", "rust_model.ot"}
    wanted = wanted_files("x", frozenset({*SMALL, "model.safetensors", *others}))
    assert set(wanted) == {*SMALL, "model.safetensors"}


def test_shards_are_wanted_with_their_index() -> None:
    """Shards come with the index; beside a single file neither is fetched."""
    shards = {"model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}
    assert set(wanted_files("x", frozenset({*SMALL, *shards, "sub/a.safetensors"}))) == {*SMALL, *shards}
    assert set(wanted_files("x", frozenset({*SMALL, *shards, "model.safetensors"}))) == {*SMALL, "model.safetensors"}


def test_the_modules_of_sentence_transformers_are_wanted() -> None:
    """Their settings and dense layers, but neither pickles nor other formats; also around a transformer's subfolder."""
    modules = {
        "modules.json",
        "sentence_bert_config.json",
        "config_sentence_transformers.json",
        "1_Pooling/config.json",
        "2_Dense/config.json",
        "2_Dense/model.safetensors",
    }
    others = {"2_Dense/pytorch_model.bin", "onnx/model.onnx", "openvino/openvino_model.bin", "train_script.py"}
    names = {*SMALL, "model.safetensors", *modules}
    assert set(wanted_files("x", frozenset({*names, *others}))) == names
    inner = {f"0_Transformer/{name}" for name in (*SMALL, "model.safetensors", "sentence_bert_config.json")}
    names = {*inner, *modules - {"sentence_bert_config.json"}}
    assert set(wanted_files("x", frozenset({*names, *others, "0_Transformer/pytorch_model.bin"}))) == names


def test_a_built_model_is_wanted_without_its_origin() -> None:
    """Where `moor build`'s artefact was uploaded, the weights it was made from are not fetched."""
    names = frozenset({*SMALL, MANIFEST_FILE, *GRAPH_FILES, "model.safetensors"})
    assert set(wanted_files("x", names)) == {*SMALL, MANIFEST_FILE, *GRAPH_FILES}


@pytest.mark.parametrize(
    ("names", "kind", "says"),
    [
        ({*SMALL, "pytorch_model.bin"}, UnsafeWeights, "only pickled weights"),
        ({*SMALL}, ModelIncomplete, "lacks model.safetensors"),
        ({"model.safetensors"}, ModelIncomplete, r"lacks config\.json, tokenizer\.json"),
        (set(), ModelIncomplete, "lacks config.json, model.safetensors, tokenizer.json"),
        ({*SMALL, "openvino_model.bin"}, ModelIncomplete, "lacks model.safetensors"),
    ],
)
def test_what_cannot_be_served_is_refused_by_its_listing(names: set[str], kind: type[ModelError], says: str) -> None:
    """The names of a repository's files are enough to refuse it."""
    with pytest.raises(kind, match=says):
        wanted_files("x", frozenset(names))


def test_the_library_is_imported_for_a_hub_id_only() -> None:
    """Serving a folder never imports huggingface_hub."""
    script = "import sys, mooring.model.source as s; s.resolve('.'); print('huggingface_hub' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model, with the pickle that many repositories still have beside their safetensors."""
    folder = write_tiny_bert(tmp_path_factory.mktemp("hub") / "tiny")
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    return folder


@pytest.fixture
def hub(model: Path) -> Iterator[HubServer]:
    """A Hub with the model in all kinds of repositories."""
    pickled = {p.name: p.read_bytes() for p in model.iterdir() if p.suffix != ".safetensors"}
    repos = {
        "org/tiny": Repo.of(model, revisions=("main", "v1", "refs/pr/1")),
        "tiny": Repo.of(model),
        "org/gated": Repo.of(model, gated=True),
        "org/private": Repo.of(model, private=True),
        "org/pickled": Repo(pickled),
    }
    with HubServer(repos) as server:
        yield server


@pytest.fixture
def options(hub: HubServer, tmp_path: Path) -> Callable[..., SourceOptions]:
    """Options that lead to the stand-in and an empty cache."""

    def make(**changes: object) -> SourceOptions:
        return SourceOptions(**{"endpoint": hub.endpoint, "cache_dir": tmp_path / "cache", **changes})  # type: ignore[arg-type]

    return make


Options = Callable[..., SourceOptions]


@pytest.mark.wire
@pytest.mark.parametrize("name", ["org/tiny", "tiny"])
def test_a_model_is_downloaded_without_its_pickle(hub: HubServer, options: Options, model: Path, name: str) -> None:
    """The snapshot has config, tokenizer and safetensors, byte by byte, and can be read; the pickle stays there."""
    found = resolve(name, options())
    assert (found.kind, found.revision, found.warnings) == ("hub", hub.repos[name].commit, ())
    assert {p.name for p in found.folder.iterdir()} == {*SMALL, "model.safetensors"} == hub.downloads()
    assert all((model / p.name).read_bytes() == p.read_bytes() for p in found.folder.iterdir())
    assert read_manifest(found.folder, source=name, revision=found.revision).name == name


@pytest.mark.wire
def test_code_of_a_repository_is_named_and_left_there(hub: HubServer, options: Options) -> None:
    """It is never run, and whoever relies on it has to know."""
    files = hub.repos["org/tiny"].files
    hub.repos["org/coded"] = Repo({**files, "handler.py": b"", "code/inference.py": b"", "modeling_own.py": b""})
    found = resolve("org/coded", options())
    (warning,) = found.warnings
    assert "Not run: handler.py, code/inference.py from the Hub repository" in warning
    assert "hf download org/coded" in warning
    assert not [path.name for path in found.folder.rglob("*.py")]


@pytest.mark.wire
def test_progress_counts_every_byte_once(hub: HubServer, options: Options, model: Path) -> None:
    """Progress never goes back, ends at the total, and the total is what has to be fetched."""
    calls: list[tuple[int, int]] = []
    found = resolve("org/tiny", options(progress=lambda done, total: calls.append((done, total))))
    size = sum(p.stat().st_size for p in found.folder.iterdir())
    assert calls[-1] == (size, size)
    assert calls == sorted(calls)


@pytest.mark.wire
def test_a_second_time_nothing_is_downloaded(hub: HubServer, options: Options) -> None:
    """The cache is honoured: the second time only the listing is asked for."""
    first = resolve("org/tiny", options())
    hub.requests.clear()
    assert resolve("org/tiny", options()) == first
    assert hub.downloads() == set()


@pytest.mark.wire
@pytest.mark.parametrize("revision", ["v1", "refs/pr/1"])
def test_a_revision_is_a_branch_a_tag_or_a_pull_request(hub: HubServer, options: Options, revision: str) -> None:
    """Revisions are resolved to their commit, and found again without a connection."""
    found = resolve("org/tiny", options(revision=revision))
    assert found.revision == hub.repos["org/tiny"].commit
    assert resolve("org/tiny", options(revision=revision, offline=True)).folder == found.folder
    assert resolve("org/tiny", options(revision=found.revision)).folder == found.folder


@pytest.mark.wire
def test_we_say_who_we_are_and_no_more(hub: HubServer, options: Options) -> None:
    """The user agent names Mooring and its library; there are no other calls than the download's."""
    resolve("org/tiny", options())
    assert all(agent.startswith("mooring-serve/") for agent in hub.agents)
    assert all(path.startswith(("/api/models/org/tiny", "/org/tiny/resolve/")) for _, path in hub.requests)


@pytest.mark.wire
def test_a_token_opens_gated_and_private_repositories(hub: HubServer, options: Options) -> None:
    """With the right token both are served like any other."""
    for name in ("org/gated", "org/private"):
        assert resolve(name, options(token=TOKEN)).revision == hub.repos[name].commit


@pytest.mark.wire
def test_pickle_is_refused_before_anything_is_downloaded(hub: HubServer, options: Options) -> None:
    """A repository with pickled weights only is refused by its listing, with the way out."""
    with pytest.raises(UnsafeWeights, match=r"'org/pickled' .* only pickled weights \(pytorch_model\.bin\)") as caught:
        resolve("org/pickled", options())
    assert "--revision refs/pr/N" in caught.value.hint
    assert hub.downloads() == set()


@pytest.mark.wire
@pytest.mark.parametrize(
    ("name", "changes", "says", "hint"),
    [
        ("org/nope", {}, r"has no model 'org/nope', or it is private \(401\)", "spelling"),
        ("org/nope", {"token": TOKEN}, r"has no model 'org/nope', or it is private \(404\)", "spelling"),
        ("org/gated", {}, "'org/gated' on the Hub is gated", "Request access"),
        ("org/private", {}, "or it is private", "HF_TOKEN"),
        ("org/tiny", {"revision": "v9"}, "has no revision 'v9'", "branch, a tag or a commit"),
        ("org/tiny", {"offline": True}, "Offline mode is on, and 'org/tiny' is not in the cache", "Download it once"),
    ],
)
def test_what_the_hub_refuses_is_explained(
    options: Options, name: str, changes: dict[str, object], says: str, hint: str
) -> None:
    """Each refusal has its own message and its own next step; the token is in neither. None is worth another try."""
    with pytest.raises(HubRefused, match=says) as caught:
        resolve(name, options(**changes))
    assert hint in caught.value.hint
    assert TOKEN not in str(caught.value)


@pytest.mark.wire
def test_an_unreachable_hub(model: Path, tmp_path: Path) -> None:
    """With nobody listening the cached snapshot is served with a warning; without one, address and reason are said."""
    with HubServer({"org/tiny": Repo.of(model)}) as hub:
        options = SourceOptions(endpoint=hub.endpoint, cache_dir=tmp_path)
        found = resolve("org/tiny", options)
    again = resolve("org/tiny", options)
    assert again.folder == found.folder
    assert f"Cannot reach the Hub at {hub.endpoint}" in again.warnings[0]
    with pytest.raises(HubError, match=f"Cannot reach the Hub at {hub.endpoint}: ConnectError") as caught:
        resolve("org/other", options)
    assert not isinstance(caught.value, HubRefused)
    assert "'org/other' was read as a Hub id, since no file or folder here has that name" in caught.value.hint
    assert "serve a local folder" in caught.value.hint


@pytest.mark.wire
def test_the_libraries_own_offline_switch_counts(hub: HubServer, tmp_path: Path) -> None:
    """HF_HUB_OFFLINE is honoured even if nobody passed it on."""
    script = (
        "import sys; from mooring.errors import HubError; from mooring.model.source import *\n"
        "try: resolve('org/tiny', SourceOptions(endpoint=sys.argv[1]))\n"
        "except HubError as error: print(error)"
    )
    environment = {"HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    arguments = [sys.executable, "-c", script, hub.endpoint]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Offline mode is on, and 'org/tiny' is not in the cache")
    assert hub.requests == []


@pytest.mark.wire
def test_ctrl_c_ends_a_download_at_once(hub: HubServer, tmp_path: Path) -> None:
    """An interrupt stops in the middle of a file, and takes the half of it along."""
    hub.repos["org/tiny"].files["model.safetensors"] += bytes(24 << 20)
    hub.faults.slow["model.safetensors"] = 0.1  # 10 s for all of it
    script = (
        "import sys; from pathlib import Path; from mooring.model.source import *\n"
        "tell = lambda done, total: done > 2 << 20 and print(done, flush=True)\n"
        "try: resolve('org/tiny', SourceOptions(endpoint=sys.argv[1], cache_dir=Path(sys.argv[2]), progress=tell))\n"
        "except KeyboardInterrupt: sys.exit(130)"
    )
    arguments = [sys.executable, "-c", script, hub.endpoint, str(tmp_path)]
    with started(arguments) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) > 2 << 20
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=5)
    assert (process.returncode, said) == (130, "")
    assert not list(tmp_path.rglob("*.incomplete"))


@pytest.mark.wire
@pytest.mark.parametrize("status", [500, 503, 429, 403])
def test_a_cached_snapshot_serves_while_the_hub_does_not(options: Options, hub: HubServer, status: int) -> None:
    """When the Hub answers with errors a complete snapshot is used, with a warning; without one the status is said."""
    found = resolve("org/tiny", options())
    hub.faults.status = status
    again = resolve("org/tiny", options())
    assert again.folder == found.folder
    assert f"answered {status} for 'org/tiny'. Serving the cached revision" in again.warnings[0]
    with pytest.raises(HubError, match=f"answered {status} for 'tiny'"):
        resolve("tiny", options())


@pytest.mark.wire
def test_an_incomplete_snapshot_is_not_served(options: Options, hub: HubServer) -> None:
    """A snapshot that an interrupted download left is not taken for a whole one."""
    found = resolve("org/tiny", options())
    (found.folder / "model.safetensors").unlink()
    with pytest.raises(HubError, match=r"Offline mode is on, and the copy .* lacks model\.safetensors"):
        resolve("org/tiny", options(offline=True))
    assert (resolve("org/tiny", options()).folder / "model.safetensors").is_file()


@pytest.mark.wire
def test_a_cut_connection_is_resumed(options: Options, hub: HubServer, model: Path) -> None:
    """A connection that breaks in the middle of a file is taken up where it broke."""
    hub.faults.cut_once["model.safetensors"] = 30_000
    found = resolve("org/tiny", options())
    assert (found.folder / "model.safetensors").read_bytes() == (model / "model.safetensors").read_bytes()


@pytest.mark.wire
def test_a_body_shorter_than_promised_is_no_download(options: Options, hub: HubServer) -> None:
    """A file that arrives too short is refused, and nothing half-downloaded is served later."""
    hub.faults.shorter["model.safetensors"] = 1000
    with pytest.raises(HubError, match="was interrupted"):
        resolve("org/tiny", options())
    with pytest.raises(HubError, match=r"lacks model\.safetensors"):
        resolve("org/tiny", options(offline=True))


@pytest.mark.wire
@pytest.mark.parametrize("hidden", [False, True])
def test_a_full_disk(options: Options, hub: HubServer, small_disk: Path, hidden: bool) -> None:
    """Too little space is said before the download where sizes are known, and when it runs out where they are not."""
    hub.faults.hide_sizes = hidden
    hub.repos["org/tiny"].files["model.safetensors"] += bytes(2_000_000)
    with pytest.raises(HubError, match="No space left for 'org/tiny' in the cache") as caught:
        fetch("org/tiny", options(cache_dir=small_disk))
    assert "--cache-dir" in caught.value.hint
    assert hidden == bool(hub.downloads())


@pytest.mark.wire
def test_nothing_is_printed_and_nothing_written_in_home(hub: HubServer, tmp_path: Path) -> None:
    """With a cache folder named, HOME stays empty and no bar or note of the library reaches the terminal."""
    home = tmp_path / "home"
    home.mkdir()
    script = (
        "import sys; from pathlib import Path; from mooring.model.source import *; "
        "resolve('org/tiny', SourceOptions(endpoint=sys.argv[1], cache_dir=Path(sys.argv[2])))"
    )
    arguments = [sys.executable, "-c", script, hub.endpoint, str(tmp_path / "cache")]
    done = subprocess.run(arguments, env={"HOME": str(home), "PATH": ""}, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr, list(home.iterdir())) == ("", "", [])
