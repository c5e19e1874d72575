"""`moor pack MODEL -o model.tar.gz`: a model in, the archive that SageMaker unpacks out."""

import json
from pathlib import Path
from typing import Any

import click

from mooring.cli.opening import warn
from mooring.cli.options import setting_options, settings_from

SETTINGS = ("revision", "cache_dir", "hub_endpoint", "offline")


@click.command("pack", short_help="Make a model.tar.gz of a model.")
@click.argument("model")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), default=Path("model.tar.gz"), show_default=True
)
@click.option("--code", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder to pack as code/.")
@click.option("--json", "as_json", is_flag=True, help="The result as JSON on stdout.")
@setting_options(*SETTINGS)
def command(model: str, out: Path, code: Path | None, as_json: bool, **flags: Any) -> None:
    """Pack MODEL (a folder, a .tar.gz or a Hub id) as SageMaker expects it: the model at the top, code/ beside it.

    The same files make the same bytes, whenever and wherever they are packed.
    """
    from mooring.cli.progress import download_bar
    from mooring.deploy.pack import pack, root_of
    from mooring.model.source import resolve
    from mooring.wiring.source import source_options

    with download_bar(model) as progress:
        found = resolve(model, source_options(settings_from(flags), progress))
    root = root_of(found, code)
    if root == found.folder:  # else its layout is what it has to be
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
    warn(*(f"{name} is left out: serving does not read it." for name in packed.left_out))
    click.echo(f"{out}: {len(packed.members)} files, {packed.unpacked / 1e6:.1f} MB, packed {packed.size / 1e6:.1f} MB")
    click.echo(f"  sha256:{packed.digest}")
