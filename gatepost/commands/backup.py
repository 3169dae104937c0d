"""`gatepost backup`: a copy of all that Gatepost keeps, also while it works."""

from datetime import UTC, datetime
from pathlib import Path

import click

from gatepost.cells import counted
from gatepost.options import Ask, Command, asks, format_option

EXAMPLES = (
    ("Into the folder that gatepost.yaml names, keeping the newest seven", "gatepost backup"),
    ("Somewhere else; nothing there is removed", "gatepost backup /mnt/backups"),
    ("As one file", "gatepost backup acme.tar.gz --project acme"),
)


@click.command("backup", cls=Command, examples=EXAMPLES)
@click.argument("target", required=False, metavar="[FILE|FOLDER]", type=click.Path(path_type=Path))
@asks(day=False)
@click.option(
    "--keep", type=click.IntRange(1), metavar="NUMBER",
    help="Remove all but the newest NUMBER; as gatepost.yaml says if no FOLDER is given.",
)  # fmt: skip
@format_option("table", "json")
def command(ask: Ask, target: Path | None, keep: int | None, style: str) -> None:
    """Copy all that Gatepost keeps, as it works.

    In FOLDER a new folder named after the time is made; a FILE ends in .tar or .tar.gz. The copy is
    read back before it gets its name. To restore it, stop Gatepost and copy it to where the home
    was. The project's own files are not in it.
    """
    from gatepost import tables
    from gatepost.opening import bar_for, sound_project
    from sync.backup import back_up

    project = sound_project(ask)
    if target is None:
        target = project.folder / project.gatepost.backup.folder
        keep = keep or project.gatepost.backup.keep
    with bar_for(ask) as bar:
        made = back_up(project.home, target, datetime.now(UTC), keep=keep, tick=bar.tick)
    if style == "json":
        tables.emit(tables.json_lines([made.to_json()]))
        return
    linked = f", {made.linked:,} of them linked" if made.linked else ""
    tables.emit([f"{made.path}: {counted(made.files, 'file')} with {made.bytes:,} bytes{linked}"])
    if made.again:
        ask.note(
            f"{counted(made.again, 'part')} of the lake changed meanwhile: pulled anew if restored."
        )
    for path in made.removed:
        ask.note(f"removed {path}")
