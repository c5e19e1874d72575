"""The options of `moor deploy`, and the `Order` made from them."""

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
    """A decorator that adds all options, in the order of the help text."""
    return _all((*_what(), *_machines(), *_where(), *_how()))(function)


def _all(options: tuple[_Decorator, ...]) -> _Decorator:
    def decorate(function: Any) -> Any:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def image_option(function: Any) -> Any:
    """A decorator that adds --image and its environment variable."""
    text = "Image in ECR, or in the local Docker or Podman; moor deploy pushes a local one.  [default: mooring]"
    return click.option("--image", metavar="URI", envvar="MOORING_IMAGE", help=text)(function)


def _what() -> tuple[_Decorator, ...]:
    return (
        click.option(
            "--name", metavar="NAME", help="Name of the endpoint and its resources.  [default: the model's name]"
        ),
        click.option("--calibration", type=click.Path(path_type=Path), help="Questions to calibrate an int8 build on."),
        click.option(
            "--build/--no-build", default=None, help="Build the model first.  [default: only with --calibration]"
        ),
        click.option(
            "--code", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder to pack as code/."
        ),
        image_option,
        click.option(
            "--env", "environment", multiple=True, metavar="K=V", help="Environment variable of the container."
        ),
        click.option("--tag", "tags", multiple=True, metavar="K=V", help="Tag of every created resource."),
    )


def _machines() -> tuple[_Decorator, ...]:
    return (
        click.option("--instance-type", metavar="TYPE", help="Instance type.  [default: ml.c7i.large]"),
        click.option("--instances", type=int, metavar="N", help="Number of instances.  [default: 1]"),
        click.option("--min-instances", type=int, metavar="N", help="Minimum instances for autoscaling.  [default: 1]"),
        click.option("--max-instances", type=int, metavar="N", help="Maximum instances; turns autoscaling on."),
        click.option(
            "--target",
            type=float,
            metavar="N",
            help="Autoscaling target per instance, in invocations per minute, or in waiting requests with --async.  "
            "[default: 1000; 5 with --async]",
        ),
        click.option("--serverless", is_flag=True, help="Deploy without instances and pay per request."),
        click.option("--memory", type=int, metavar="MB", help="Memory of a serverless endpoint.  [default: 3072]"),
        click.option(
            "--max-concurrency", type=int, metavar="N", help="Concurrency of a serverless endpoint.  [default: 5]"
        ),
        click.option("--async", "asynchronous", is_flag=True, help="Exchange requests and answers through S3."),
        click.option("--multi-model", is_flag=True, help="Serve several models; MODEL is added to the others."),
    )


def _where() -> tuple[_Decorator, ...]:
    return (
        click.option(
            "--role", metavar="ARN|NAME", envvar="MOORING_ROLE", help="Execution role.  [default: the caller's role]"
        ),
        click.option("--bucket", metavar="NAME", help="Bucket for the model.  [default: sagemaker-REGION-ACCOUNT]"),
        place_options,
    )


def _how() -> tuple[_Decorator, ...]:
    return (
        click.option("--dry-run", is_flag=True, help="Show the planned actions and do nothing."),
        click.option("--emit", type=click.Choice(["cloudformation"]), help="Print a template instead of deploying."),
        click.option("--wait/--no-wait", default=True, help="Wait until the endpoint is in service.  [default: wait]"),
        click.option("--yes", is_flag=True, help="Do not ask for confirmation."),
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
        setting_options(*SETTINGS),
    )


def order_of(model: str | None, flags: dict[str, Any]) -> "Order":
    """The order from the flags. Raises UsageError for contradictory flags."""
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
                hint = "Name a folder, a .tar.gz or a Hub id as MODEL."
                raise UsageError(f"--{flag} has no effect on {model or 'the model of the image'}.", hint=hint)
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
            flag = f"--{name.replace('_', '-')}"
            what = "has no effect with" if serverless else "needs"
            hint = f"Leave out {flag}{'' if serverless else ', or add --serverless'}."
            raise UsageError(f"{flag} {what} --serverless.", hint=hint)
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
            raise UsageError("Autoscaling needs a maximum.", hint="Add --max-instances N.")
        return None
    usual = spec.DEFAULT_BACKLOG if flags["asynchronous"] else spec.DEFAULT_TARGET
    return spec.Scaling(_or(least, 1), most, _or(flags["target"], usual))


def _or(given: Any, usual: Any) -> Any:
    return usual if given is None else given
