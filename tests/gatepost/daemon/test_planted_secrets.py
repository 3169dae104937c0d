"""Secrets are planted wherever one can be given, a vendor repeats them in its errors, and then all
that the daemon says and leaves behind is searched for them."""

import base64
import re
import signal
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

PLANTED = {
    "GATEPOST_TOKEN": "planted-daemon-token-0123456789",
    "GATEPOST_CRM_TOKEN": "pat-eu1-11112222-3333-4444-5555-planted66666",
    "GATEPOST_CRM_CLIENT_SECRET": "planted-client/secret+with=signs",
    "GATEPOST_PRODUCT_SECRET": "planted-product-secret",
    "GATEPOST_PRODUCT_USERNAME": "robot@acme.example",
}
FOREIGN = "eyJhbGciOiJSUzI1NiJ9.eyJwbGFudGVkIjoxfQ.cGxhbnRlZA"


@contextmanager
def repeating():
    """A vendor that refuses everything, in words that hold all that it was shown."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            seen.append(self.path)
            said = " ".join(f"{key}: {value}" for key, value in self.headers.items())
            body = f'{{"message": "{said} {FOREIGN} ada@acme.example", "category": "X"}}'.encode()
            self.send_response(403)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PATCH = do_GET  # noqa: N815 (the library's names)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()


def forms(secret):
    """As it is, and as headers and addresses have it."""
    coded = base64.b64encode(secret.encode()).decode().rstrip("=")
    return {secret, coded, re.sub(r"[/+=]", lambda one: f"%{ord(one[0]):02X}", secret)}


@pytest.mark.parametrize("crm", ["hubspot", "salesforce"])
def test_no_planted_secret_is_found_anywhere(start, quiet, webhook, crm):
    with repeating() as (url, seen):
        options = ", client_id: cid" if crm == "salesforce" else ""
        path = quiet / "gatepost.yaml"
        text = re.sub(
            r"crm: +\{.*\}", f"crm: {{type: {crm}, url: '{url}'{options}}}", path.read_text()
        )
        path.write_text(text)
        planted = {**PLANTED, "GATEPOST_SLACK_WEBHOOK": webhook.url + "/planted/slack/path"}
        daemon = start(quiet, **planted)
        token = PLANTED["GATEPOST_TOKEN"]
        daemon.sync(token)
        daemon.said("ended", outcome="failed")
        daemon.ask("/sync", "POST", token="planted-wrong-token")
        daemon.ask(f"/metrics?token={token}")
        (quiet / "mapping.yaml").write_text(f"accounts: {token}\n")
        daemon.send(signal.SIGHUP)
        daemon.said("stays as it was")
        figures = daemon.ask("/metrics")[1] + daemon.ask("/readyz")[1]
        until = time.monotonic() + 10
        while len(webhook.heard) < 2 and time.monotonic() < until:
            time.sleep(0.02)
        daemon.end()
    assert seen, "the vendor was asked"
    assert len(webhook.heard) >= 2
    said = "".join(daemon.raw)
    assert "403" in said or "refuse" in said or "not" in said
    told = said + figures + str([body for _, body in webhook.heard])
    kept = {
        path: path.read_bytes().decode("utf-8", "replace")
        for path in (quiet / ".gatepost").rglob("*")
        if path.is_file()
    }
    secrets = [planted[name] for name in planted if not name.endswith("USERNAME")]
    for secret in (*secrets, "planted-wrong-token", FOREIGN):
        for form in forms(secret):
            assert form not in told
            assert [path for path, text in kept.items() if form in text] == []
    assert "ada@acme.example" not in told
