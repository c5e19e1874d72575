"""`moor pack MODEL -o model.tar.gz`: pack a model into the archive that SageMaker unpacks."""

import json
from pathlib import Path
from typing import Any

import click

from mooring.cli.opening import warn
from mooring.cli.options import setting_options, settings_from

SETTINGS = ("revision", "cache_dir", "hub_endpoint", "offline")


@click.command("pack", short_help="Pack a model into a model.tar.gz.")
@click.argument("model")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("model.tar.gz"),
    show_default=True,
    help="Archive to write.",
)
@click.option("--code", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder to pack as code/.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@setting_options(*SETTINGS)
def command(model: str, out: Path, code: Path | None, as_json: bool, **flags: Any) -> None:
    """Pack MODEL (a folder, a .tar.gz or a Hub id) for SageMaker: the model at the top of the archive, code/ beside it.

    The archive is reproducible: the same files give the same bytes.
    """
    from mooring.cli.progress import download_bar
    from mooring.deploy.pack import pack, root_of
    from mooring.model.source import resolve
    from mooring.wiring.source import source_options

    with download_bar(model) as progress:
        found = resolve(model, source_options(settings_from(flags), progress))
    root = root_of(found, code)
    if root == found.folder:  # otherwise its code needs the layout as it is
        warn(*found.warnings)
    packed = pack(root, out, code)
    if as_json:
        facts = {
            "path": str(out),
            "digest": f"sha256:{packed.digest}",
            "bytes": packed.size,
            "unpacked": packed.unpacked,
        }
        click.echo(json.dumps(facts | {"members": packed.members, "left_out": packed.left_out}, indent=2))
        return
    warn(*(f"{name} was left out: the server does not read it." for name in packed.left_out))
    click.echo(f"{out}: {len(packed.members)} files, {packed.unpacked / 1e6:.1f} MB, packed {packed.size / 1e6:.1f} MB")
    click.echo(f"  sha256:{packed.digest}")
