"""Log lines hold what they should, and never a secret, whoever wrote them."""

import io
import json
import logging
import warnings

import pytest

from gatepost.daemon.logs import Logs

SECRET = "s3cr3t-Value-with-signs"


@pytest.fixture(autouse=True)
def _root_as_it_was():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(capture=False)


@pytest.fixture(params=["json", "console"])
def made(request, monkeypatch):
    monkeypatch.setenv("GATEPOST_CRM_TOKEN", SECRET)
    stream = io.StringIO()
    return Logs(request.param, e_mails=False, stream=stream), stream


def test_no_secret_gets_through_whatever_way_it_takes(made):
    logs, stream = made
    message = f"in the text {SECRET}"
    logs.log.info(message, field=SECRET, deep={"list": [SECRET]}, **{SECRET: 1})
    logs.log.bind(bound=SECRET).warning("bound")
    logging.getLogger("uvicorn.error").error("foreign %s", SECRET)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"warned {SECRET}", stacklevel=1)
    try:
        int(SECRET)
    except ValueError:
        logs.log.exception("caught")
        logging.getLogger("other").exception("caught elsewhere")
    said = stream.getvalue()
    assert said.count("\n") > 5
    for word in ("in the text", "bound", "foreign", "warned", "caught", "caught elsewhere"):
        assert word in said
    assert SECRET not in said


def test_a_secret_that_was_exchanged_is_known_after_renewal(made, monkeypatch):
    logs, stream = made
    monkeypatch.setenv("GATEPOST_CRM_TOKEN", "the-next-one")
    logs.renew()
    logs.log.info("now the-next-one")
    assert "the-next-one" not in stream.getvalue()
    assert logs.hidden("ada@acme.example the-next-one") == "***@acme.example ***"


def test_json_lines_have_time_level_and_message(monkeypatch):
    stream = io.StringIO()
    logs = Logs("json", e_mails=True, stream=stream)
    logs.log.bind(run=12).info("it ran", seconds=1.5, to="ada@acme.example")
    line = json.loads(stream.getvalue())
    assert (line["message"], line["run"], line["level"]) == ("it ran", 12, "info")
    assert line["to"] == "ada@acme.example"
    assert line["timestamp"].endswith("Z")
