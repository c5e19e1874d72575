"""`moor doctor MODEL`: check a model for problems on SageMaker before anything is uploaded."""

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from mooring.cli.border import FAILED
from mooring.cli.deploy_options import image_option
from mooring.cli.narration import opened_session, place_options
from mooring.cli.opening import warn
from mooring.cli.options import setting_options, settings_from
from mooring.cli.streams import write_json
from mooring.errors import AccountError

if TYPE_CHECKING:
    from mooring.deploy.fit import Finding
    from mooring.deploy.image import ImageFacts

SETTINGS = ("revision", "cache_dir", "hub_endpoint", "offline")


@click.command("doctor", short_help="Check a model for problems on SageMaker before uploading it.")
@click.argument("model")
@click.option("--instance-type", metavar="TYPE", default="ml.c7i.large", show_default=True, help="Instance type.")
@click.option("--serverless", is_flag=True, help="Check for a serverless endpoint instead.")
@click.option("--memory", type=int, metavar="MB", default=3072, show_default=True, help="Memory, with --serverless.")
@image_option
@place_options
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@setting_options(*SETTINGS)
def command(model: str, **flags: Any) -> int:
    """Check MODEL: its layout, weights, tokenizer, code and size, and whether the image fits the instance.

    Makes network requests only to the Hub (for a Hub id) and to ECR (for an image there). Exits with 1 on errors.
    """
    from mooring.deploy.doctor import Case, examine
    from mooring.deploy.spec import Instances, Serverless, Spec, check
    from mooring.wiring.source import source_options

    compute = Serverless(flags["memory"]) if flags["serverless"] else Instances(flags["instance_type"])
    check(Spec("doctor", "", "", compute))
    case = Case(model, source_options(settings_from(flags)), compute, image=_image(flags))
    findings = examine(case)
    if flags["as_json"]:
        write_json([dataclasses.asdict(each) for each in findings], indent=2)
    else:
        _show(findings)
    return FAILED if any(each.level == "error" for each in findings) else 0


def _image(flags: dict[str, Any]) -> "ImageFacts":
    """Facts from the local engine, or from ECR for a name there. Without access to ECR, a warning and no facts."""
    from mooring.deploy.image import DEFAULT_IMAGE, ImageFacts, region_of
    from mooring.deploy.registry import facts_of

    image = flags.pop("image") or DEFAULT_IMAGE
    region = region_of(image)
    if region is None:
        return facts_of(image, None)
    try:
        return facts_of(image, opened_session(flags | {"region": flags["region"] or region}))
    except AccountError as error:
        warn(error.message)
        return ImageFacts(image, "")


_SIGNS = {"error": ("✗", "red"), "warning": ("!", "yellow"), "ok": ("✓", "green")}


def _show(findings: "tuple[Finding, ...]") -> None:
    for each in findings:
        sign, colour = _SIGNS[each.level]
        click.echo(f"{click.style(sign, fg=colour)} {each.check:<13} {each.what}")
        if each.way_out:
            click.echo(f"  {'':<13} {click.style(each.way_out, dim=True)}")
    errors = sum(each.level == "error" for each in findings)
    warnings = sum(each.level == "warning" for each in findings)
    counts = f"{errors} error{'' if errors == 1 else 's'}, {warnings} warning{'' if warnings == 1 else 's'}."
    click.echo(counts if errors or warnings else "No problems found.")
