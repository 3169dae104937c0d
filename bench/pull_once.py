"""One pull of Mixpanel bodies, in a process of its own: by Gatepost, or by mixpanel-utils.

python -m bench.pull_once gatepost|mixpanel-utils URL FIRST_DAY LAST_DAY FOLDER
"""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any


def gatepost(url: str, first: date, last: date, folder: Path) -> int:
    """Pull into FOLDER/.gatepost/lake as a sync does; gives the number of rows."""
    from config.mapping_file import EventsEntry
    from config.project_file import Connection, Gatepost
    from connectors.mixpanel.connector import MixpanelConnector
    from sync.lake import Lake
    from sync.pull_events import pull_events
    from sync.state import State

    options = {"project_id": 1, "username": "bench", "since": str(first), "window_days": 1,
               "requests_per_hour": 100_000, "api_budget": 1}  # fmt: skip
    connection = Connection(type="mixpanel", url=url, options=options)
    evening = datetime.combine(last, time(23), UTC)
    connector = MixpanelConnector("product", connection, folder, clock=_clock(evening))
    home = folder / ".gatepost"
    project: Any = SimpleNamespace(
        folder=folder, home=home, gatepost=Gatepost(connections={"product": connection})
    )
    entry = EventsEntry.model_validate({
        "from": "product", "account": {"property": "company_id", "equals": "id"},
        "user": "distinct_id", "keep": ["plan"],
    })  # fmt: skip
    home.mkdir(parents=True)
    with State(home) as state:
        return pull_events(project, entry, connector.events(None), Lake(home), state).rows


def _clock(begin: datetime) -> Any:
    """Goes on from an instant, as the real one does."""
    started = datetime.now(UTC)
    return lambda: begin + (datetime.now(UTC) - started)


def mixpanel_utils(url: str, first: date, last: date, folder: Path) -> int:
    """Have the events as a list of dictionaries, day by day; gives their number."""
    del folder
    from mixpanel_utils import MixpanelUtils

    client = MixpanelUtils("bench", service_account_username="bench", project_id=1)
    client.raw_api = f"{url}/api"
    count, day = 0, first
    while day <= last:
        asked = {"from_date": str(day), "to_date": str(day)}
        count += len(client.query_export(asked, add_gzip_header=True))
        day += timedelta(days=1)
    return count


def main() -> None:
    """Print the number of rows."""
    who, url, first, last, folder = sys.argv[1:]
    pull = {"gatepost": gatepost, "mixpanel-utils": mixpanel_utils}[who]
    print(pull(url, date.fromisoformat(first), date.fromisoformat(last), Path(folder)))


if __name__ == "__main__":
    main()
