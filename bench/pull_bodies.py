"""Export bodies as Mixpanel sends them, and a server that does nothing but send them.

One gzipped file a day, lines of the shape of a recorded export, drawn by hashing row numbers: the
same size is the same data. One event in a hundred comes twice, one group key in four is a list.

    python -m bench.pull_bodies FOLDER      serves FOLDER, and prints its address
"""

from __future__ import annotations

import sys
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import duckdb

FIRST_DAY = date(2026, 1, 1)
_LINE = """
    '{"event":"' || ['Page Viewed','Dashboard Viewed','Report Opened','Search Run','Logged In',
        'Report Created','Filter Changed','Comment Added'][1 + h(n, 1, 8)] ||
    '","properties":{"time":' || ms || ',"distinct_id":"user-' || person ||
    '","$device_id":"' || format('{:016x}', hash(person, 2)) || '","$user_id":"user-' || person ||
    '","$insert_id":"' || CAST(CAST(md5(CAST(n AS VARCHAR)) AS UUID) AS VARCHAR) ||
    '","$mp_api_endpoint":"api.mixpanel.com","$mp_api_timestamp_ms":' || ms + h(n, 3, 90) ||
    ',"$mp_event_size":' || 380 + h(n, 4, 60) ||
    ',"mp_processing_time_ms":' || ms + 400 + h(n, 5, 900) ||
    ',"$browser":"' || ['Chrome','Safari','Firefox'][1 + h(sitting, 6, 3)] ||
    '","$city":"' || ['Berlin','Paris','New York','Lyon','Boston','Tokyo'][1 + h(person, 7, 6)] ||
    '","$os":"' || ['Mac OS X','Windows'][1 + h(sitting, 8, 2)] ||
    '","mp_country_code":"' || ['DE','FR','US'][1 + h(person, 9, 3)] || '","company_id":' ||
    IF(h(n, 10, 4) = 0, '["acct-' || account || '"]', '"acct-' || account || '"') ||
    ',"plan":"' || ['pro','team','free'][1 + h(account, 11, 3)] || '"}}'
"""


def write_bodies(folder: Path, events: int, days: int) -> list[Path]:
    """Write the body of each day to FOLDER/DAY.jsonl.gz, unless it is there; in order."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    with duckdb.connect(config={"threads": 2}) as con:
        con.execute("SET enable_progress_bar = false")
        con.execute("CREATE MACRO h(x, salt, n) AS CAST(hash(x, salt) % n AS BIGINT)")
        for number in range(days):
            day = FIRST_DAY + timedelta(days=number)
            path = folder / f"{day}.jsonl.gz"
            made.append(path)
            if path.exists():
                continue
            begin, end = events * number // days, events * (number + 1) // days
            midnight = (day - date(1970, 1, 1)).days * 86_400_000
            con.execute(
                f"""COPY (
                SELECT {_LINE} FROM (
                    SELECT *, h(person, 12, 50000) AS account FROM (
                        SELECT *, h(sitting, 13, 200000) AS person,
                            {midnight} + h(n, 14, 86400000) AS ms FROM (
                            SELECT n, n // 5 AS sitting FROM (
                                SELECT IF(i % 100 = 99, i - 1, i) AS n
                                FROM range({begin}, {end}) AS rows(i)))))
                ) TO '{path}.new' (FORMAT csv, HEADER false, QUOTE '', ESCAPE '',
                    DELIMITER '\x01', COMPRESSION gzip)"""
            )
            Path(f"{path}.new").rename(path)
    return made


class _Handler(BaseHTTPRequestHandler):
    """GET …/export?from_date=D&to_date=D: the body of that day as it lies there, in chunks."""

    protocol_version = "HTTP/1.1"
    folder: Path

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        first, last = (asked[name][0] for name in ("from_date", "to_date"))
        path = self.folder / f"{first}.jsonl.gz"
        if first != last or not path.exists():
            self.send_error(400)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with path.open("rb") as file:
            while piece := file.read(1 << 18):
                self.wfile.write(b"%x\r\n" % len(piece) + piece + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        """Nothing."""


def main() -> None:
    """Serve until the process is ended."""
    _Handler.folder = Path(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
