"""`Model`: deploy a model from Python, as `moor deploy` does.

Accepts the arguments of the SageMaker SDK's HuggingFaceModel, so that existing programs change only one import.
"""

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypedDict, Unpack

from mooring.deploy.archive import Wanted
from mooring.deploy.deployment import Order, Outcome, carry_out, default_name, prepare, propose, remove, survey
from mooring.deploy.faults import in_words
from mooring.deploy.image import DEFAULT_IMAGE
from mooring.deploy.invoke import Predictor
from mooring.deploy.session import Place, Session
from mooring.deploy.spec import DEFAULT_INSTANCE, Asynchronous, Instances, Scaling, Serverless
from mooring.errors import UsageError, echo
from mooring.progress import Lines, Progress, Silent
from mooring.settings.places import expanded
from mooring.spelling import nearest


class ModelOptions(TypedDict, total=False):
    """Options of `Model`, with HuggingFaceModel's names. `region` to `quiet` are ours; those after them are ignored."""

    model_data: str | None
    role: str | None
    env: Mapping[str, str] | None
    image_uri: str | None
    name: str | None
    entry_point: str | None
    source_dir: str | None
    sagemaker_session: Any
    boto_session: Any
    region: str | None
    profile: str | None
    endpoint_url: str | None
    bucket: str | None
    calibration: str | None
    quiet: bool
    transformers_version: Any
    pytorch_version: Any
    tensorflow_version: Any
    py_version: Any
    predictor_cls: Any
    model_server_workers: Any
    code_location: Any
    dependencies: Any


class DeployOptions(TypedDict, total=False):
    """Options of `Model.deploy`, with the SDK's names. `scaling` and `multi_model` are ours; the last are ignored."""

    endpoint_name: str | None
    serverless_inference_config: Any
    async_inference_config: Any
    tags: Mapping[str, str] | Iterable[Mapping[str, str]] | None
    wait: bool
    scaling: Scaling | None
    multi_model: bool
    serializer: Any
    deserializer: Any
    container_log_level: Any


IGNORED = (
    "transformers_version",
    "pytorch_version",
    "tensorflow_version",
    "py_version",
    "predictor_cls",
    "model_server_workers",
    "serializer",
    "deserializer",
    "container_log_level",
    "code_location",
    "dependencies",
)
"""Arguments of HuggingFaceModel without a meaning here: there is a single image."""


class Model:
    """A model that can be deployed."""

    def __init__(self, model: str | os.PathLike[str] | None = None, **options: Unpack[ModelOptions]) -> None:
        """`model` is a folder, a .tar.gz or a Hub id. None: `model_data`, or HF_MODEL_ID in `env`, or the image's own.

        Reads no files and makes no requests yet. Raises UsageError for invalid arguments.
        """
        given: dict[str, Any] = dict(options)
        self._progress: Progress = Silent() if given.get("quiet") else Lines()
        _only_known(given, ModelOptions.__annotations__, self._progress)
        if model is not None and given.get("model_data"):
            raise UsageError("Both model and model_data were given.", hint="Pass one of them: they mean the same.")
        self._model = _name_of(model or given.get("model_data"))
        self._options = given
        self._session: Session | None = None
        self._outcome: Outcome | None = None

    @property
    def session(self) -> Session:
        """The session for the options, created on first use."""
        if self._session is None:
            options = self._options
            boto = options.get("boto_session") or getattr(options.get("sagemaker_session"), "boto_session", None)
            place = Place(options.get("region"), options.get("profile"), options.get("endpoint_url"))
            self._session = Session(place, boto)
        return self._session

    @property
    def endpoint_name(self) -> str | None:
        """Name of the endpoint that `deploy` created."""
        return self._outcome.spec.name if self._outcome else None

    def deploy(
        self,
        initial_instance_count: int | None = None,
        instance_type: str | None = None,
        **options: Unpack[DeployOptions],
    ) -> Predictor:
        """Create or update the endpoint and wait until it is in service.

        Raises UsageError, AccountError, NameTaken, EndpointFailed or a ModelError. A failed deployment is undone.
        """
        given: dict[str, Any] = dict(options)
        _only_known(given, ("initial_instance_count", "instance_type", *DeployOptions.__annotations__), self._progress)
        compute = _compute(initial_instance_count, instance_type, given.get("serverless_inference_config"))
        with tempfile.TemporaryDirectory(prefix="mooring-deploy-") as folder:
            order = self._order(Path(folder), compute, given)
            spec = prepare(self.session, order, Path(folder), self._progress)
            proposed = propose(self.session, spec)
            wait = given.get("wait", True)
            self._outcome = carry_out(self.session, spec, proposed, self._progress, wait=wait)
        return Predictor(spec.name, self.session, target_model=self._outcome.target_model)

    def destroy(self) -> None:
        """Remove everything that `deploy` created, as `moor destroy` does."""
        name = self.endpoint_name or self._options.get("name") or default_name(self._model)
        remove(self.session, survey(self.session, name, self._options.get("bucket")), self._progress)

    def _order(self, place: Path, compute: Instances | Serverless, given: dict[str, Any]) -> Order:
        options = self._options
        environment = {key: str(value) for key, value in (options.get("env") or {}).items()}
        code, program = self._code(place)
        if program:
            environment.setdefault("SAGEMAKER_PROGRAM", program)
        fallback = environment.get("HF_MODEL_ID") or "mooring"
        return Order(
            name=given.get("endpoint_name") or options.get("name") or default_name(self._model or fallback),
            model=self._wanted(place, code),
            image=options.get("image_uri") or DEFAULT_IMAGE,
            role=options.get("role"),
            bucket=options.get("bucket"),
            compute=compute,
            asynchronous=_asynchronous(given.get("async_inference_config")),
            multi_model=bool(given.get("multi_model")),
            scaling=given.get("scaling"),
            environment=environment,
            tags=_tags(given.get("tags")),
        )

    def _wanted(self, place: Path, code: Path | None) -> Wanted | str | None:
        source, calibration = self._model, self._options.get("calibration")
        if source is None and code is None:
            return None
        if source is None:
            # Code for a model that the container downloads itself: an archive with code only.
            (place / "nothing").mkdir()
            source = str(place / "nothing")
        elif source.startswith("s3://"):
            if code is None:
                return source
            source = self._fetched(source, place)
        return Wanted(source.removeprefix("file://"), code=code, calibration=Path(calibration) if calibration else None)

    def _fetched(self, uri: str, place: Path) -> str:
        """Download the archive, to pack it again with other code."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        target = place / "given.tar.gz"
        with in_words(f"Downloading {uri}"):
            self.session.client("s3").download_file(bucket, key, str(target))
        return str(target)

    def _code(self, place: Path) -> tuple[Path | None, str | None]:
        """The folder to pack as code/, and the file in it to start from."""
        entry, folder = self._options.get("entry_point"), self._options.get("source_dir")
        if folder is not None:
            source = expanded(folder, "source_dir")
            if not source.is_dir() or (entry and not (source / entry).is_file()):
                raise UsageError(f"source_dir {echo(folder)} is not a folder that contains {entry or 'code'}.")
            return source, entry
        if entry is None:
            return None, None
        file = expanded(entry, "entry_point")
        if not file.is_file():
            raise UsageError(f"entry_point {echo(entry)} is not a file.", hint="Pass its folder as source_dir.")
        target = place / "code"
        target.mkdir()
        shutil.copyfile(file, target / file.name)
        return target, file.name


def _name_of(given: Any) -> str | None:
    """The model's name. Raises UsageError for a value that cannot name one."""
    if given is None or isinstance(given, str | os.PathLike):
        name = None if given is None else os.fspath(given)
        if name is not None and name.startswith("arn:"):
            raise UsageError(f"{echo(name)} is not a model.", hint="Pass a role as role=….")
        return name
    raise UsageError(
        f"The model must be a folder, a .tar.gz, a Hub id or an S3 URI, not a {type(given).__name__}.",
        hint="Pack uncompressed model data (S3DataSource) into an archive with moor pack.",
    )


def _only_known(given: dict[str, Any], known: Iterable[str], progress: Progress) -> None:
    """Drop options without a meaning here, with one note. Raise UsageError for unknown options."""
    ignored = [name for name in list(given) if name in IGNORED and given.pop(name) is not None]
    if ignored:
        progress.note(f"No effect with Mooring: {', '.join(ignored)}. A single image serves every model.")
    for name in given:
        if name not in known:
            near = nearest(name, known)
            ours = ", ".join(each for each in known if each not in IGNORED)
            hint = f"Did you mean {near[0]}?" if near else f"Known arguments: {ours}. For others, use boto3."
            raise UsageError(f"Unknown argument {name}.", hint=hint)


def _compute(count: Any, kind: str | None, serverless: Any) -> Instances | Serverless:
    if serverless is None:
        if count is not None and not isinstance(count, int):
            raise UsageError(f"initial_instance_count is {echo(count)}.", hint="It must be a whole number.")
        return Instances(kind or DEFAULT_INSTANCE, 1 if count is None else count)
    if kind is not None:
        raise UsageError("instance_type has no effect on a serverless endpoint.", hint="Leave it out.")
    if isinstance(serverless, Serverless):
        return serverless
    return Serverless(
        _member(serverless, "memory_size_in_mb", Serverless().memory_mb),
        _member(serverless, "max_concurrency", Serverless().max_concurrency),
        _member(serverless, "provisioned_concurrency", None),
    )


def _asynchronous(config: Any) -> Asynchronous | bool:
    """From the SDK's AsyncInferenceConfig, our `Asynchronous`, a dict with the SDK's names, or True."""
    if not config or isinstance(config, Asynchronous | bool):
        return config or False
    output = _member(config, "output_path", None)
    if output is None:
        return True
    topics = _member(config, "notification_config", None) or {}
    return Asynchronous(
        output,
        _member(config, "failure_path", None),
        _member(config, "max_concurrent_invocations_per_instance", None),
        topics.get("SuccessTopic"),
        topics.get("ErrorTopic"),
    )


def _member(config: Any, name: str, usual: Any) -> Any:
    found = config.get(name) if isinstance(config, Mapping) else getattr(config, name, None)
    return usual if found is None else found


def _tags(given: Any) -> dict[str, str]:
    """Tags from a dict, or from the API's list of Key and Value."""
    if given is None or isinstance(given, Mapping):
        return dict(given or {})
    try:
        return {tag["Key"]: tag["Value"] for tag in given}
    except (TypeError, KeyError) as error:
        raise UsageError(f"Invalid tags {echo(given)}.", hint='Tags look like {"team": "search"}.') from error
