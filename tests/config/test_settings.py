"""Secrets come from the environment or a folder of files, and never show."""

import pytest

from config.errors import FixConfig
from config.settings import need, need_all, secrets_of, variable


@pytest.fixture(autouse=True)
def _no_folder(monkeypatch):
    monkeypatch.delenv("GATEPOST_SECRETS_DIR", raising=False)


def test_a_secret_is_read_from_the_environment(monkeypatch):
    monkeypatch.setenv("GATEPOST_CRM_CLIENT_SECRET", "hunter2")

    assert secrets_of("crm").get("client_secret") == "hunter2"
    assert secrets_of("other").get("client_secret") is None


def test_a_secret_is_read_from_a_file_without_the_line_break_at_its_end(monkeypatch, tmp_path):
    (tmp_path / "gatepost_crm_private_key").write_text("-----BEGIN\nKEY\n")
    monkeypatch.setenv("GATEPOST_SECRETS_DIR", str(tmp_path))

    assert secrets_of("CRM").get("private_key") == "-----BEGIN\nKEY"


def test_the_environment_comes_before_the_folder(monkeypatch, tmp_path):
    (tmp_path / "gatepost_crm_token").write_text("from the file")
    monkeypatch.setenv("GATEPOST_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("GATEPOST_CRM_TOKEN", "from the environment")

    assert secrets_of("crm").get("token") == "from the environment"


def test_what_is_empty_counts_as_absent(monkeypatch, tmp_path):
    (tmp_path / "gatepost_crm_token").write_text("from the file")
    (tmp_path / "gatepost_crm_password").write_text("\n")
    monkeypatch.setenv("GATEPOST_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("GATEPOST_CRM_TOKEN", "")
    secrets = secrets_of("crm")

    assert secrets.get("token") == "from the file"
    assert secrets.get("password") is None


def test_nothing_that_prints_a_secret_shows_it(monkeypatch):
    monkeypatch.setenv("GATEPOST_CRM_TOKEN", "hunter2")
    secrets = secrets_of("crm")

    assert (
        "hunter2" not in f"{secrets} {secrets!r} {secrets.model_dump()} {secrets.model_dump_json()}"
    )
    assert secrets.all_values() == {"hunter2"}


def test_an_option_that_is_no_secret_is_not_there():
    assert secrets_of("crm").get("model_config") is None


def test_a_needed_secret_that_is_missing_says_where_it_was_looked_for(monkeypatch, tmp_path):
    with pytest.raises(FixConfig, match="GATEPOST_CRM_TOKEN is not set, and GATEPOST_SECRETS_DIR"):
        need(secrets_of("crm"), "crm", "token")

    monkeypatch.setenv("GATEPOST_SECRETS_DIR", str(tmp_path))
    with pytest.raises(FixConfig, match="no file gatepost_crm_token in"):
        need(secrets_of("crm"), "crm", "token")


def test_all_needed_secrets_that_are_missing_are_named_at_once(monkeypatch):
    monkeypatch.setenv("GATEPOST_CRM_USERNAME", "ann")
    with pytest.raises(FixConfig) as caught:
        need_all(secrets_of("crm"), "crm", ["client_id", "username", "private_key"])
    assert [one.message.partition(":")[0] for one in caught.value.problems] == [
        "needs the secret 'client_id'",
        "needs the secret 'private_key'",
    ]

    need_all(secrets_of("crm"), "crm", ["username"])


def test_a_folder_that_is_none_is_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("GATEPOST_SECRETS_DIR", str(tmp_path / "nowhere"))

    with pytest.raises(FixConfig, match="names no folder") as caught:
        secrets_of("crm")
    assert caught.value.exit_code == 2


def test_a_file_that_cannot_be_read_is_a_sentence_without_its_content(monkeypatch, tmp_path):
    (tmp_path / "gatepost_crm_token").write_bytes(b"hunter2\xff")
    monkeypatch.setenv("GATEPOST_SECRETS_DIR", str(tmp_path))

    with pytest.raises(FixConfig, match="a secret of crm cannot be read") as caught:
        secrets_of("crm")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_variables_are_named_after_connection_and_option():
    assert variable("crm", "client_id") == "GATEPOST_CRM_CLIENT_ID"
