"""Secrets that the CRM itself throws back at us are in no ledger, plan, log, state or sentence."""

import pytest

from bench.crm import Crm

CODE = "FIELD_CUSTOM_VALIDATION_EXCEPTION"


@pytest.fixture
def crm(tmp_path):
    with Crm(tmp_path, accounts=4, batch=2, guards=", canary: false") as made:
        made.next_day()
        yield made


def test_no_secret_is_kept_or_told(crm, tmp_path):
    secret = crm.known["client_secret"]
    thrown = f"request by {crm.known['client_id']} with {secret} failed"
    update = "salesforce.collections_update"
    crm.fault("partial", update, share=0.6, code=CODE, message=thrown)
    crm.fault("status", update, status=500, body=thrown, count=1, skip=1)
    said = ""
    plan = ("plan", "--out", str(tmp_path / "plan.json"))
    for words in (plan, ("sync",), ("sync", "--format", "json"), ("runs", "--quarantine")):
        day = () if words[0] == "runs" else ("--as-of", str(crm.as_of))
        out, err = crm.program(*words, *day).communicate(timeout=120)
        said += out + err
    assert "failed" in said, "the CRM's words are told"
    assert secret not in said
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "state.sqlite3" for path in kept)
    assert [path for path in kept if secret.encode() in path.read_bytes()] == []
