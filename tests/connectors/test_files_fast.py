"""Rows without quotes take a fast way, which gives what the careful way gives, to the byte."""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.errors import GatepostError
from config.project_file import Connection
from connectors import files_csv, files_sink
from connectors.base import RecordWrite
from connectors.registry import connect

PIECES = ["1", "2", "ab", *',,,"" ;|\t', "é", "\u2028", "\x0b", "\0", "\xff", "\ufeff"]
ENDS = ["\n", "\n", "\r\n", "\r"]
LINES = st.tuples(st.lists(st.sampled_from(PIECES), max_size=7).map("".join), st.sampled_from(ENDS))
BODIES = st.lists(LINES.map("".join), max_size=8).map("".join)
ENDINGS = "\r\n"
GOALS = st.dictionaries(st.sampled_from("12"), st.sampled_from(["", "new", "a,b", 'a"b', "a\n;"]))


def data_of(body, header="Id,A,B\n"):
    # A y with two dots alone is no UTF-8.
    return (header + body).encode().replace("\xff".encode(), b"\xff")


def carefully(stack):
    """Switch the fast ways off."""
    stack.enter_context(patch.object(files_csv._Lines, "plain", lambda *_: iter(())))
    stack.enter_context(patch.object(files_sink, "_edited_plain", careful_edit))


def careful_edit(row, cells, delimiter):
    """`_edited` again, with a quote behind the row that sends it the general way."""
    longer = row._replace(raw=f'{row.raw.rstrip(ENDINGS)}{delimiter}"', cells=[*row.cells, ""])
    ending = row.raw[len(row.raw.rstrip(ENDINGS)) :]
    edited = files_sink._edited(longer, cells, delimiter)
    return edited.removesuffix(f'{delimiter}"') + ending


def rows(path):
    try:
        with files_csv.Table(path) as table:
            return table.columns, [tuple(row) for row in table]
    except GatepostError as error:
        return str(error)


@settings(max_examples=300)
@given(BODIES, st.integers(1, 40), st.sampled_from([7, 16, 1000]))
@example('1,a,"b\n', 3, 1000)
@example("1,a,b\r\n", 13, 1000)
def test_every_row_is_read_as_the_careful_way_reads_it(body, block, longest):
    """Wherever the blocks end that are read at once, and wherever a line is too long."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        path = Path(folder) / "Account.csv"
        path.write_bytes(data_of(body))
        stack.enter_context(patch.object(files_csv, "MAX_LINE", longest))
        stack.enter_context(patch.object(files_csv, "_BLOCK", min(block, longest - 1)))
        fast = rows(path)
        carefully(stack)
        stack.enter_context(patch.object(files_csv, "_BLOCK", 1))
        assert rows(path) == fast


def raw_text(path):
    with files_csv.Table(path) as table:
        return table.bom + table.header_raw + "".join(row.raw for row in table)


@given(BODIES, st.integers(1, 40))
def test_the_rows_hold_every_byte_of_the_file(body, block):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "Account.csv"
        path.write_bytes(data_of(body))
        with patch.object(files_csv, "_BLOCK", block):
            assert raw_text(path).encode("utf-8", "surrogateescape") == data_of(body)


def after_write(body, goals):
    """The file's bytes and the answers, after writing a cell of each id in `goals`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "Account.csv"
        path.write_bytes(data_of(body))
        sink = connect("crm", Connection(type="files", options={"path": folder}), Path("/")).sink()
        writes = [RecordWrite(one, {"A": value}) for one, value in goals.items()]
        return sink.write("Account", "Id", writes), path.read_bytes()


@settings(max_examples=300)
@given(BODIES, GOALS)
@example("1,a,b\n2,,\n", {"1": "new", "2": "a,b"})
@example("1,a,b", {"1": 'a"b'})
def test_what_is_written_is_what_the_careful_way_writes(body, goals):
    fast = after_write(body, goals)
    with ExitStack() as stack:
        carefully(stack)
        assert after_write(body, goals) == fast
