"""What is read of a body, whatever shape and state it is in."""

import gzip
import json
import shutil
from datetime import datetime

import duckdb
import pytest

from config.errors import RetryLater, StopCycle
from sync import pull_careful
from tests.sync.lake_world import World

NOON = datetime(2026, 3, 1, 12)  # noqa: DTZ001 (the lake's instants are UTC without saying so)
NOON_SECONDS = 1_772_366_400


@pytest.fixture
def world(tmp_path):
    return World(tmp_path, keep={"plan": "plan"})


def lines(*records):
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def event(time=NOON_SECONDS, **more):
    return {"event": "E", "time": time, "acc": "a", **more}


def good(count):
    return lines(*(event(user=str(number)) for number in range(count)))


def rejected(world, part):
    path = world.project.home / "rejected" / "product" / f"{part}.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    ("time", "seen"),
    [
        (NOON_SECONDS, NOON),
        (NOON_SECONDS * 1000, NOON),
        (str(NOON_SECONDS), NOON),
        (f"{NOON_SECONDS}000", NOON),
        (NOON_SECONDS + 0.25, NOON.replace(microsecond=250_000)),
        (-1, datetime(1969, 12, 31, 23, 59, 59)),  # noqa: DTZ001
        (99_999_999_999, datetime(5138, 11, 16, 9, 46, 39)),  # noqa: DTZ001
        (100_000_000_000, datetime(1973, 3, 3, 9, 46, 40)),  # noqa: DTZ001
        ("2026-03-01T12:00:00Z", NOON),
        ("2026-03-01T12:00", NOON),
        ("2026-03-01 13:00:00.000+0100", NOON),
        ("2026-03-01T13:00:00 +01:00", NOON),
        ("2026-03-01T06:30:00-05:30", NOON),
        ("2026-03-01t12:00:00,123456789z", NOON.replace(microsecond=123_456)),
        (" 2026-03-01 12:00:00 UTC ", NOON),
    ],
)
def test_times(world, time, seen):
    world.put("a.jsonl", lines(event(time)))
    world.pull()
    [(_, _, _, instant, date_only, *_)] = world.rows()
    assert (instant, date_only) == (seen, False)


def test_a_date_without_time_is_said_to_be_one(world):
    world.put("a.jsonl", lines(event("2026-03-01")))
    world.pull()
    [(_, _, _, instant, date_only, *_)] = world.rows()
    assert (instant, date_only) == (NOON.replace(hour=0), True)


@pytest.mark.parametrize(
    "time",
    ["soon", "2026-02-30", "2026-03-01T24:00:00", "2026-03-01T12", "epoch", "infinity",
     "20260301T1", "2026-03-01T12:00:00+25:00", "1899-12-31", "0001-01-01",
     "9999-12-31T23:00:00-05:00", 1e300, -1e13, True, None, "", " ", ["2026-03-01"], {"at": 1}],
)  # fmt: skip
def test_a_time_that_cannot_be_read_is_a_rejected_row_and_stops_nothing(world, time):
    world.put("a.jsonl", lines(event(time), event()))
    report = world.pull()
    assert (report.rows, report.rejected) == (1, 1)
    [row] = rejected(world, "a.jsonl")
    assert (row["source"], row["part"], row["line"]) == ("product", "a.jsonl", 1)
    assert "time" in row["reason"]
    assert json.loads(row["text"]) == event(time)


def test_bad_rows_are_kept_aside_with_their_reasons(world):
    world.put(
        "a.jsonl",
        b'\xef\xbb\xbf{"event":"E","time":1,"acc":"a"}\nhello\n\n[1]\n'
        + lines({"time": 1}, {"event": "", "time": 1}, {"event": ["x"], "time": 1})
        + b'{"event":"\xff","time":1}\n{"event":"E","time":1}{"event":"E","time":1}\n{"event":"E",'
        + b"\n"
        + good(2),
    )
    report = world.pull()
    assert (report.rows, report.rejected) == (3, 8)
    assert [(row["line"], row["reason"]) for row in rejected(world, "a.jsonl")] == [
        (2, "it is no JSON"), (4, "it is no JSON object"), (5, "it has no event name"),
        (6, "it has no event name"), (7, "it has no event name"), (8, "it is not UTF-8 text"),
        (9, "it is no JSON"), (10, "it is no JSON"),
    ]  # fmt: skip
    world.put("a.jsonl", good(1))
    world.pull()
    assert rejected(world, "a.jsonl") == []


def test_only_the_first_thousand_are_kept_and_long_ones_are_cut(tmp_path):
    world = World(tmp_path, options={"max_rejected": 1})
    world.put("a.jsonl", b"x" * 50_000 + b"\n" + b"bad\n" * 1500)
    assert world.pull().rejected == 1501
    rows = rejected(world, "a.jsonl")
    assert len(rows) == 1000
    assert len(rows[0]["text"]) == 10_000


def test_too_many_bad_rows_stop_the_run_and_the_earlier_version_stays(world):
    world.put("a.jsonl", good(300))
    world.pull()
    before = world.rows()
    world.put("a.jsonl", good(379) + b"bad\n" * 21)
    with pytest.raises(
        StopCycle, match=r"product: a.jsonl: 21 of 400 rows .*line 380: it is no JSON"
    ):
        world.pull()
    assert world.rows() == before
    assert len(rejected(world, "a.jsonl")) == 21
    world.put("a.jsonl", good(380) + b"bad\n" * 20)
    assert world.pull().rejected == 20


@pytest.mark.parametrize("bad", [1, 19])
def test_a_part_of_nothing_but_bad_rows_stops_the_run_however_few_they_are(world, bad):
    world.put("a.jsonl", good(3))
    world.pull()
    before = world.rows()
    world.put("a.jsonl", b"bad\n" * bad)
    with pytest.raises(StopCycle, match=f"product: a.jsonl: {bad} of {bad} rows cannot be read"):
        world.pull()
    assert world.rows() == before
    world.put("a.jsonl", good(1) + b"bad\n" * bad)
    assert world.pull().rejected == bad


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("bad", [b"", b"bad\n"], ids=["fast", "careful"])
def test_only_line_feeds_end_lines(world, ending, bad):
    """A line separator of Unicode inside a text is part of the text, on both ways through."""
    text = "x\u2028y\u0085z\x0b"
    one = json.dumps(event(plan=text), ensure_ascii=False).encode().replace(b"\x0b", b"\\u000b")
    world.put("a.jsonl", one + ending + ending + one + ending + bad)
    world.pull()
    assert [row[6] for row in world.rows()] == [text, text]


def test_a_huge_line_is_an_event_and_an_endless_one_is_a_bad_row(world, monkeypatch):
    world.put("a.jsonl", lines(event(plan="x" * 3_000_000)) + good(1))
    world.pull()
    assert sorted(len(row[6] or "") for row in world.rows()) == [0, 3_000_000]
    monkeypatch.setattr(pull_careful, "MAX_LINE", 1_000_000)
    world.put("a.jsonl", good(1) + lines(event(plan="x" * 3_000_000)) + good(1) + b"bad\n")
    report = world.pull()
    assert (report.rows, report.rejected) == (2, 2)
    assert rejected(world, "a.jsonl")[0]["reason"] == "it is longer than 1,000,000 characters"


@pytest.mark.parametrize(
    "data", [b"", b"\n\n", gzip.compress(b""), b"\xef\xbb\xbf"], ids=["0", "nl", "gz", "bom"]
)
@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_body_without_records_is_no_events(world, kind, data):
    zipped = data.startswith(b"\x1f")
    world.put(f"a.{kind}{'.gz' if zipped else ''}", data)
    report = world.pull()
    assert (report.read, report.rows, report.rejected) == (1, 0, 0)
    assert world.pull().read == 0


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl.gz", gzip.compress(good(5000))[:-20]),
        ("a.jsonl.gz", gzip.compress(good(5000))[:-8]),
        ("a.jsonl.gz", good(5)),
        ("a.csv.gz", gzip.compress(b"event,time,acc\n" + b"E,1,a\n" * 50_000)[:-20]),
        ("a.parquet", b"PAR1 no"),
        ("a.parquet", b""),
    ],
    ids=["cut", "no trailer", "no gzip", "csv cut", "no parquet", "empty parquet"],
)
def test_a_damaged_file_is_a_sentence_and_nothing_of_it_enters_the_lake(world, name, data):
    world.put("b.jsonl", good(2))
    world.pull()
    before = world.rows()
    world.put(name, data)
    with pytest.raises(StopCycle, match=rf"{name} cannot be read: \w"):
        world.pull()
    assert world.rows() == before
    assert set(world.register()) == {"b.jsonl"}
    world.remove(name)
    assert not world.pull().changed


def test_a_list_of_accounts_is_an_event_for_each(world):
    world.put("a.jsonl", lines(event(acc=["b", "c", "b", 7, None, "", ["x"]]), event(acc=[])))
    report = world.pull()
    assert [row[0] for row in world.rows()] == ["7", "b", "c"]
    assert report.no_key == {"E": 1}


def test_events_without_an_account_are_counted_by_name(world):
    more = {"event": "F", "time": 1}
    world.put("a.jsonl", lines(event(acc=None), event(acc=""), more, event(acc={"x": 1}), event()))
    report = world.pull()
    assert report.no_key == {"E": 3, "F": 1}
    assert (report.rows, report.rejected) == (1, 0)
    assert world.register()["a.jsonl"] == (1, 0, 0, 4)


def test_what_a_property_was_is_kept_with_its_text(tmp_path):
    world = World(tmp_path, keep=["a", "b", "c", "d", "e", "f"])
    world.put("a.jsonl", lines(event(a="5", b=5, c=True, d=[1, {"x": None}], e=None, user=42)))
    world.pull()
    assert world.rows()[0][:2] == ("a", "42")
    assert world.rows()[0][6:] == ("5", 0, "5", 1, "true", 2, '[1,{"x":null}]', 3, *[None] * 4)


def test_the_top_level_comes_before_properties_unless_it_is_null(world):
    nested = {"plan": "nested", "acc": "nested", "time": 1, "user": "nested"}
    world.put("a.jsonl", lines({"event": "E", "acc": "top", "plan": None, "properties": nested}))
    world.pull()
    assert world.rows()[0][:3] == ("top", "nested", "E")
    assert world.rows()[0][6] == "nested"


def test_of_a_name_that_comes_twice_the_first_counts_and_case_tells_names_apart(world):
    world.put("a.jsonl", b'{"event":"E","time":1,"acc":"1","acc":"2","ACC":"3","Plan":"x"}\n')
    world.pull()
    assert world.rows()[0][0] == "1"
    assert world.rows()[0][6] is None


@pytest.mark.parametrize(
    "name", ["a.b", "$x", "it's", 'q"q', "b\\s", "a/b", "a~b", "*", "0", "é ", "properties"]
)
def test_any_name_can_be_kept(tmp_path, name):
    world = World(tmp_path, keep={"p": name}, account={"property": name, "equals": "id"})
    world.put("a.jsonl", lines({"event": "E", "time": 1, name: "v", "other": 1}))
    world.put("b.jsonl", lines({"event": "E", "time": 1, "properties": {name: "w"}, name: None}))
    world.pull()
    assert [(row[0], row[6]) for row in world.rows()][:1] == [("v", "v")]
    if name != "properties":
        assert [(row[0], row[6]) for row in world.rows()][1:] == [("w", "w")]


def test_csv_columns_are_properties_and_empty_cells_are_absent(world):
    world.put("a.csv", b'event;time;acc;plan;user\nE;2026-03-01T12:00:00Z;a;"x\r\ny;z";\n')
    world.pull()
    assert world.rows() == [("a", None, "E", NOON, False, None, "x\r\ny;z", 0)]


def test_csv_rows_that_do_not_fit_are_rejected_and_the_others_read(world):
    world.put("a.csv", b'event,time,acc\nE,1,a\nE,1\nE,1,"a\nE,2,b\nE,x,c\nE,3,"d\ne"\n')
    report = world.pull()
    assert [row[0] for row in world.rows()] == ["a", "b", "d\ne"]
    assert report.rejected == 3
    assert [row["line"] for row in rejected(world, "a.csv")] == [3, 4, 6]


def test_csv_line_endings_may_be_mixed(world):
    world.put("a.csv", b"event,time,acc\nE,1,a\r\nE,2,b\nE,3,c\r\n")
    world.pull()
    assert [row[0] for row in world.rows()] == ["a", "b", "c"]


def test_a_csv_with_a_column_twice_is_refused_if_it_is_needed(world):
    world.put("a.csv", b"event,time,acc,x,x\nE,1,a,1,2\n")
    assert world.pull().rows == 1
    world.put("a.csv", b"event,time,acc,acc\nE,1,a,b\n")
    with pytest.raises(StopCycle, match="2 columns named 'acc'"):
        world.pull()


@pytest.mark.parametrize(
    "columns",
    [
        "'E' AS event, 1772366400 AS time, 'a' AS acc, 5 AS plan",
        "'E' AS event, 1772366400000 AS time, {'acc': 'a', 'plan': 5} AS properties",
        "'E' AS event, TIMESTAMP '2026-03-01 12:00:00' AS time, 'a' AS acc, 5 AS plan",
        "'E' AS event, TIMESTAMPTZ '2026-03-01 12:00:00+00' AS time, 'a' AS acc, 5 AS plan",
        "'E' AS event, 1772366400 AS time, ['a'] AS acc, '{\"plan\": 5}'::JSON AS properties",
        '\'E\' AS event, 1772366400 AS time, \'{"plan": 5, "acc": "a"}\' AS properties',
        "'E' AS event, 1772366400 AS time, 'a' AS acc, MAP {'plan': 5} AS properties",
    ],
)
def test_parquet_columns_are_properties(world, columns):
    duckdb.sql(f"COPY (SELECT {columns}) TO '{world.events / 'a.parquet'}' (FORMAT parquet)")
    world.pull()
    assert world.rows() == [("a", None, "E", NOON, False, None, "5", 1)]


def test_parquet_dates_are_dates_and_bad_rows_are_kept_aside(world):
    rows = "('E', DATE '2026-03-01', 'a', 'nan'::DOUBLE), (NULL, DATE '2026-03-02', 'b', 1.5)"
    duckdb.sql(
        f"COPY (FROM (VALUES {rows}) AS t(event, time, acc, plan))"
        f" TO '{world.events / 'a.parquet'}' (FORMAT parquet)"
    )
    world.pull()
    assert world.rows() == [("a", None, "E", NOON.replace(hour=0), True, None, None, None)]
    [row] = rejected(world, "a.parquet")
    assert (row["line"], row["reason"]) == (2, "it has no event name")


def test_records_of_an_object_are_events_of_one_name(tmp_path):
    world = World(
        tmp_path, object="Case", event="Case Opened", at="CreatedDate",
        account={"field": "AccountId", "equals": "id"}, keep={"priority": "Priority"},
    )  # fmt: skip
    path = tmp_path / "product" / "Case.csv"
    path.write_bytes(
        b"Id,AccountId,CreatedDate,Priority,user\n"
        b"1,001,2026-03-01T12:00:00.000+0000,High,x\n1,001,2026-03-01T12:00:00Z,,x\n2,,2026-03-01,,x\n"
    )
    report = world.pull()
    assert world.rows() == [
        ("001", None, "Case Opened", NOON, False, None, "High", 0),
        ("001", None, "Case Opened", NOON, False, None, None, None),
    ]
    assert report.no_key == {"Case Opened": 1}
    assert world.lake.sources() == ["product.Case"]


def test_many_child_records_do_not_go_at_once_without_a_word(tmp_path):
    world = World(
        tmp_path, object="Case", event="Case Opened", at="CreatedDate",
        account={"field": "AccountId", "equals": "id"},
    )  # fmt: skip
    path = tmp_path / "product" / "Case.csv"
    head, record = "Id,AccountId,CreatedDate\n", "1,001,2026-03-01\n"
    path.write_text(head + record * 20)
    world.pull()
    path.write_text(head)
    with pytest.raises(RetryLater, match=r"Case\.csv came without events, .* were 20") as told:
        world.pull()
    assert len(world.rows()) == 20
    assert str(world.lake.source_folder("product.Case")) in told.value.hint
    shutil.rmtree(world.lake.source_folder("product.Case"))
    world.pull()
    assert world.rows() == []
    path.write_text(head + record * 19)
    world.pull()
    path.write_text(head)
    world.pull()
    assert world.rows() == []


def test_an_object_must_have_the_columns_that_are_read(tmp_path):
    world = World(
        tmp_path,
        object="Case",
        event="Opened",
        at="Created",
        account={"field": "A", "equals": "id"},
    )
    (tmp_path / "product" / "Case.csv").write_bytes(b"A,CreatedDate\n")
    with pytest.raises(StopCycle, match=r"Case\.csv has no column 'Created'"):
        world.pull()
