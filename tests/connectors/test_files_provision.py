"""Columns added to CSV files of many kinds: what was there stays, byte for byte."""

from pathlib import Path

import pytest

from config.project_file import Connection
from connectors.facts import FieldWish, Todo
from connectors.files import FilesConnector


def add(folder, *names):
    connector = FilesConnector("crm", Connection(type="files", options={"path": "."}), folder)
    todos = [Todo("create", FieldWish(name, "text", name, "")) for name in names]
    return connector.provisioner().carry_out("Account", todos, lambda *_: None)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Id,Name\n1,a\n2,b\n", "Id,Name,X,Y Z\n1,a,,\n2,b,,\n"),
        ("Id;Name\r\n1;a\r\n", "Id;Name;X;Y Z\r\n1;a;;\r\n"),
        ("\ufeffId,Name\n1,a", "\ufeffId,Name,X,Y Z\n1,a,,"),
        ('Id,Name\n1,"a\n, b"\n\n', 'Id,Name,X,Y Z\n1,"a\n, b",,\n\n'),
        # A row that had a cell too many must not begin to fit.
        ("Id,Name\n1,a,b\n2\n", "Id,Name,X,Y Z\n1,a,b,,\n2,,\n"),
        ("Id,Name,X\n1,a,x\n", "Id,Name,X,Y Z\n1,a,x,\n"),
        ("Id,Name,X,Y Z\n1,a,x,\n", "Id,Name,X,Y Z\n1,a,x,\n"),
        ("Id\n", "Id,X,Y Z\n"),
    ],
)
def test_columns_are_added_at_the_end(tmp_path, before, after):
    path = tmp_path / "Account.csv"
    path.write_bytes(before.encode())
    assert [one.done for one in add(tmp_path, "X", "Y Z")] == [True, True]
    assert path.read_bytes().decode() == after
    stat = path.stat()
    assert all(one.done for one in add(tmp_path, "X", "Y Z"))
    assert path.stat() == stat, "a second time touches nothing"


def test_a_name_with_the_delimiter_is_quoted(tmp_path):
    path = tmp_path / "Account.csv"
    path.write_text("Id,Name\n1,a\n")
    add(tmp_path, 'X, "y"')
    assert path.read_text() == 'Id,Name,"X, ""y"""\n1,a,\n'


@pytest.mark.parametrize("content", [None, ""])
def test_a_file_that_is_not_there_or_has_no_header_is_told(tmp_path: Path, content):
    if content is not None:
        (tmp_path / "Account.csv").write_text(content)
    (done,) = add(tmp_path, "X")
    assert not done.done
    assert "Account.csv" in done.reason
