"""Secrets are kept out of what is printed, whatever put them there."""

import json

from gatepost.redact import redacted

SECRET = "s3cr3t-Value/with+signs=="
PRIVATE = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----\n"


def test_a_secret_of_the_environment_is_masked(monkeypatch):
    monkeypatch.setenv("GATEPOST_CRM_CLIENT_SECRET", SECRET)
    assert redacted(f"login with {SECRET} failed") == "login with *** failed"


def test_a_secret_is_masked_as_a_file_of_the_secrets_folder_and_as_python_quotes_it(
    monkeypatch, tmp_path
):
    (tmp_path / "gatepost_crm_private_key").write_text(PRIVATE, encoding="utf-8")
    monkeypatch.setenv("GATEPOST_SECRETS_DIR", str(tmp_path))
    for text in (PRIVATE, repr(PRIVATE), json.dumps(PRIVATE), "line: hkiG9w0BAQEFAASC"):
        assert "MIIEvQ" not in redacted(text)
        assert "hkiG9w" not in redacted(text)


def test_names_and_short_words_are_no_secrets(monkeypatch):
    monkeypatch.setenv("GATEPOST_CRM_USERNAME", "rev-ops@acme.example")
    monkeypatch.setenv("GATEPOST_CRM_TOKEN", "no")
    monkeypatch.setenv("OTHER_TOKEN", "something long")
    text = "rev-ops@acme.example says no to something long"
    assert redacted(text) == text
