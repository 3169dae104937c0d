"""Clients that others wrote work against the sandbox as they come, but for the address."""

import json
import time
import urllib.parse

import hubspot
import pytest
import requests
from hubspot.crm import companies as hs
from hubspot.crm import properties as hs_properties
from hubspot.crm.associations.v4 import BatchInputPublicFetchAssociationsBatchRequest
from mixpanel_utils import MixpanelUtils
from simple_salesforce import Salesforce, SalesforceAuthenticationFailed, SalesforceExpiredSession
from simple_salesforce.format import format_soql


class ToSandbox(requests.adapters.HTTPAdapter):
    """simple-salesforce knows https only: the adapter brings its requests to the sandbox."""

    def __init__(self, url):
        self.url = url
        super().__init__()

    def send(self, request, *args, **kwargs):
        parts = urllib.parse.urlsplit(request.url)
        request.url = self.url + parts.path + (f"?{parts.query}" if parts.query else "")
        return super().send(request, *args, **kwargs)


@pytest.fixture
def session(world):
    made = requests.Session()
    made.trust_env = False
    adapter = ToSandbox(world.url)
    for host in ("acme.my.salesforce.com", "login.salesforce.com", "test.salesforce.com"):
        made.mount(f"https://{host}", adapter)
    made.mount(world.url.replace("http:", "https:"), adapter)
    yield made
    made.close()


@pytest.fixture
def sf(world, session):
    known = world.ready["salesforce"]
    return Salesforce(
        consumer_key=known["client_id"], consumer_secret=known["client_secret"],
        domain="acme.my", session=session, version="60.0",
    )  # fmt: skip


# -- simple-salesforce


@pytest.mark.parametrize("way", ["jwt", "client", "password", "soap"])
def test_simple_salesforce_logs_in_each_way(world, session, way):
    known = world.ready["salesforce"]
    user = {"username": known["username"]}
    key = {"consumer_key": known["client_id"]}
    secret = {"password": known["password"], "security_token": known["security_token"]}
    arguments = {
        "jwt": {**user, **key, "privatekey": known["private_key"], "domain": "login"},
        "client": {**key, "consumer_secret": known["client_secret"], "domain": "acme.my"},
        "password": {**user, **key, "consumer_secret": known["client_secret"],
                     "password": known["password"], "domain": "acme.my"},
        "soap": {**user, **secret, "version": "59.0"},
    }[way]  # fmt: skip
    client = Salesforce(session=session, **arguments)
    assert client.query("SELECT COUNT() FROM Account")["totalSize"] == 30
    assert client.api_usage["api-usage"].used >= 1


def test_simple_salesforce_is_told_why_a_login_failed(world, session):
    known = world.ready["salesforce"]
    with pytest.raises(SalesforceAuthenticationFailed) as refused:
        Salesforce(
            consumer_key=known["client_id"], consumer_secret="wrong",
            domain="acme.my", session=session,
        )  # fmt: skip
    assert refused.value.code == "invalid_client"


@pytest.mark.parametrize(
    ("wrong", "switched_on", "code"),
    [
        ({"password": "wrong"}, True, "INVALID_LOGIN"),
        ({}, False, "UNSUPPORTED_API_VERSION"),
        ({"version": "65.0"}, True, "UNSUPPORTED_API_VERSION"),
        ({"version": "new"}, True, "UNSUPPORTED_API_VERSION"),
    ],
)
def test_a_login_by_soap_is_refused_in_a_fault(world, session, wrong, switched_on, code):
    known = world.ready["salesforce"]
    world.sandbox.salesforce.settings.soap_login = switched_on
    user = {name: known[name] for name in ("username", "password", "security_token")}
    with pytest.raises(SalesforceAuthenticationFailed) as refused:
        Salesforce(session=session, **{"version": "59.0", **user, **wrong})
    assert refused.value.code == code


def test_simple_salesforce_reads_pages_and_describes(world, sf):
    world.sandbox.salesforce.settings.page_size = 7
    rows = list(sf.query_all_iter("SELECT Id, Name, Owner.Name FROM Account"))
    assert len({r["Id"] for r in rows}) == 30
    name = rows[0]["Name"]
    assert sf.query(format_soql("SELECT Id FROM Account WHERE Name = {}", name))["totalSize"] == 1
    assert sf.Account.describe()["name"] == "Account"
    assert {"Account"} <= {o["name"] for o in sf.describe()["sobjects"]}
    assert sf.limits()["DailyApiRequests"]["Max"] == 100_000


def test_simple_salesforce_writes_rows_and_collections(sf):
    record = sf.query("SELECT Id FROM Account LIMIT 1")["records"][0]["Id"]
    assert sf.Account.update(record, {"TTV_Days__c": 9}) == 204
    assert sf.Account.get(record)["TTV_Days__c"] == 9.0
    body = {
        "allOrNone": False,
        "records": [{"attributes": {"type": "Account"}, "Id": record, "TTV_Days__c": None}],
    }
    assert sf.restful("composite/sobjects", method="PATCH", json=body)[0]["success"] is True
    assert sf.Account.get(record)["TTV_Days__c"] is None


def test_simple_salesforce_loads_and_extracts_in_bulk(sf, tmp_path, monkeypatch):
    monkeypatch.setattr("simple_salesforce.bulk2.sleep", lambda _seconds: None)
    ids = [r["Id"] for r in sf.query("SELECT Id FROM Account")["records"]]
    records = [{"Id": i, "Lifecycle_Stage__c": "Adoption"} for i in ids]
    records[3]["Lifecycle_Stage__c"] = "Nonsense"
    (job,) = sf.bulk2.Account.update(records=records)
    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (30, 1)
    assert ids[3] in sf.bulk2.Account.get_failed_records(job["job_id"])
    assert sf.bulk2.Account.get_successful_records(job["job_id"]).count("\n") == 30
    files = sf.bulk2.Account.download(
        "SELECT Id, Lifecycle_Stage__c FROM Account", path=str(tmp_path), max_records=20
    )
    assert [f["number_of_records"] for f in files] == [20, 10]


def test_simple_salesforce_renews_a_session_for_rows_and_not_for_bulk(world, sf, session):
    world.fault("expired", "salesforce.query", count=1)
    assert sf.query("SELECT COUNT() FROM Account")["totalSize"] == 30
    world.fault("expired", "salesforce.bulk_query_create", count=1)
    with pytest.raises(SalesforceExpiredSession):
        list(sf.bulk2.Account.query("SELECT Id FROM Account"))


# -- hubspot-api-client


@pytest.fixture
def hubspot_client(world):
    return hubspot.HubSpot(
        access_token=world.ready["hubspot"]["token"], host=world.url, base_url=world.url
    )


def test_hubspot_client_reads_lists_batches_and_history(hubspot_client):
    every = hubspot_client.crm.companies.get_all(properties=["name", "contract_end"])
    assert len({c.id for c in every}) == 30
    page = hubspot_client.crm.companies.basic_api.get_page(
        limit=5, properties_with_history=["name"], associations=["contacts"]
    )
    assert page.results[0].properties_with_history["name"][0].value
    assert page.results[0].associations["contacts"].results
    asked = hs.BatchReadInputSimplePublicObjectId(
        inputs=[{"id": every[0].id}, {"id": "9"}], properties=["name"], properties_with_history=[]
    )
    answer = hubspot_client.crm.companies.batch_api.read(asked)
    assert (answer.num_errors, answer.errors[0].category) == (1, "OBJECT_NOT_FOUND")


def test_hubspot_client_updates_and_sees_what_was_refused(hubspot_client):
    one, two = [c.id for c in hubspot_client.crm.companies.get_all()][:2]
    api = hubspot_client.crm.companies.batch_api

    def write(*pairs):
        inputs = [{"id": i, "properties": p} for i, p in pairs]
        return api.update(hs.BatchInputSimplePublicObjectBatchInput(inputs=inputs))

    done = write((two, {"gp_stage": "value"}), (one, {"gp_stage": "value"}))
    assert {r.id for r in done.results} == {one, two}
    partly = write((one, {"gp_stage": "adoption"}), ("9", {"gp_stage": "adoption"}))
    assert partly.errors[0].context == {"ids": ["9"]}
    with pytest.raises(hs.exceptions.ApiException) as refused:
        write((one, {"gp_stage": "adoption"}), (two, {"gp_stage": "nonsense"}))
    assert refused.value.status == 400
    assert "INVALID_OPTION" in json.loads(refused.value.body)["message"]


def test_hubspot_client_searches(world, hubspot_client):
    wanted = {"propertyName": "type", "operator": "EQ", "value": "CUSTOMER"}
    request = hs.PublicObjectSearchRequest(
        filter_groups=[{"filters": [wanted]}],
        limit=100,
        properties=["type"],
        sorts=["createdate"],
        after="0",
    )
    found = hubspot_client.crm.companies.search_api.do_search(request)
    assert found.total == len(found.results) > 10
    search = hubspot_client.crm.companies.search_api.do_search
    with pytest.raises(hs.exceptions.ApiException) as limited:
        [search(request) for _ in range(6)]
    assert limited.value.status == 429


def test_hubspot_client_knows_properties_owners_and_links(hubspot_client):
    core = hubspot_client.crm.properties.core_api
    names = {p.name for p in core.get_all(object_type="companies").results}
    assert "gp_stage" in names
    made = hs_properties.PropertyCreate(
        name="gp_made", label="Made", type="string", field_type="text", group_name="gatepost"
    )
    assert core.create(object_type="companies", property_create=made).name == "gp_made"
    assert hubspot_client.crm.owners.owners_api.get_page().results
    company = hubspot_client.crm.companies.basic_api.get_page(limit=1).results[0].id
    asked = BatchInputPublicFetchAssociationsBatchRequest(inputs=[{"id": company}])
    links = hubspot_client.crm.associations.v4.batch_api.get_page(
        from_object_type="companies", to_object_type="contacts",
        batch_input_public_fetch_associations_batch_request=asked,
    )  # fmt: skip
    assert links.results[0].to
    assert (
        hubspot_client.api_request({"path": "/account-info/v3/details"}).json()["portalId"] == 4711
    )


# -- mixpanel-utils


@pytest.fixture
def utils(world):
    known = world.ready["mixpanel"]
    client = MixpanelUtils(
        known["secret"], service_account_username=known["username"],
        project_id=known["project_id"], token=known["project_token"], pool_size=1, read_pool_size=1,
    )  # fmt: skip
    client.raw_api = client.formatted_api = f"{world.url}/api"
    client.import_api = world.url
    return client


def test_mixpanel_utils_exports_days(utils, tmp_path):
    days = {"from_date": "2026-06-28", "to_date": "2026-06-30"}
    found = utils.query_export(dict(days), add_gzip_header=True)
    assert len(found) > 100
    target = tmp_path / "events.json"
    time.sleep(0.4)
    utils.export_events(str(target), dict(days))
    assert len(json.loads(target.read_text())) == len(found)


def test_mixpanel_utils_reads_profiles_by_page(world, utils):
    found = utils.query_engage({"page_size": 50})
    assert len(found) == len(world.sandbox.mixpanel.project.profiles)


def test_mixpanel_utils_imports(world, utils):
    event = {
        "event": "Stage Entered",
        "properties": {"time": 1782800000, "distinct_id": "u", "$insert_id": "a-1"},
    }
    utils.import_events([event], timezone_offset=0)
    (stored,) = world.sandbox.mixpanel.records("imported")
    assert stored["properties"]["$insert_id"] == "a-1"
