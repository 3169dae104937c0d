"""Who the connector is to an org, and what happens when a session ends."""

import stat
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest

from config.errors import FixConfig, RetryLater, StopCycle
from config.project_file import Connection
from connectors.salesforce.connector import SalesforceConnector
from connectors.salesforce.options import options_of
from tests.connectors.salesforce_org import org_of, stages


@pytest.fixture
def org(monkeypatch):
    with org_of(monkeypatch) as made:
        yield made


def names(connector):
    return [row["Name"] for row in connector.accounts().read("Account", ["Name"])]


def logins(org):
    return org.all_calls().get("token", 0)


@pytest.mark.parametrize("auth", ["client_credentials", "jwt", "refresh_token", "password"])
def test_each_way_to_log_in_reads_accounts_with_one_login(org, auth):
    for option in ("private_key", "refresh_token", "password", "security_token", "username"):
        org.secret(option, org.known[option])
    connector = org.connector(auth=auth)
    assert len(names(connector)) == 6
    assert logins(org) == 1
    assert bool(connector.warnings) == (auth == "password")


def test_a_given_token_is_used_as_it_is_and_cannot_be_renewed(org):
    org.secret("access_token", org.known["token"])
    connector = org.connector(auth="token")
    assert len(names(connector)) == 6
    assert logins(org) == 0
    org.fault("expired", "query", count=1)
    with pytest.raises(StopCycle, match="cannot renew"):
        names(connector)


def test_a_private_key_with_written_line_ends_is_read(org):
    org.secret("private_key", org.known["private_key"].replace("\n", "\\n"))
    org.secret("username", org.known["username"])
    assert len(names(org.connector(auth="jwt"))) == 6


def test_what_is_no_key_is_said_without_showing_it(org):
    org.secret("private_key", "MIIE-this-is-no-key")
    org.secret("username", org.known["username"])
    with pytest.raises(FixConfig, match="private_key") as wrong:
        names(org.connector(auth="jwt"))
    assert "MIIE" not in str(wrong.value)


@pytest.mark.parametrize(
    ("setting", "auth", "code", "hint"),
    [
        ({"approved": False}, "jwt", "invalid_grant", "approve the app"),
        ({"run_as_user": False}, "client_credentials", "invalid_grant", "runs as"),
        ({"app_blocked": True}, "client_credentials", "OAUTH_APP_BLOCKED", "administrator"),
    ],
)
def test_a_refused_login_says_why_and_what_helps(org, setting, auth, code, hint):
    org.secret("private_key", org.known["private_key"])
    for name, value in setting.items():
        setattr(org.settings, name, value)
    with pytest.raises(StopCycle, match=code) as refused:
        names(org.connector(auth=auth, username=org.known["username"]))
    assert hint in refused.value.hint
    assert logins(org) == 1  # a refusal is not asked for twice


def test_a_wrong_secret_is_refused_and_never_shown(org):
    org.secret("client_secret", "s3cret-but-wrong")
    with pytest.raises(StopCycle, match="invalid_client") as refused:
        names(org.connector())
    assert "s3cret" not in str(refused.value) + refused.value.hint


def test_a_missing_secret_names_its_variable(org):
    org.monkeypatch.delenv("GATEPOST_CRM_CLIENT_SECRET")
    with pytest.raises(FixConfig, match="GATEPOST_CRM_CLIENT_SECRET"):
        names(org.connector())


def test_a_login_that_is_busy_is_tried_again(org):
    org.fault("status", "token", status=503, count=2)
    assert len(names(org.connector())) == 6
    assert len(org.sleeps) == 2


# -- sessions that end


@pytest.mark.parametrize("route", ["describe", "query", "query_more", "collections_update"])
def test_an_ended_session_is_renewed_once_and_the_request_repeated(org, route):
    org.settings.page_size = 2
    connector = org.connector()
    org.fault("expired", route, count=1)
    assert len(set(names(connector))) == 6
    results = connector.sink().write("Account", "Id", stages(org, "Value"))
    assert {one.outcome for one in results} == {"written"}
    assert logins(org) == 2


@pytest.mark.parametrize(
    "route", ["ingest_create", "ingest_upload", "ingest_change", "ingest_get", "ingest_successful"]
)
def test_a_session_that_ends_in_the_middle_of_a_bulk_job_costs_no_record(org, route):
    org.fault("expired", route, count=1)
    connector = org.connector(bulk_from=2)
    results = connector.sink().write("Account", "Id", stages(org, "Value"))
    assert {one.outcome for one in results} == {"written"}
    assert org.calls()["ingest_create"] == 1 + (route == "ingest_create")
    assert logins(org) == 2


def test_a_session_that_is_refused_again_stops_the_run(org):
    org.fault("expired", "describe")
    with pytest.raises(StopCycle, match="just made"):
        names(org.connector())
    assert logins(org) == 2


def test_a_refusal_in_html_is_taken_for_an_ended_session_and_leaves_no_traceback(org):
    org.fault("html", "query", status=401, count=1)
    assert len(names(org.connector())) == 6
    assert logins(org) == 2


def test_several_threads_renew_once(org):
    connector = org.connector()
    login = connector.client.login
    ended = login.token()
    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(lambda _: login.renewed(ended), range(16)))
    assert len(tokens) == 1
    assert logins(org) == 2


# -- refresh tokens that are replaced


def test_a_replaced_refresh_token_is_stored_for_the_next_run(org, tmp_path):
    org.settings.rotation = True
    path = tmp_path / "gatepost_crm_refresh_token"
    path.write_text(org.known["refresh_token"])
    org.monkeypatch.setenv("GATEPOST_SECRETS_DIR", str(tmp_path))
    for _ in range(3):
        connector = org.connector(auth="refresh_token")
        assert len(names(connector)) == 6
        assert connector.warnings == []
    assert path.read_text() != org.known["refresh_token"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_replaced_refresh_token_that_cannot_be_stored_is_a_warning(org):
    org.settings.rotation = True
    org.secret("refresh_token", org.known["refresh_token"])
    connector = org.connector(auth="refresh_token")
    org.fault("expired", "query", count=1)
    assert len(names(connector)) == 6  # this run goes on, with the newest token
    assert "next run cannot log in" in connector.warnings[0]
    with pytest.raises(StopCycle, match="expired access/refresh token") as refused:
        names(org.connector(auth="refresh_token"))
    assert "sign in anew" in refused.value.hint


# -- options


@pytest.mark.parametrize(
    ("host", "audience"),
    [("login", "login"), ("acme.my", "login"), ("test", "test"), ("acme--uat.sandbox.my", "test"),
     ("smart-bear-9-dev-ed.scratch.my", "test"), ("acme-dev-ed.develop.my", "login")],
)  # fmt: skip
def test_a_signed_login_speaks_to_the_kind_of_org_that_it_is_for(org, host, audience):
    forms = []

    def send(*_, data, **__):
        forms.append(data)
        raise StopCycle("it was seen")

    org.monkeypatch.setattr("connectors.http.send", send)
    org.secret("private_key", org.known["private_key"])
    connector = org.connector(auth="jwt", login_url=f"https://{host}.salesforce.com", username="u")
    with pytest.raises(StopCycle, match="it was seen"):
        names(connector)
    claims = jwt.decode(forms[0]["assertion"], options={"verify_signature": False})
    assert claims["aud"] == f"https://{audience}.salesforce.com"


def test_plain_http_is_refused_but_on_loopback():
    with pytest.raises(FixConfig, match="in the open"):
        options_of("crm", Connection(type="salesforce", url="http://acme.my.salesforce.com"))


@pytest.mark.parametrize(
    ("key", "value"),
    [("api_version", "30.0"), ("api_version", "new"), ("batch_size", 201), ("api_budget", 2),
     ("retries", "x"), ("timeout_seconds", True)],
)  # fmt: skip
def test_an_option_that_makes_no_sense_is_named(key, value):
    with pytest.raises(FixConfig, match=f"connections.crm.{key}"):
        options_of("crm", Connection(type="salesforce", options={key: value}))


def test_nothing_is_sent_before_something_is_asked_for(org, tmp_path):
    connector = SalesforceConnector("crm", Connection(type="salesforce"), tmp_path)
    connector.accounts()
    connector.sink()
    assert org.all_calls() == {}


def test_an_address_where_nobody_answers_is_a_sentence(org):
    org.known["url"] = "http://127.0.0.1:9"
    with pytest.raises(RetryLater, match=r"127\.0\.0\.1:9 could not be reached"):
        names(org.connector())
    assert len(org.sleeps) == 5
