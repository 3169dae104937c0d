"""What all vendors' HTTP has in common."""

import socket
import threading
from datetime import UTC, datetime

import pytest
import requests

from config.errors import RetryLater, StopCycle
from connectors import http

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)


def answer(status=200, body=b"", **headers):
    made = requests.Response()
    made.status_code = status
    made._content = body
    made.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return made


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7), ("0.5", 0.5), ("-3", 0), ("Tue, 30 Jun 2026 12:01:30 GMT", 90),
     ("Tue, 30 Jun 2026 11:00:00 GMT", 0), ("soon", None), ("nan", None), ("", None)],
)  # fmt: skip
def test_retry_after_is_read_in_both_forms(text, seconds):
    assert http.retry_after(answer(429, Retry_After=text), lambda: NOW) == seconds


def failing(*errors):
    """A function that raises these in turn, then returns how often it was called."""
    calls = iter(errors)
    count = 0

    def once():
        nonlocal count
        count += 1
        if (error := next(calls, None)) is not None:
            raise error
        return count

    return once


def test_pauses_grow_and_end(monkeypatch):
    sleeps = []
    trying = http.retrying(sleeps.append, attempts=4, dice=lambda: 1.0)
    assert trying(failing(*[RetryLater("busy")] * 3)) == 4
    assert sleeps == [1, 2, 4]
    with pytest.raises(RetryLater, match="still"):
        trying(failing(*[RetryLater("still")] * 4))


def test_a_pause_is_at_least_what_was_asked_for():
    sleeps = []
    http.retrying(sleeps.append, dice=lambda: 0.0)(failing(RetryLater("busy", 17)))
    assert 17 <= sleeps[0] < 18


def test_who_asks_for_very_long_is_not_waited_for():
    sleeps = []
    with pytest.raises(RetryLater) as asked:
        http.retrying(sleeps.append, longest=60)(failing(RetryLater("tomorrow", 3600)))
    assert asked.value.wait_seconds == 3600
    assert sleeps == []


def test_only_what_may_work_later_is_tried_again():
    for error in (StopCycle("no"), ValueError("no")):
        calls = failing(error)
        with pytest.raises(type(error)):
            http.retrying(lambda _: None)(calls)
        assert calls() == 2


def test_the_caller_has_the_last_word():
    lost = http.Lost("gone", sent=True)
    with pytest.raises(http.Lost):
        http.retrying(lambda _: None, retry=lambda error: error is not lost)(failing(lost))


def test_secrets_and_authorization_headers_are_taken_out():
    hide = http.redactor(["s3cret-value", "abc", "s3cret-value-longer"])
    assert hide("is s3cret-value-longer, abc") == "is ***, abc"  # three letters are in any word
    assert "00Dxx!AQ" not in hide("Authorization: Bearer 00Dxx!AQabcdefgh.ijk")


def test_a_page_of_html_is_shown_by_its_words():
    page = b"<html><style>p {}</style><p>Service   <b>unavailable</b></p></html>"
    assert http.shown(answer(503, page)) == "Service unavailable"


def test_a_password_in_an_address_is_not_shown():
    error = http.no_answer(requests.ConnectionError("x"), "https://u:geheim@acme.example/x")
    assert "geheim" not in str(error)


@pytest.fixture
def silent():
    """A port that takes a connection, and does with it what the test says."""
    opened = socket.create_server(("127.0.0.1", 0))
    yield opened
    opened.close()


def test_who_does_not_answer_is_not_waited_for_for_ever(silent):
    url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
    with http.session(read_seconds=0.05) as session, pytest.raises(http.Lost) as lost:
        http.send(session, "GET", url)
    assert lost.value.sent
    assert "did not answer in time" in str(lost.value)


def test_a_connection_that_breaks_may_have_carried_the_request(silent):
    def break_it():
        taken, _ = silent.accept()
        taken.recv(10)
        taken.close()

    thread = threading.Thread(target=break_it)
    thread.start()
    url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
    with http.session() as session, pytest.raises(http.Lost) as lost:
        http.send(session, "POST", url, data="x")
    thread.join()
    assert lost.value.sent


def test_a_connection_that_was_never_made_carried_nothing(silent):
    url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
    silent.close()
    with http.session() as session, pytest.raises(http.Lost, match="could not be reached") as lost:
        http.send(session, "POST", url, data="x")
    assert not lost.value.sent
    assert "object at 0x" not in str(lost.value)


def test_an_address_that_is_none_stops_at_once():
    with http.session() as session, pytest.raises(StopCycle):
        http.send(session, "GET", "nowhere")


def test_a_certificate_that_nobody_vouches_for_stops_at_once():
    error = requests.exceptions.SSLError("certificate verify failed")
    assert isinstance(http.no_answer(error, "https://acme.example/"), StopCycle)
