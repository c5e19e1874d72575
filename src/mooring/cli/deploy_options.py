"""The options of `moor deploy`, and the order that they make. Used by `deploy.py` alone."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mooring.cli.narration import pairs, place_options
from mooring.cli.options import setting_options, settings_from
from mooring.errors import UsageError

if TYPE_CHECKING:
    from mooring.deploy.archive import Wanted
    from mooring.deploy.deployment import Order
    from mooring.deploy.spec import Instances, Scaling, Serverless

SETTINGS = ("revision", "cache_dir", "hub_endpoint", "offline", "threads")

_Decorator = Callable[[Any], Any]


def deploy_options(function: Any) -> Any:
    """A decorator that adds all of them, in the order in which help shows them."""
    return _all((*_what(), *_machines(), *_where(), *_how()))(function)


def _all(options: tuple[_Decorator, ...]) -> _Decorator:
    def decorate(function: Any) -> Any:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def image_option(function: Any) -> Any:
    """--image, and the variable for it."""
    text = "An ECR name, or an image of this machine's engine, which is pushed.  [default: mooring]"
    return click.option("--image", metavar="URI", envvar="MOORING_IMAGE", help=text)(function)


def _what() -> tuple[_Decorator, ...]:
    return (
        click.option(
            "--name", metavar="NAME", help="Of the endpoint and all that belongs to it.  [default: the model's]"
        ),
        click.option(
            "--calibration", type=click.Path(path_type=Path), help="Real questions: build int8 with them first."
        ),
        click.option("--build/--no-build", default=None, help="Build it first.  [default: if there is --calibration]"),
        click.option(
            "--code", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder to pack as code/."
        ),
        image_option,
        click.option("--env", "environment", multiple=True, metavar="K=V", help="Variable of the container."),
        click.option("--tag", "tags", multiple=True, metavar="K=V", help="Tag of everything that is made."),
    )


def _machines() -> tuple[_Decorator, ...]:
    return (
        click.option("--instance-type", metavar="TYPE", help="[default: ml.c7i.large]"),
        click.option("--instances", type=int, metavar="N", help="How many.  [default: 1]"),
        click.option("--min-instances", type=int, metavar="N", help="Scale between this …"),
        click.option("--max-instances", type=int, metavar="N", help="… and this, with the load."),
        click.option(
            "--target", type=float, metavar="N", help="Invocations a minute and instance to aim at.  [default: 1000]"
        ),
        click.option("--serverless", is_flag=True, help="No instances: pay per request."),
        click.option("--memory", type=int, metavar="MB", help="Of a serverless endpoint.  [default: 3072]"),
        click.option("--max-concurrency", type=int, metavar="N", help="Of a serverless endpoint.  [default: 5]"),
        click.option("--async", "asynchronous", is_flag=True, help="Requests and answers through S3, up to 1 GB."),
        click.option(
            "--multi-model", is_flag=True, help="Several models behind one endpoint; this one is put beside them."
        ),
    )


def _where() -> tuple[_Decorator, ...]:
    return (
        click.option(
            "--role", metavar="ARN|NAME", envvar="MOORING_ROLE", help="SageMaker's.  [default: the caller's own]"
        ),
        click.option("--bucket", metavar="NAME", help="For the model.  [default: sagemaker-REGION-ACCOUNT]"),
        place_options,
    )


def _how() -> tuple[_Decorator, ...]:
    return (
        click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing."),
        click.option("--emit", type=click.Choice(["cloudformation"]), help="Print a template instead of deploying."),
        click.option("--wait/--no-wait", default=True, help="Wait until it serves.  [default: wait]"),
        click.option("--yes", is_flag=True, help="Do not ask before something that costs money is made."),
        click.option("--json", "as_json", is_flag=True, help="The result as JSON on stdout."),
        setting_options(*SETTINGS),
    )


def order_of(model: str | None, flags: dict[str, Any]) -> "Order":
    """The order that the flags make. Raises UsageError for flags that exclude each other."""
    from mooring.deploy.deployment import Order
    from mooring.deploy.image import DEFAULT_IMAGE

    return Order(
        name=flags["name"],
        model=_model(model, flags),
        image=flags["image"] or DEFAULT_IMAGE,
        role=flags["role"],
        bucket=flags["bucket"],
        compute=_compute(flags),
        asynchronous=flags["asynchronous"],
        multi_model=flags["multi_model"],
        scaling=_scaling(flags),
        environment=pairs("--env", flags["environment"]),
        tags=pairs("--tag", flags["tags"]),
    )


def _model(model: str | None, flags: dict[str, Any]) -> "Wanted | str | None":
    from mooring.deploy.archive import Wanted
    from mooring.wiring.source import source_options

    settings = settings_from({name: flags.pop(name) for name in SETTINGS})
    if model is None or model.startswith("s3://"):
        for flag in ("calibration", "code"):
            if flags[flag] is not None:
                raise UsageError(f"--{flag} needs a MODEL on this machine or on the Hub.")
        return model
    return Wanted(
        model,
        source_options(settings),
        code=flags["code"],
        calibration=flags["calibration"],
        build=flags["build"],
        threads=settings.threads,
    )


def _compute(flags: dict[str, Any]) -> "Instances | Serverless":
    from mooring.deploy import spec

    serverless = flags["serverless"]
    wrong = ("instance_type", "instances") if serverless else ("memory", "max_concurrency")
    for name in wrong:
        if flags[name] is not None:
            kind = "has no instances" if serverless else "is for --serverless"
            raise UsageError(
                f"--{name.replace('_', '-')} {'excludes --serverless: that ' if serverless else ''}{kind}."
            )
    if serverless:
        return spec.Serverless(
            _or(flags["memory"], spec.DEFAULT_MEMORY_MB), _or(flags["max_concurrency"], spec.DEFAULT_CONCURRENCY)
        )
    return spec.Instances(flags["instance_type"] or spec.DEFAULT_INSTANCE, _or(flags["instances"], 1))


def _scaling(flags: dict[str, Any]) -> "Scaling | None":
    from mooring.deploy import spec

    least, most = flags["min_instances"], flags["max_instances"]
    if most is None:
        if least is not None or flags["target"] is not None:
            raise UsageError("Autoscaling needs an upper bound.", hint="Give --max-instances N.")
        return None
    usual = spec.DEFAULT_BACKLOG if flags["asynchronous"] else spec.DEFAULT_TARGET
    return spec.Scaling(_or(least, 1), most, _or(flags["target"], usual))


def _or(given: Any, usual: Any) -> Any:
    return usual if given is None else given
