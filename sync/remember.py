"""What a run leaves behind so that the next one, with nothing new, ends at once."""

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from config.key_maps import key_map_files
from connectors.files import FilesConnector
from sync.quick import config_folder, listing, run_key, seen_files
from sync.state import RUN_KEY

if TYPE_CHECKING:
    from sync.cycle import Cycle

Files = dict[str, list[int] | None]


def inputs(cycle: "Cycle") -> list[Path] | None:
    """Every file and folder that a run of this project reads; None where not all of it is files."""
    project = cycle.project
    accounts = project.mapping.accounts
    objects = {(accounts.from_, accounts.object)}
    objects |= {(entry.from_, entry.object or "") for entry in project.mapping.events}
    folder = config_folder(project.folder)
    paths = [folder / "gatepost.yaml", folder / "mapping.yaml", *listing(folder / "journeys")]
    paths += key_map_files(project.mapping, project.folder.absolute())
    for name, object_name in sorted(objects):
        connector = cycle.connector(name)
        if not isinstance(connector, FilesConnector):
            return None
        if object_name:
            paths.append(connector.object_path(object_name).absolute())
        else:
            paths += listing(connector.root.absolute() / "events")
    return paths


def remember(cycle: "Cycle", before: Files, *, wrote: bool) -> None:
    """Keep what all inputs looked like, so that a sync with nothing new ends at once.

    As they were before anything was read: what changed meanwhile is new to the next run. But for
    the object that we wrote ourselves: it is looked at now, a moment after it was renamed there.
    """
    spec = cycle.project.mapping.accounts
    connector = cycle.connector(spec.from_)
    if wrote and isinstance(connector, FilesConnector):
        before |= seen_files([connector.object_path(spec.object).absolute()])
    # Somebody may delete the lake, to have it pulled anew.
    sources = (cycle.lake.source_folder(entry.name) for entry in cycle.project.mapping.events)
    before |= seen_files(folder.absolute() for folder in sources)
    zones = {journey.journey.timezone for journey in cycle.journeys}
    today = {zone: cycle.now.astimezone(ZoneInfo(zone)).date() for zone in zones}
    cycle.state.set_setting(RUN_KEY, run_key(version("gatepost"), before, cycle.as_of, today))
