"""`moor destroy NAME`: a deployment's name in, nothing of it left out."""

import json
from typing import Any

import click

from mooring.cli.narration import narrated, opened_session, place_options
from mooring.cli.options import setting_options


@click.command("destroy", short_help="Remove a deployment and everything that belongs to it.")
@click.argument("name")
@click.option("--bucket", metavar="NAME", help="Where it was deployed with one.  [default: sagemaker-REGION-ACCOUNT]")
@place_options
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@click.option("--json", "as_json", is_flag=True, help="The result as JSON on stdout.")
@setting_options()
def command(name: str, bucket: str | None, **flags: Any) -> None:
    """Remove the deployment NAME: endpoint, configurations, models, autoscaling and archives, told by their tags.

    What moor deploy did not make stays. Run again, it finds nothing and says so.
    """
    from mooring.deploy.actions import described, title
    from mooring.deploy.deployment import remove, survey

    session = opened_session(flags)
    plan = survey(session, name, bucket)
    if not flags["dry_run"]:
        with narrated(quiet=flags["as_json"]) as narrator:
            remove(session, plan, narrator)
    if flags["as_json"]:
        actions = described(plan.actions)
        removed = bool(actions) and not flags["dry_run"]
        click.echo(json.dumps({"removed": removed, "actions": actions, "kept": list(plan.kept)}, indent=2))
        return
    if not plan.actions:
        click.echo(f"There is nothing of {name} in {session.region}.")
    elif flags["dry_run"]:
        for action in plan.actions:
            click.echo(f"  - {title(action)}")
    else:
        click.echo(f"{click.style(name, bold=True)} is gone.")
    for kept in plan.kept:
        click.echo(f"  left: {kept}")
