"""`moor deploy MODEL`: deploy a model to a SageMaker endpoint and ask it a test question; `moor destroy NAME`."""

import json
import shlex
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mooring.cli.deploy_options import deploy_options, order_of
from mooring.cli.narration import opened_session, place_options, show_log
from mooring.cli.options import setting_options
from mooring.cli.progress import shown
from mooring.cli.run_output import lines_of
from mooring.cli.streams import write_json
from mooring.errors import EndpointFailed, MooringError

if TYPE_CHECKING:
    from mooring.deploy.actions import Plan
    from mooring.deploy.deployment import Outcome
    from mooring.deploy.session import Session
    from mooring.deploy.spec import Spec
    from mooring.progress import Progress
SHOWN_LINES = 5
"""Lines shown of the answer to the test request."""


@click.command("deploy", short_help="Deploy a model to a SageMaker endpoint.")
@click.argument("model", required=False)
@deploy_options
def command(model: str | None, **flags: Any) -> None:
    """Deploy MODEL: a folder, a .tar.gz, a Hub id or an S3 URI. Without MODEL, deploy the image's own model.

    Running the command again applies only the differences. moor destroy NAME removes the deployment.

    moor deploy ./fast --name qa --instance-type ml.c7i.large
    """
    from mooring.deploy.deployment import carry_out, prepare, propose

    began = time.monotonic()
    order = order_of(model, flags)
    session = opened_session(flags)
    with (
        tempfile.TemporaryDirectory(prefix="mooring-deploy-") as folder,
        shown(quiet=flags["as_json"]) as progress,
    ):
        spec = prepare(session, order, Path(folder), progress)
        if flags["emit"]:
            _emit(spec, _again(model, flags), progress)
            return
        plan = propose(session, spec)
        if flags["dry_run"]:
            _show_plan(plan, as_json=flags["as_json"])
            return
        if plan.actions and not flags["yes"] and not session.local:
            _confirm(spec, plan)
        try:
            outcome = carry_out(session, spec, plan, progress, wait=flags["wait"])
        except EndpointFailed as error:
            show_log(error)
            raise
    trial = _try_out(session, outcome) if flags["wait"] else {}
    report = _report(session, outcome, trial) | {"waited": flags["wait"], "seconds": round(time.monotonic() - began, 2)}
    if flags["as_json"]:
        write_json(report, indent=2)
    else:
        _say(report)


def _again(model: str | None, flags: dict[str, Any]) -> str:
    """The arguments for `moor pack` that make the same archive."""
    # The folder of a built model was printed when it was built or found.
    source = "FOLDER (as named above)" if flags["calibration"] or flags["build"] else shlex.quote(str(model))
    return f"{source} --code {shlex.quote(str(flags['code']))}" if flags["code"] else source


def _emit(spec: "Spec", packing: str, progress: "Progress") -> None:
    from mooring.deploy.cloudformation import template

    click.echo(json.dumps(template(spec), indent=2))
    if spec.archive:
        progress.note(
            f"Nothing was uploaded. The template expects the model at {spec.archive.uri}. To put it there: moor pack "
            f"{packing} -o model.tar.gz && aws s3 cp model.tar.gz {spec.archive.uri}"
        )
    if spec.push:
        progress.note(f"Nothing was pushed. The template expects the image {spec.push.local} at {spec.image}.")


_SIGNS = {"delete": "-", "update": "~", "tag": "~", "wait": "…"}
"""Signs of the actions that create nothing."""


def _show_plan(plan: "Plan", *, as_json: bool, err: bool = False) -> None:
    from mooring.deploy.actions import described, title

    if as_json:
        click.echo(json.dumps({"actions": described(plan.actions), "kept": list(plan.kept)}, indent=2))
        return
    for action in plan.actions:
        sign = _SIGNS.get(action.verb, "+")
        click.echo(f"  {sign} {title(action)}{f', {action.why}' if action.why else ''}", err=err)
    for kept in plan.kept:
        click.echo(click.style(f"  = {kept}", dim=True), err=err)
    if not plan.actions:
        click.echo("Nothing to do: the deployment is up to date.")


def _confirm(spec: "Spec", plan: "Plan") -> None:
    """Ask on a terminal only, and on stderr, since stdout may be JSON."""
    if not sys.stdin.isatty() or not any(action.verb in ("create", "update") for action in plan.actions):
        return
    _show_plan(plan, as_json=False, err=True)
    question = f"Deploy to account {spec.role.split(':')[4]}? This costs money until you run moor destroy"
    click.confirm(question, abort=True, err=True)


def _try_out(session: "Session", outcome: "Outcome") -> dict[str, Any]:
    """Send a test request. An error is reported, not raised: a model with its own code may expect other requests."""
    from mooring.deploy.invoke import Predictor

    predictor = Predictor(outcome.spec.name, session, target_model=outcome.target_model)
    request = dict(outcome.trial.request)
    began = time.monotonic()
    try:
        if outcome.spec.asynchronous:
            said = predictor.predict_async(request).result(timeout_s=300)
        else:
            said = predictor.predict(request, deadline_s=120)
    except MooringError as error:
        return {"trial": {"error": error.message, "hint": error.hint}}
    took = 1000 * (time.monotonic() - began)
    shown = dict(said) if hasattr(said, "keys") else said
    found = {"task": outcome.trial.task, "request": request, "answer": shown, "milliseconds": round(took, 1)}
    return {"trial": found}


def _report(session: "Session", outcome: "Outcome", trial: dict[str, Any]) -> dict[str, Any]:
    spec = outcome.spec
    return {
        "endpoint": spec.name,
        "kind": spec.kind,
        "changed": outcome.changed,
        "region": session.region,
        "account": session.account,
        "image": spec.image,
        "model_data": spec.model_data,
        "target_model": outcome.target_model,
        "apply_seconds": round(outcome.seconds, 2),
        **trial,
        "call": _call(session, outcome),
    }


def _call(session: "Session", outcome: "Outcome") -> dict[str, str]:
    """How to call the endpoint with Mooring or boto3, and how to remove it."""
    from mooring.deploy.session import Place

    name, place = outcome.spec.name, session.place
    address = session.client("sagemaker").meta.endpoint_url if session.local else None
    said = {"region": session.region, "profile": place.profile, "endpoint_url": address}
    where = {key: value for key, value in said.items() if value is not None}
    ours = "".join(f", {key}={value!r}" for key, value in where.items())
    client = {"region_name": session.region} | ({"endpoint_url": address} if address else {}) | session.keys
    theirs = "".join(f", {key}={value!r}" for key, value in client.items())
    opened = f"boto3.Session(profile_name={place.profile!r})" if place.profile else "boto3"
    target, model = outcome.target_model, ""
    ask = "predict_async({...}).result()" if outcome.spec.asynchronous else "predict({...})"
    if target:
        ask, model = f"predict({{...}}, target_model={target!r})", f", TargetModel={target!r}"
    return {
        "python": f"mooring.deploy.Predictor.at({name!r}{ours}).{ask}",
        "boto3": f"{opened}.client('sagemaker-runtime'{theirs}).invoke_endpoint(EndpointName={name!r}{model}, "
        "ContentType='application/json', Body=json.dumps({...}))",
        "remove": f"moor destroy {name}{Place(session.region, place.profile, address).flags}",
    }


def _say(report: dict[str, Any]) -> None:
    head = "is deployed" if report["waited"] else "is being deployed"
    head = head if report["changed"] else "is up to date"
    click.echo(f"{click.style(report['endpoint'], bold=True)} {head} ({report['seconds']:.1f} s).")
    if report["changed"] and not report["waited"]:
        click.echo("  To wait for it, run the same command without --no-wait.")
    trial = report.get("trial", {})
    if "answer" in trial:
        _say_trial(trial)
    elif "error" in trial:
        click.echo(f"  The test request failed: {trial['error']}")
    for label, line in report["call"].items():
        if label != "boto3" or report["kind"] != "async":
            click.echo(f"  {click.style(f'{label:<9}', dim=True)} {line}")


def _say_trial(trial: dict[str, Any]) -> None:
    """The test request and its answer, in the first lines that `moor run` would show."""
    inputs = trial["request"]["inputs"]
    lines = lines_of(trial["task"], inputs, trial["answer"])
    click.echo(f"  request   {json.dumps(inputs, ensure_ascii=False)}")
    for number, line in enumerate(lines[:SHOWN_LINES]):
        click.echo(f"  {'' if number else 'answer':<9} {line}")
    click.echo(f"  time      {trial['milliseconds']:.0f} ms")


@click.command("destroy", short_help="Remove a deployment and its resources.")
@click.argument("name")
@click.option("--bucket", metavar="NAME", help="Bucket it was deployed with.  [default: sagemaker-REGION-ACCOUNT]")
@place_options
@click.option("--dry-run", is_flag=True, help="Show the planned removals and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@setting_options()
def destroy(name: str, bucket: str | None, **flags: Any) -> None:
    """Remove the deployment NAME: endpoint, configurations, models, autoscaling and archives, identified by their tags.

    Resources that moor deploy did not create are kept. Removing a deployment twice is not an error.
    """
    from mooring.deploy.actions import described, title
    from mooring.deploy.deployment import remove, survey

    session = opened_session(flags)
    plan = survey(session, name, bucket)
    if not flags["dry_run"]:
        with shown(quiet=flags["as_json"]) as progress:
            remove(session, plan, progress)
    if flags["as_json"]:
        actions = described(plan.actions)
        removed = bool(actions) and not flags["dry_run"]
        click.echo(json.dumps({"removed": removed, "actions": actions, "kept": list(plan.kept)}, indent=2))
        return
    if not plan.actions:
        click.echo(f"No deployment named {name} in {session.region}.")
    elif flags["dry_run"]:
        for action in plan.actions:
            click.echo(f"  - {title(action)}")
    else:
        click.echo(f"Removed {click.style(name, bold=True)}.")
    for kept in plan.kept:
        click.echo(f"  kept: {kept}")
