"""Secrets are kept out of what is printed, whatever put them there."""

import json
from urllib.parse import quote

import pytest

from gatepost.redact import Redactor, redacted

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


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer {}",
        "basic {}",
        "GET /x?access_token={}&a=1",
        "client_secret={}",
        "https://ada:{}@crm.example/",
        "sid={}",
    ],
)
def test_what_looks_like_a_secret_is_masked_although_nobody_knows_it(text):
    planted = "Zm9vYmFyYmF6cXV4"
    assert planted not in redacted(text.format(planted))


@pytest.mark.parametrize(
    "token",
    [
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIn0.c2ln",
        "00D5f000000abcdEAA!AQ8AQPx.y_z1234567",
        "pat-eu1-0a1b2c3d-4e5f-6789-abcd-ef0123456789",
        "https://hooks.slack.com/services/T0/B0/abcdef",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_tokens_of_known_shapes_are_masked(token):
    assert token not in redacted(f"x {token} y")
    assert "MIIEow" not in redacted(token)


def test_plain_words_stay():
    text = "token expired: basic authentication is off; 0015f00000AbCdE of ada@acme.example, 12:30"
    assert redacted(text) == text


def test_e_mail_addresses_are_masked_where_they_are_not_wanted():
    hide = Redactor(e_mails=False)
    assert hide("ada.l+x@acme.example wrote; a @ b") == "***@acme.example wrote; a @ b"


def test_a_secret_is_masked_as_json_and_urls_have_it(monkeypatch):
    monkeypatch.setenv("GATEPOST_CRM_PASSWORD", 'pä/ss"word')
    said = redacted(json.dumps({"a": 'pä/ss"word'}) + quote('pä/ss"word', safe=""))
    assert said == '{"a": "***"}***'
