"""`make image` runs this on what it has built: the container as an admin would have it.

    python -m tests.image.check IMAGE

As its own user, with a project in a volume and secrets in files, against the sandbox of this
machine: a sync, a second one that finds nothing, the daemon with its health, and SIGTERM while it
works. Prints what it found and leaves with 1 if anything is not as it should be.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

from sandbox.testing import Running, running
from tests.image.engines import Engine, engine_for

USER = 10001
MOST_MB = 400
ENDS_WITHIN_SECONDS = 10
PORT = 8787
DEMO = Path(__file__).parents[2] / "sandbox/demo_project"


class Check:
    """One image, one volume, one sandbox."""

    def __init__(self, engine: Engine, folder: Path, sandbox: Running) -> None:
        self.engine, self.folder, self.bad = engine, folder, 0
        self.volume, self.secrets = folder / "data", folder / "secrets"
        self._project(sandbox)

    def _project(self, sandbox: Running) -> None:
        journeys = self.volume / "journeys"
        journeys.mkdir(parents=True)
        shutil.copy(DEMO / "journeys/onboarding.yaml", journeys)
        mapping = (DEMO / "mapping.yaml").read_text(encoding="utf-8")
        (self.volume / "mapping.yaml").write_text(
            mapping.replace("user: user", "user: distinct_id")
        )
        first = (datetime.now(UTC) - timedelta(days=65)).date()
        (self.volume / "gatepost.yaml").write_text(
            "connections:\n"
            f"  crm: {{type: salesforce, url: '{sandbox.url}'}}\n"
            f"  product: {{type: mixpanel, project_id: {sandbox.ready['mixpanel']['project_id']},"
            f" url: '{sandbox.url}', since: {first}, window_days: 30, api_budget: 1}}\n"
            "schedule: {sync: never, full: never}\n"
        )
        self.secrets.mkdir()
        for name, vendor, key in (
            ("crm_client_id", "salesforce", "client_id"),
            ("crm_client_secret", "salesforce", "client_secret"),
            ("product_username", "mixpanel", "username"),
            ("product_secret", "mixpanel", "secret"),
        ):
            (self.secrets / f"gatepost_{name}").write_text(sandbox.ready[vendor][key])
        (self.secrets / "gatepost_token").write_text("a-token-of-this-check")
        for path in (self.volume, *self.volume.rglob("*"), self.secrets, *self.secrets.iterdir()):
            os.chown(path, USER, USER)
            path.chmod(0o700 if path.is_dir() else 0o400)

    def line(self, *words: str) -> list[str]:
        mounts = {"/data": self.volume, "/run/secrets": self.secrets}
        return self.engine.line(words, mounts, {"GATEPOST_SECRETS_DIR": "/run/secrets"})

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.line(*words), check=False, capture_output=True, text=True)

    def expect(self, what: str, good: object, found: object = "") -> None:
        """Say one thing, and count it if it is not so."""
        self.bad += not good
        said = f"{'ok  ' if good else 'BAD '} {what}" + (f": {found}" if found != "" else "")
        sys.stdout.write(said + "\n")
        sys.stdout.flush()

    # ---------------------------------------------------------------------------------- checks

    def about(self) -> None:
        about = self.engine.about()
        self.expect("user", about["User"] == f"{USER}:{USER}", about["User"])
        self.expect("one volume", list(about["Volumes"]) == ["/data"], list(about["Volumes"]))
        self.expect("stops by", about["StopSignal"] == "SIGTERM", about["StopSignal"])
        self.expect(
            "health check", about.get("Healthcheck"), about.get("Healthcheck", {}).get("Test")
        )
        self.expect("runs", about["Cmd"] == ["run"], [*about["Entrypoint"], *about["Cmd"]])
        base, ours = (size / 1e6 for size in self.engine.sizes())
        self.expect(f"our layers are below {MOST_MB} MB", ours < MOST_MB, f"{ours:.0f} MB")
        self.expect("the base below them", base, f"{base:.0f} MB")

    def as_its_user(self) -> None:
        done = self.run("python", "-c", "import os; print(os.getuid(), os.getgid())")
        self.expect(
            "runs as", done.stdout.split() == [str(USER)] * 2, done.stdout.strip() or done.stderr
        )
        done = self.run(
            "find", "/", "-xdev", "-writable", "-not", "-type", "l", "-not", "-path", "/data*",
            "-not", "-path", "/tmp", "-not", "-path", "/var/tmp", "-not", "-path", "/proc/*",
            "-not", "-path", "/dev/*", "-not", "-path", "/run/lock",
            "-not", "-path", "/run/secrets*",
        )  # fmt: skip
        self.expect(
            "can write nowhere but in /data and where everybody may", not done.stdout, done.stdout
        )
        done = self.run("gatepost", "--version")
        self.expect("says its version", done.returncode == 0, done.stdout.strip() or done.stderr)

    def syncs(self) -> None:
        done = self.run("gatepost", "check")
        self.expect("the project is right", done.returncode == 0, done.stdout.strip() and "")
        begun = time.monotonic()
        first = self._sync()
        self.expect(
            "a sync writes",
            first.written > 0,
            f"{first.written} records in {time.monotonic() - begun:.1f} s",
        )
        second = self._sync()
        self.expect(
            "a second one writes nothing", second.written == 0 and second.code == 0, second.said
        )

    def _sync(self) -> SimpleNamespace:
        done = self.run("gatepost", "sync", "--format", "json")
        try:
            written = json.loads(done.stdout)["written"]
        except (ValueError, KeyError):
            written = -1
        return SimpleNamespace(
            code=done.returncode, written=written, said=done.stderr.strip()[-300:]
        )

    def daemon(self, change: Callable[[], None]) -> None:
        with self._running() as daemon:
            healthy = self._wait_for_health()
            self.expect("the daemon is healthy", healthy)
            change()  # so that there is something to write when it is told to end
            asked = self.run("python", "-c", _POST)
            self.expect(
                "a sync can be asked for",
                asked.stdout.strip() == "202",
                asked.stdout + asked.stderr,
            )
            time.sleep(1.0)
            begun = time.monotonic()
            os.kill(inner(daemon.pid), signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                daemon.wait(ENDS_WITHIN_SECONDS + 5)
            took = time.monotonic() - begun
            self.expect(
                f"SIGTERM ends it within {ENDS_WITHIN_SECONDS} s",
                daemon.poll() == 0 and took < ENDS_WITHIN_SECONDS,
                f"code {daemon.poll()} after {took:.1f} s",
            )  # fmt: skip
        self.expect(
            "and then it is not healthy",
            self.run("python", "/opt/gatepost/health.py").returncode == 1,
        )
        last = self._sync()
        self.expect(
            "the next sync goes on from there",
            last.code == 0,
            last.said or f"{last.written} records",
        )
        self.expect("and leaves nothing to write", self._sync().written == 0)

    @contextmanager
    def _running(self) -> Iterator[subprocess.Popen[bytes]]:
        with (self.folder / "daemon.log").open("wb") as log:
            daemon = subprocess.Popen(self.line("gatepost", "run"), stdout=log, stderr=log)
            try:
                yield daemon
            finally:
                if daemon.poll() is None:
                    daemon.kill()
                daemon.wait()
        if self.bad:
            sys.stdout.write((self.folder / "daemon.log").read_text(errors="replace")[-3000:])

    def _wait_for_health(self) -> bool:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if self.run("python", "/opt/gatepost/health.py").returncode == 0:
                return True
            time.sleep(0.5)
        return False

    def nothing_was_written(self) -> None:
        written = self.engine.written()
        self.expect("nothing was written outside the volume", not written, written[:5] or "")


_POST = f"""
import urllib.request
ask = urllib.request.Request("http://127.0.0.1:{PORT}/sync", method="POST",
    headers={{"Authorization": "Bearer a-token-of-this-check"}})
print(urllib.request.urlopen(ask, timeout=10).status)
"""


def inner(pid: int) -> int:
    """The daemon in the container, below the processes that only start one another. docker's client
    passes a signal on by itself."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    if words[0].endswith((b"docker", b"python")):
        return pid
    # a child is listed with the thread that started it
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return inner(next(int(child) for task in tasks for child in task.read_text().split()))


def main() -> None:
    """Check the image that is named on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("image")
    asked = parser.parse_args()
    engine = engine_for(asked.image)
    folder = Path(tempfile.mkdtemp(prefix="gatepost-image-"))
    folder.chmod(0o711)  # its user has to come through to what is mounted
    now = datetime.now(UTC)
    try:
        with running(accounts=40, days=60, end=now.date(), now=now) as sandbox:
            check = Check(engine, folder, sandbox)
            check.about()
            check.as_its_user()
            check.syncs()
            check.daemon(lambda: None)
            check.nothing_was_written()
    finally:
        engine.close()
        shutil.rmtree(folder)
    sys.exit(1 if check.bad else 0)


if __name__ == "__main__":
    main()
