"""`moor serve [MODEL]`: settings in, a server until it is told to stop out. `banner.py` has what it says."""

import sys
from collections.abc import Mapping
from typing import Any

import click

from mooring.cli import banner
from mooring.cli.options import MODEL_OPTIONS, setting_options, settings_from
from mooring.cli.progress import download_bar
from mooring.settings import unknown_variables


@click.command("serve", short_help="Serve a model over HTTP.")
@click.argument("model", required=False)
@setting_options(
    "host",
    "port",
    *MODEL_OPTIONS,
    "max_windows",
    "queue_tokens",
    "max_body_bytes",
    "deadline_s",
    "keep_alive_s",
    "drain_s",
    "log_level",
    "log_format",
)
def command(**flags: Any) -> None:
    """Serve MODEL: a folder, a .tar.gz or a Hub id; without one, the embedded model.

    POST /invocations answers, GET /ping says whether the model does. Ctrl-C ends it.
    """
    settings = settings_from(flags)
    # Here and not above: `moor --help` must not load numpy, OpenVINO and the web framework.
    from mooring.observe.logs import configure_logs
    from mooring.wiring.server import serve

    configure_logs(settings.log_level, settings.log_format)
    what = settings.model or "the embedded model"
    if sys.stdout.isatty():
        click.echo(f"Loading {what} …")

    def ready(facts: Mapping[str, Any], url: str) -> None:
        """`facts` are `/info`'s: "model", "backend" and "warnings"; `url` is the address that is really bound."""
        rows = banner.facts(facts["model"], facts["backend"], url, settings.host)
        banner.show(rows, banner.trial(url), (*unknown_variables(), *facts.get("warnings", ())))

    with download_bar(what) as progress:
        serve(settings, ready=ready, progress=progress)
