"""One pull of Mixpanel bodies, in a process of its own: by Gatepost, by mixpanel-utils, or barely.

python -m bench.pull_once gatepost|mixpanel-utils|bare URL FIRST_DAY LAST_DAY FOLDER
"""

from __future__ import annotations

import gc
import sys
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any


def gatepost(url: str, first: date, last: date, folder: Path) -> int:
    """Pull into FOLDER/.gatepost/lake as a sync does; gives the number of rows."""
    gc.disable()  # as the program does
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


_BARE = """COPY (
    SELECT event, make_timestamp(properties.time * 1000) AS ts, properties.company_id AS account,
        properties.distinct_id AS who, properties."$insert_id" AS id, properties.plan AS plan
    FROM read_json('{body}', format = 'newline_delimited', columns = {{event: 'VARCHAR',
        properties: 'STRUCT("time" BIGINT, company_id VARCHAR, distinct_id VARCHAR,
            "$insert_id" VARCHAR, plan VARCHAR)'}})
    ORDER BY account, ts) TO '{file}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"""


def bare(url: str, first: date, last: date, folder: Path) -> int:
    """The least that leads to sorted Parquet with the same libraries, for comparison: inflate a day
    while the engine reads, sorts and writes the day before. No duplicates, kinds, checks, commits.
    Gives the number of rows."""
    import shutil
    from concurrent.futures import ThreadPoolExecutor

    import duckdb
    import requests
    from isal import igzip

    def had(day: date) -> Path:
        asked = {"from_date": str(day), "to_date": str(day)}
        path = folder / f"{day}.jsonl"
        with (
            requests.get(f"{url}/api/2.0/export", asked, stream=True, timeout=60) as answer,
            igzip.open(answer.raw) as body,  # type: ignore[no-untyped-call]
            path.open("wb") as file,
        ):
            shutil.copyfileobj(body, file, 1 << 18)
        return path

    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    config: dict[str, Any] = {"threads": 2, "memory_limit": "210MB", "temp_directory": str(folder)}
    rows = 0
    with ThreadPoolExecutor(1) as pool, duckdb.connect(config=config) as con:
        con.execute("SET enable_progress_bar = false")
        coming = [pool.submit(had, day) for day in days[:1]]
        for number, day in enumerate(days):
            body = coming.pop().result()
            coming += [pool.submit(had, after) for after in days[number + 1 : number + 2]]
            found = con.execute(_BARE.format(body=body, file=folder / f"{day}.parquet"))
            rows += found.fetchall()[0][0]
            body.unlink()
    return rows


def main() -> None:
    """Print the number of rows."""
    who, url, first, last, folder = sys.argv[1:]
    pull = {"gatepost": gatepost, "mixpanel-utils": mixpanel_utils, "bare": bare}[who]
    print(pull(url, date.fromisoformat(first), date.fromisoformat(last), Path(folder)))


if __name__ == "__main__":
    main()
