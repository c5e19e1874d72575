"""`moor destroy NAME`: remove a deployment and its resources."""

import json
from typing import Any

import click

from mooring.cli.narration import opened_session, place_options
from mooring.cli.options import setting_options
from mooring.cli.progress import shown


@click.command("destroy", short_help="Remove a deployment and its resources.")
@click.argument("name")
@click.option("--bucket", metavar="NAME", help="Bucket it was deployed with.  [default: sagemaker-REGION-ACCOUNT]")
@place_options
@click.option("--dry-run", is_flag=True, help="Show the planned removals and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@setting_options()
def command(name: str, bucket: str | None, **flags: Any) -> None:
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
