"""A CSV is rewritten so that only what is written changes, whoever kills or edits meanwhile."""

import csv
import io
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import RetryLater, StopCycle
from config.project_file import Connection
from connectors import files_sink
from connectors.base import RecordWrite
from connectors.registry import connect


def sink_of(folder):
    connection = Connection(type="files", options={"path": str(folder)})
    return connect("crm", connection, Path("/")).sink()


def written(folder, data, *writes):
    """The file's bytes after `writes` of (id, {column: value})."""
    path = folder / "Account.csv"
    path.write_bytes(data)
    results = sink_of(folder).write("Account", "Id", [RecordWrite(*one) for one in writes])
    assert [one.outcome for one in results] == ["written"] * len(writes)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(b"Id,A,B\n1,x,y\n2,z,\n", b"Id,A,B\n1,x,y\n2,new,\n", id="plain"),
        pytest.param(b"Id,A,B\r\n1,x,y\r\n2,z,", b"Id,A,B\r\n1,x,y\r\n2,new,", id="crlf, no end"),
        pytest.param(b"\xef\xbb\xbfId,A\n2,z\n", b"\xef\xbb\xbfId,A\n2,new\n", id="bom"),
        pytest.param(b"Id;A;B\n2;z;y\n", b"Id;A;B\n2;new;y\n", id="semicolons"),
        pytest.param(b'"Id","A"\n"2","z"\n', b'"Id","A"\n"2","new"\n', id="all quoted"),
        pytest.param(b'"Id","A"\n"2",\n', b'"Id","A"\n"2","new"\n', id="all quoted but empty"),
        pytest.param(b'Id,A\n2,"z"\n', b'Id,A\n2,"new"\n', id="was quoted"),
        pytest.param(
            b'Id,A,B\n2,z,"a\r\n""b"",c"\n', b'Id,A,B\n2,new,"a\r\n""b"",c"\n', id="quotes"
        ),
        pytest.param(b"Id,A\n1,\xff\n2,z\n", b"Id,A\n1,\xff\n2,new\n", id="not utf-8 elsewhere"),
        pytest.param(b"Id,A\nragged\n\n2,z\n\n", b"Id,A\nragged\n\n2,new\n\n", id="bad rows stay"),
        pytest.param(b'Id,A\n1,"open\n2,z\n', b'Id,A\n1,"open\n2,new\n', id="open quote stays"),
        pytest.param(b"Id,A,Id2,A2\n2,z,2,z\n", b"Id,A,Id2,A2\n2,new,2,z\n", id="like columns"),
        pytest.param(
            "Id,A\n2,z\n1,\u2028é\n".encode(), "Id,A\n2,new\n1,\u2028é\n".encode(), id="unicode"
        ),
        pytest.param(b"Id,A\r2,z\r1,y\r", b"Id,A\r2,new\r1,y\r", id="old mac"),
    ],
)
def test_only_the_cell_changes(tmp_path, before, after):
    assert written(tmp_path, before, ("2", {"A": "new"})) == after


def test_text_that_needs_quotes_gets_them(tmp_path):
    after = written(tmp_path, b"Id,A\n1,x\n", ("1", {"A": 'a,"b"\n'}))
    assert after == b'Id,A\n1,"a,""b""\n"\n'


# No carriage return alone: Python's writer leaves it without quotes, so it would end the row.
PIECES = [*"ab \",;\n\té\u2028\ufeff'", "\r\n"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)


@settings(max_examples=80)
@given(st.data())
def test_a_csv_reader_sees_the_written_cells_and_no_other_change(data):
    """In any dialect: other cells read as before, rows not written to keep their bytes."""
    width = data.draw(st.integers(1, 3))
    rows = data.draw(st.lists(st.lists(TEXTS, min_size=width, max_size=width), max_size=5))
    style = data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]))
    delimiter, ending = data.draw(
        st.tuples(st.sampled_from(",;\t"), st.sampled_from(["\n", "\r\n"]))
    )
    header = ["Id", *(f"c{number}" for number in range(width))]
    table = [header, *([str(number), *row] for number, row in enumerate(rows))]
    lines = [one_line(row, delimiter, ending, style) for row in table]
    values = data.draw(
        st.dictionaries(
            st.integers(0, max(0, len(rows) - 1)).map(str),
            st.dictionaries(st.sampled_from(header[1:]), TEXTS, max_size=width),
            max_size=len(rows),
        )
    )
    with tempfile.TemporaryDirectory() as folder:
        after = written(Path(folder), "".join(lines).encode(), *values.items()).decode()
    expected = [dict(zip(header, row, strict=True)) for row in table[1:]]
    for one, cells in values.items():
        expected[int(one)] |= cells
    assert list(csv.DictReader(io.StringIO(after, newline=""), delimiter=delimiter)) == expected
    for number, line in enumerate(lines):
        if str(number - 1) not in values:
            assert line in after


def one_line(row, delimiter, ending, style):
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator=ending, quoting=style).writerow(row)
    return line.getvalue()


def test_a_file_that_is_right_already_is_not_touched(tmp_path):
    path = tmp_path / "Account.csv"
    path.write_bytes(b"Id,A\n1,x\n")
    before = path.stat()
    sink_of(tmp_path).write("Account", "Id", [RecordWrite("1", {"A": "x"})])
    assert path.stat() == before


def test_an_id_that_two_rows_have_is_not_written(tmp_path):
    path = tmp_path / "Account.csv"
    path.write_bytes(b"Id,A\n1,x\n1,y\n2,z\n")
    writes = [RecordWrite("1", {"A": "new"}), RecordWrite("2", {"A": "new"})]
    first, second = sink_of(tmp_path).write("Account", "Id", writes)
    assert (first.outcome, second.outcome) == ("rejected", "written")
    assert "2 rows" in first.reason
    assert path.read_bytes() == b"Id,A\n1,x\n1,y\n2,new\n"


def test_a_column_that_is_there_twice_is_refused(tmp_path):
    (tmp_path / "Account.csv").write_bytes(b"Id,A,A\n1,x,y\n")
    with pytest.raises(StopCycle, match="2 columns named 'A'"):
        sink_of(tmp_path).write("Account", "Id", [RecordWrite("1", {"A": "new"})])


def test_rights_owner_and_a_link_are_kept(tmp_path):
    real = tmp_path / "real.csv"
    real.write_bytes(b"Id,A\n1,x\n")
    real.chmod(0o640)
    (tmp_path / "crm").mkdir()
    (tmp_path / "crm" / "Account.csv").symlink_to(real)
    sink_of(tmp_path / "crm").write("Account", "Id", [RecordWrite("1", {"A": "y"})])
    assert (tmp_path / "crm" / "Account.csv").is_symlink()
    assert real.read_bytes() == b"Id,A\n1,y\n"
    assert real.stat().st_mode & 0o777 == 0o640


def test_somebody_elses_edit_meanwhile_is_not_lost(tmp_path, monkeypatch):
    """The edit falls between our reading and our renaming: we give way, and say so."""
    path = tmp_path / "Account.csv"
    path.write_bytes(b"Id,A\n1,x\n")
    inherit = files_sink._inherit

    def edited(*given):
        path.write_bytes(b"Id,A\n1,edited\n")
        inherit(*given)

    monkeypatch.setattr(files_sink, "_inherit", edited)
    with pytest.raises(RetryLater, match="changed by somebody else"):
        sink_of(tmp_path).write("Account", "Id", [RecordWrite("1", {"A": "ours"})])
    assert path.read_bytes() == b"Id,A\n1,edited\n"
    assert [one.name for one in tmp_path.iterdir()] == ["Account.csv"]


def test_leftovers_of_a_killed_run_go_with_the_next_write(tmp_path):
    (tmp_path / ".Account.csv.gatepost-abc").write_bytes(b"half")
    written(tmp_path, b"Id,A\n1,x\n", ("1", {"A": "y"}))
    assert [one.name for one in tmp_path.iterdir()] == ["Account.csv"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_a_sentence(tmp_path):
    (tmp_path / "Account.csv").write_bytes(b"Id,A\n1,x\n")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StopCycle, match="cannot be written"):
            sink_of(tmp_path).write("Account", "Id", [RecordWrite("1", {"A": "y"})])
    finally:
        tmp_path.chmod(0o700)


def test_a_line_without_end_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr("connectors.files_csv.MAX_LINE", 1000)
    monkeypatch.setattr("connectors.files_sink.MAX_LINE", 1000)
    path = tmp_path / "Account.csv"
    path.write_bytes(data := b"Id,A\n1,x\n2," + b"y" * 5000 + b"\n3,z\n")
    with pytest.raises(StopCycle, match=r"line 3 .* not rewritten"):
        sink_of(tmp_path).write("Account", "Id", [RecordWrite("1", {"A": "new"})])
    assert path.read_bytes() == data


WRITER = """
import sys
from pathlib import Path
from config.project_file import Connection
from connectors.base import RecordWrite
from connectors.registry import connect
sink = connect("crm", Connection(type="files", options={"path": sys.argv[1]}), Path("/")).sink()
print("ready", flush=True)
for turn in range(1_000_000):
    value = "odd" if turn % 2 else "even"
    sink.write("Account", "Id", [RecordWrite(str(one), {"A": value}) for one in range(2000)])
"""


@pytest.mark.slow
def test_killed_at_any_moment_the_file_is_an_old_or_a_new_one(tmp_path):
    rows = [f"{one},even,{'x' * 40}\n" for one in range(2000)]
    even = ("Id,A,B\n" + "".join(rows)).encode()
    odd = even.replace(b",even,", b",odd,")
    path = tmp_path / "Account.csv"
    path.write_bytes(even)
    chance = random.Random(20)
    for _ in range(12):
        command = [sys.executable, "-c", WRITER, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0, 0.15))
            process.send_signal(signal.SIGKILL)
        assert path.read_bytes() in (even, odd)
    sink_of(tmp_path).write("Account", "Id", [RecordWrite("7", {"A": "last"})])
    assert [one.name for one in tmp_path.iterdir()] == ["Account.csv"]
