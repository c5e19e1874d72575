"""`moor serve [MODEL]`: run a server until it is told to stop.

A single process that listens itself, or with --front nginx a supervisor of several workers (`moor worker`), which is
process 1 of the container.
"""

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from mooring.cli import banner
from mooring.cli.border import explain, say
from mooring.cli.options import MODEL_OPTIONS, setting_options, settings_from
from mooring.cli.progress import download_bar
from mooring.observe.memory import uncollected, without
from mooring.settings import Settings, environment_notes


@click.command("serve", short_help="Serve a model over HTTP.")
@click.argument("models", metavar="[MODEL]...", nargs=-1)
@setting_options(
    "host",
    "port",
    *MODEL_OPTIONS,
    "more_models",
    "model_name",
    "task",
    "base_dir",
    "program",
    "submit_dir",
    "packages_dir",
    "requirements_timeout_s",
    "retry_user_code",
    "max_windows",
    "too_long",
    "max_queue_ms",
    "answer_cache_bytes",
    "allowed_host",
    "page",
    "max_body_bytes",
    "max_in_flight",
    "deadline_s",
    "keep_alive_s",
    "drain_s",
    "drain_delay_s",
    "multi_model",
    "batch",
    "max_records",
    "batch_strict",
    "default_accept",
    "ping_always_200",
    "strict_content_types",
    "hft_errors",
    "front",
    "workers",
    "standby",
    "log_level",
    "log_format",
)
def command(models: tuple[str, ...], **flags: Any) -> int:
    """Serve MODEL over HTTP: a folder, a .tar.gz or a Hub id. Without MODEL, serve the embedded model.

    Several models share one server: a request names its model in `model`, or gets the first one that offers the route's
    task. NAME=MODEL gives a model another name.

    POST /invocations returns answers, GET /ping the model's health. Ctrl-C finishes in-flight requests, then exits.
    """
    more = ",".join(filter(None, (*models[1:], flags.get("more_models"))))
    settings = settings_from({**flags, "model": models[0] if models else None, "more_models": more or None})
    # Here and not above: `moor --help` must not load numpy, OpenVINO and the web framework.
    with without("rich"):  # our log lines format exceptions themselves
        from mooring.observe.logs import configure_logs

    configure_logs(settings.log_level, settings.log_format)
    if sys.stdout.isatty():
        click.echo(f"Loading {settings.model or 'the model'} …")
    notes = list(environment_notes())

    def ready(facts: Mapping[str, Any], url: str) -> None:
        """`facts` are those of `/info`: "model", "backend" and "warnings"; `url` is the address that was bound."""
        if facts.get("multi_model"):
            rows = [("models", "none yet, load them with POST /models"), ("address", url)]
        else:
            rows = banner.facts(facts["model"], facts["backend"], url, settings.host)
        if isinstance(facts.get("models"), dict):
            rows = [*banner.models(facts["models"]), *rows[-1:]]
        rows += banner.handler(facts.get("handler", {})) + banner.workers(facts.get("topology", {}))
        banner.show(
            rows, banner.trial(url, facts.get("example", {"inputs": "…"})), (*notes, *facts.get("warnings", ()))
        )

    if settings.front == "nginx":
        from mooring.container.proxy import find_nginx
        from mooring.container.supervisor import supervise

        if (program := find_nginx()) is not None:
            code, reason = supervise(settings, program, ready=ready)
            if reason:
                say(reason)
            return code
        notes.append("nginx is not installed, so one process serves without it.")
    _alone(settings, ready)
    return 0


def _alone(settings: Settings, ready: Any) -> None:
    with uncollected():
        from mooring.wiring.server import serve

    with ExitStack() as until_ready:
        progress = until_ready.enter_context(download_bar(settings.model or "the model"))

        def after_the_bar(facts: Mapping[str, Any], url: str) -> None:
            until_ready.close()
            ready(facts, url)

        serve(settings, ready=after_the_bar, progress=progress)


@click.command("worker", hidden=True)
@click.option("--slot", type=int, required=True)
@click.option("--socket", type=click.Path(path_type=Path), required=True)
@click.option("--line", type=int, required=True)
@click.option("--pulse", type=int, required=True)
@click.option("--cores", default="")
@click.option("--user")
@click.option("--models", type=click.Path(path_type=Path))
@click.option("--expect", type=(str, str), multiple=True)
def worker(line: int, cores: str, expect: tuple[tuple[str, str], ...], **options: Any) -> int:
    """Serve on a Unix socket for a supervisor. Internal: `moor serve --front nginx` starts it."""
    from mooring.container import link
    from mooring.container.worker import Post, serve

    reporter = link.Reporter(line)
    try:
        numbers = tuple(int(core) for core in cores.split(",") if core)
        serve(Post(cores=numbers, expected=dict(expect), **options), reporter)
    except Exception as error:  # Border: process 1 logs each reason once; printed here, it would appear at every retry.
        complaint = explain(error)
        text = f"{complaint.message} {complaint.hint}".strip()
        reporter.say(link.FAILED, type=type(error).__name__, message=text)
        return complaint.code
    return 0
