"""Objects and event files as people's folders have them."""

import gzip
import os

import pytest

from config.errors import FixConfig, StopCycle
from config.project_file import Connection
from connectors.registry import connect


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data" / "events").mkdir(parents=True)
    return tmp_path / "data"


def connector(folder, **options):
    connection = Connection(type="files", options={"path": folder.name, **options})
    return connect("crm", connection, folder.parent)


def read(folder, data, *columns, **options):
    """(records, number of rejected rows, their lines and reasons)"""
    (folder / "Account.csv").write_bytes(data)
    accounts = connector(folder, **options).accounts()
    records = list(accounts.read("Account", columns))
    count, rows = accounts.rejected("Account")
    return records, count, [(row.line, row.reason) for row in rows]


def test_a_bom_line_endings_and_blank_lines_mean_nothing(folder):
    data = b'\xef\xbb\xbf"Id",Name\r\n1,"a\r\nb"\r\n\r\n2,\r\n'
    assert read(folder, data, "Id", "Name")[0] == [
        {"Id": "1", "Name": "a\r\nb"},
        {"Id": "2", "Name": None},
    ]


@pytest.mark.parametrize("sign", [";", "\t", "|"])
def test_the_header_tells_the_delimiter(folder, sign):
    data = f'Id{sign}"A, b"\n1{sign}x,y\n'.encode()
    assert read(folder, data, "Id", "A, b")[0] == [{"Id": "1", "A, b": "x,y"}]


def test_rows_that_do_not_fit_are_kept_aside_with_line_and_reason(folder):
    data = b'Id,Name\n1,a\n2\n3,b,c\n4,\xff\n5,"x"y\n6,"open\n7,"b\nc"\n8,z\n'
    records, count, rows = read(folder, data, "Id")
    assert [record["Id"] for record in records] == ["1", "7", "8"]
    assert count == 5
    assert [line for line, _ in rows] == [3, 4, 5, 6, 7]
    assert rows[0] == (3, "it has 1 cells where the header has 2")
    assert rows[2] == (5, "it is not UTF-8 text")
    assert rows[3] == (6, "it is no CSV (',' expected after '\"')")


def test_a_quote_that_is_never_closed_costs_one_row(folder):
    data = b'Id,Name\n1,"x\n' + b"".join(b"%d,y\n" % one for one in range(2, 3000))
    records, count, rows = read(folder, data, "Id")
    assert (len(records), count) == (2998, 1)
    assert rows == [(2, "a quote is not closed")]


def test_too_many_bad_rows_stop_the_run_and_are_said(folder):
    data = b"Id,Name\n" + b"1,a\n" * 80 + b"bad\n" * 20
    with pytest.raises(StopCycle, match=r"Account.csv: 20 of 100 rows cannot be read \(line 82: "):
        read(folder, data, "Id")
    assert len(read(folder, data, "Id", max_rejected=0.2)[0]) == 80
    assert len(read(folder, data.removesuffix(b"bad\n"), "Id")[0]) == 80


def test_columns_that_differ_in_case_are_two(folder):
    assert read(folder, b"ID,Id,id\n1,2,3\n", "Id")[0] == [{"Id": "2"}]


def test_a_name_that_two_columns_have_is_refused_if_it_is_asked_for(folder):
    assert read(folder, b"Id,A,A\n1,2,3\n", "Id")[0] == [{"Id": "1"}]
    with pytest.raises(StopCycle, match="2 columns named 'A'"):
        read(folder, b"Id,A,A\n1,2,3\n", "A")


def test_a_header_alone_is_no_record_and_nothing_at_all_is_an_error(folder):
    assert read(folder, b"Id,Name\n", "Id") == ([], 0, [])
    with pytest.raises(StopCycle, match="is empty"):
        read(folder, b"", "Id")


def test_the_nearest_column_and_object_are_named(folder):
    (folder / "Account.csv").write_bytes(b"Id,Name\n")
    accounts = connector(folder).accounts()
    with pytest.raises(StopCycle) as caught:
        list(accounts.read("Account", ["Nane"]))
    assert caught.value.hint == "nearest is 'Name'"
    with pytest.raises(StopCycle) as caught:
        accounts.columns("Acount")
    assert caught.value.hint == "nearest is 'Account'"


def test_a_folder_that_is_not_there_is_named(folder):
    (folder / "events").rmdir()
    folder.rmdir()
    with pytest.raises(StopCycle, match="data is not there"):
        connector(folder).accounts().columns("Account")


@pytest.mark.parametrize("share", ["5%", -1, 2, True])
def test_a_share_that_is_none_is_a_problem_of_gatepost_yaml(folder, share):
    with pytest.raises(FixConfig, match=r"gatepost.yaml  connections.crm.max_rejected"):
        connector(folder, max_rejected=share)


def test_only_event_files_are_parts_and_others_are_named(folder):
    for name in ["b.csv", "a.JSONL", "c.jsonl.gz", "d.parquet", "e.csv.gz"]:
        (folder / "events" / name).write_bytes(b"")
    for name in ["notes.txt", "f.json", "g.parquet.gz", ".hidden.csv", "~h.csv"]:
        (folder / "events" / name).write_bytes(b"")
    (folder / "events" / "old.csv").mkdir()
    os.mkfifo(folder / "events" / "pipe.csv")
    (folder / "events" / "gone.csv").symlink_to("nowhere")
    source = connector(folder).events(None)
    names = [part.name for part in source.parts()]
    assert names == ["a.JSONL", "b.csv", "c.jsonl.gz", "d.parquet", "e.csv.gz"]
    [warning] = source.warnings()
    for name in ["notes.txt", "f.json", "g.parquet.gz", "gone.csv", "old.csv"]:
        assert name in warning
    assert "and 1 more" in warning
    assert "hidden" not in warning


def test_bodies_say_what_they_are(folder):
    for name in ["a.JSONL.GZ", "b.csv", "d.Parquet"]:
        (folder / "events" / name).write_bytes(gzip.compress(b""))
    source = connector(folder).events(None)
    bodies = [source.fetch(part, folder) for part in source.parts()]
    assert [(body.format, body.gzip) for body in bodies] == [
        ("jsonl", True), ("csv", False), ("parquet", False),
    ]  # fmt: skip
