"""A daemon as a process, its log, and a place that alerts are sent to."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

SECONDS = 120.0  # a machine may be busy
TOKEN = "a-token-of-twenty-four-characters"


class Running:
    """`lines` is its log so far, one object a line."""

    def __init__(self, folder, words, env):
        self.lines, self.raw = [], []
        self.process = subprocess.Popen(
            [
                sys.executable, "-P", "-m", "gatepost", "run", "--project", str(folder),
                "--listen", "127.0.0.1:0", *words,
            ],
            env={**os.environ, **env},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.raw.append(line)
            if line.startswith("{"):
                self.lines.append(json.loads(line))

    def said(self, message, count=1, **fields):
        """Wait for the line, the nth of its kind; it as an object."""
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            found = [
                one for one in list(self.lines)
                if message in one["message"] and fields.items() <= one.items()
            ]  # fmt: skip
            if len(found) >= count:
                return found[count - 1]
            if self.process.poll() is not None and not self._reader.is_alive():
                break
            time.sleep(0.02)
        raise AssertionError((message, fields, self.raw))

    def ask(self, path, method="GET", token=None, headers=()):
        """Status and body of an answer."""
        address = self.said("is ready")["address"]
        given = dict(headers) | ({"Authorization": f"Bearer {token}"} if token else {})
        asked = urllib.request.Request(f"http://{address}{path}", method=method, headers=given)
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def sync(self, token):
        """Ask for a sync, waiting for one that is about to end; the run's id."""
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            status, body = self.ask("/sync", "POST", token=token)
            if status != 409:
                return json.loads(body)["run"]
            time.sleep(0.05)
        raise AssertionError(body)

    def metrics(self):
        """Name with labels → value."""
        status, text = self.ask("/metrics")
        assert status == 200
        rows = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in rows}

    def send(self, number):
        self.process.send_signal(number)

    def end(self, number=signal.SIGTERM):
        """Tell it to end; its exit code and how many seconds it took."""
        begun = time.monotonic()
        self.send(number)
        code = self.process.wait(timeout=SECONDS)
        self._reader.join(timeout=5)
        return code, time.monotonic() - begun


@pytest.fixture
def start():
    """Start daemons; whichever still runs at the end is killed."""
    made = []

    def run(folder, *words, **env):
        made.append(Running(folder, words, env))
        return made[-1]

    yield run
    for one in made:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
        if one.process.stderr is not None:
            one.process.stderr.close()


@contextmanager
def listener():
    """Whatever is posted to it, and what it answers: a list of statuses, then 200."""
    heard, answers = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = answers.pop(0) if answers else 200
            if status == 200:
                heard.append((self.path, json.loads(body)))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield SimpleNamespace(
            url=f"http://127.0.0.1:{server.server_port}", heard=heard, answers=answers
        )
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def webhook():
    with listener() as made:
        yield made


@pytest.fixture
def quiet(project):
    """The project without a schedule: nothing runs unless it is asked for."""
    path = project / "gatepost.yaml"
    said = "schedule: {sync: never, full: never, jitter: 0s}\nalerts: {stale: 5000w}\n"
    path.write_text(path.read_text() + said)
    return project
