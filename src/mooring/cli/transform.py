"""`moor transform NAME|MODEL`: run a batch job with a deployed model, or with one that is uploaded first."""

import dataclasses
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mooring.cli.deploy_options import image_option
from mooring.cli.narration import opened_session, pairs, place_options, show_log
from mooring.cli.options import setting_options, settings_from
from mooring.cli.progress import shown
from mooring.errors import EndpointFailed

if TYPE_CHECKING:
    from mooring.deploy.session import Session
    from mooring.progress import Progress

SETTINGS = ("revision", "cache_dir", "hub_endpoint", "offline")


@click.command("transform", short_help="Run a batch transform job over an S3 prefix.")
@click.argument("model")
@click.option("--input", "source", required=True, metavar="S3URI", help="S3 prefix of the requests.")
@click.option("--output", required=True, metavar="S3URI", help="S3 prefix for the answers.")
@click.option("--name", metavar="NAME", help="Name of the job.  [default: the model's name and the time]")
@click.option("--instance-type", metavar="TYPE", default="ml.c7i.large", show_default=True, help="Instance type.")
@click.option("--instances", type=click.IntRange(1), default=1, show_default=True, help="Number of instances.")
@click.option(
    "--content-type", default="application/jsonlines", show_default=True, help="Content type of the requests."
)
@click.option("--accept", metavar="TYPE", help="Content type of the answers.  [default: that of the requests]")
@click.option(
    "--split",
    type=click.Choice(["Line", "None", "RecordIO", "TFRecord"]),
    default="Line",
    show_default=True,
    help="How input files are split into records.",
)
@click.option(
    "--strategy",
    type=click.Choice(["MultiRecord", "SingleRecord"]),
    help="Records per request.  [default: the container's choice]",
)
@click.option(
    "--max-payload", "max_payload_mb", type=click.IntRange(0, 100), metavar="MB", help="Maximum size of a request."
)
@click.option("--max-concurrent", type=click.IntRange(1), metavar="N", help="Maximum concurrent requests.")
@click.option("--input-filter", metavar="JSONPATH", help="Part of a record to send to the model.")
@click.option("--output-filter", metavar="JSONPATH", help="Part of the result to write.")
@click.option("--join", is_flag=True, help="Write each answer together with its record.")
@click.option("--env", "environment", multiple=True, metavar="K=V", help="Environment variable of the container.")
@click.option("--role", metavar="ARN|NAME", envvar="MOORING_ROLE", help="Execution role, if MODEL is uploaded first.")
@click.option(
    "--bucket", metavar="NAME", help="Bucket, if MODEL is uploaded first.  [default: sagemaker-REGION-ACCOUNT]"
)
@image_option
@place_options
@click.option("--wait/--no-wait", default=True, help="Wait until the job has ended.  [default: wait]")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@setting_options(*SETTINGS)
def command(model: str, **flags: Any) -> None:
    """Run a batch job with MODEL: the name of a deployment or SageMaker model, or a folder, .tar.gz or Hub id.

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
    # Check the job before anything is uploaded.
    job_request(job)
    with shown(quiet=as_json) as progress:
        name = model_of(session, model) if is_name(model) else None
        if name is None and is_name(model) and not Path(model).exists():
            progress.note(f"No deployment or SageMaker model named {model}. Trying it as a Hub id.")
        tags = job_tags(model) if name else {}
        name = name or _put(session, model, own | settings, progress)
        job = dataclasses.replace(job, model=name, tags=tags)
        try:
            found = run_job(session, job, progress, wait=wait)
        except EndpointFailed as error:
            show_log(error)
            raise
    facts = {"job": found["TransformJobName"], "status": found["TransformJobStatus"], "output": flags["output"]}
    click.echo(
        json.dumps(facts | {"model": name}, indent=2)
        if as_json
        else f"{facts['job']}: {facts['status']}, {facts['output']}"
    )


def _put(session: "Session", model: str, options: dict[str, Any], progress: "Progress") -> str:
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
        spec = prepare(session, order, Path(folder), progress)
        carry_out(session, spec, propose(session, spec), progress)
    progress.note(f"The model is kept. To remove it: moor destroy {spec.name}")
    return str(model_request(spec)["ModelName"])
