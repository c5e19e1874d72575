"""`moor transform NAME|MODEL`: a batch job over a deployed model, or over one that is put there first."""

import dataclasses
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mooring.cli.deploy_options import image_option
from mooring.cli.narration import narrated, opened_session, pairs, place_options, show_log
from mooring.cli.options import setting_options, settings_from
from mooring.errors import EndpointFailed

if TYPE_CHECKING:
    from mooring.deploy.narrator import Narrator
    from mooring.deploy.session import Session

SETTINGS = ("revision", "cache_dir", "hub_endpoint", "offline")


@click.command("transform", short_help="Answer everything in an S3 prefix: a batch job.")
@click.argument("model")
@click.option("--input", "source", required=True, metavar="S3URI", help="Prefix of the requests.")
@click.option("--output", required=True, metavar="S3URI", help="Prefix for the answers.")
@click.option("--name", metavar="NAME", help="Of the job.  [default: the model's, and the time]")
@click.option("--instance-type", metavar="TYPE", default="ml.c7i.large", show_default=True)
@click.option("--instances", type=click.IntRange(1), default=1, show_default=True)
@click.option("--content-type", default="application/jsonlines", show_default=True, help="Of the requests.")
@click.option("--accept", metavar="TYPE", help="Type of the answers.  [default: the requests']")
@click.option("--split", type=click.Choice(["Line", "None", "RecordIO", "TFRecord"]), default="Line", show_default=True)
@click.option("--strategy", type=click.Choice(["MultiRecord", "SingleRecord"]), help="[default: the container's]")
@click.option("--max-payload", "max_payload_mb", type=click.IntRange(0, 100), metavar="MB", help="Of one request.")
@click.option("--max-concurrent", type=click.IntRange(1), metavar="N", help="Requests at the same time.")
@click.option("--input-filter", metavar="JSONPATH", help="What of a record the model gets.")
@click.option("--output-filter", metavar="JSONPATH", help="What of the result is written.")
@click.option("--join", is_flag=True, help="Write each answer beside its record.")
@click.option("--env", "environment", multiple=True, metavar="K=V", help="Variable of the container.")
@click.option("--role", metavar="ARN|NAME", envvar="MOORING_ROLE", help="For a MODEL that is put there first.")
@click.option("--bucket", metavar="NAME", help="For the same.  [default: sagemaker-REGION-ACCOUNT]")
@image_option
@place_options
@click.option("--wait/--no-wait", default=True, help="Wait for its end.  [default: wait]")
@click.option("--json", "as_json", is_flag=True, help="The result as JSON on stdout.")
@setting_options(*SETTINGS)
def command(model: str, **flags: Any) -> None:
    """Run a batch job over MODEL: a deployment's or a SageMaker model's name, or else a folder, .tar.gz or Hub id.

    moor transform qa --input s3://bucket/questions/ --output s3://bucket/answers/
    """
    from mooring.deploy.spec import is_name
    from mooring.deploy.transform import Job, job_request, job_tags, model_of, run_job

    settings = {name: flags.pop(name) for name in SETTINGS}
    as_json, wait = flags.pop("as_json"), flags.pop("wait")
    own = {name: flags.pop(name) for name in ("role", "bucket", "image")}
    session = opened_session(flags)
    environment = pairs("--env", flags.pop("environment"))
    job = Job("", environment=environment, **{key: value for key, value in flags.items() if value is not None})
    # What cannot be is said before anything is put there.
    job_request(job)
    with narrated(quiet=as_json) as narrator:
        name = model_of(session, model) if is_name(model) else None
        if name is None and is_name(model) and not Path(model).exists():
            narrator.note(f"There is neither a deployment nor a SageMaker model {model}: it is taken for a Hub id.")
        tags = job_tags(model) if name else {}
        name = name or _put(session, model, own | settings, narrator)
        job = dataclasses.replace(job, model=name, tags=tags)
        try:
            found = run_job(session, job, narrator, wait=wait)
        except EndpointFailed as error:
            show_log(error)
            raise
    facts = {"job": found["TransformJobName"], "status": found["TransformJobStatus"], "output": flags["output"]}
    click.echo(
        json.dumps(facts | {"model": name}, indent=2)
        if as_json
        else f"{facts['job']}: {facts['status']}, {facts['output']}"
    )


def _put(session: "Session", model: str, options: dict[str, Any], narrator: "Narrator") -> str:
    """A SageMaker model without an endpoint; moor destroy removes it."""
    from mooring.deploy.archive import Wanted
    from mooring.deploy.deployment import Order, carry_out, prepare, propose
    from mooring.deploy.image import DEFAULT_IMAGE
    from mooring.deploy.requests import model_request
    from mooring.wiring.source import source_options

    wanted = Wanted(model, source_options(settings_from({name: options[name] for name in SETTINGS})))
    image = options["image"] or DEFAULT_IMAGE
    order = Order(model=wanted, image=image, role=options["role"], bucket=options["bucket"], compute=None)
    with tempfile.TemporaryDirectory(prefix="mooring-deploy-") as folder:
        spec = prepare(session, order, Path(folder), narrator)
        carry_out(session, spec, propose(session, spec), narrator)
    narrator.note(f"The model stays: moor destroy {spec.name} removes it.")
    return str(model_request(spec)["ModelName"])
