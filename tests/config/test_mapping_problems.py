# ruff: noqa: E501  (a table of mistakes reads best with one a line)
"""Each mistake in mapping.yaml and gatepost.yaml gives one sentence at the right place."""

import pytest

from config.load import load_project

MAPPING = "mapping.yaml"
GATEPOST = "gatepost.yaml"

# (what stands there, what is written instead, the text that each problem points at and its words)
IN_MAPPING = [
    # accounts
    ("  from: crm\n  object: Account", "  from: crn\n  object: Account", [("crn", "accounts.from: no connection named 'crn' in gatepost.yaml; nearest is 'crm'")]),
    ("  from: crm\n  object: Account", "  from: product\n  object: Account", [("product", "accounts.from: nothing can be written to the connection 'product' (mixpanel); take accounts from the CRM that `write` means")]),
    ("  object: Account", "  object: ../Account", [("../Account", "accounts.object: '../Account' cannot be the name of an object")]),
    ("  id: Id\n", "", [("from: crm", "accounts: 'id' is missing")]),
    # fields
    ("  segment:        Segment__c", "  days_in_stage:  Segment__c", [("days_in_stage", "fields.days_in_stage: the name 'days_in_stage' is built in")]),
    ("  segment:        Segment__c", "  id:  Segment__c", [("id:", "fields.id: the name 'id' is built in")]),
    ("  segment:        Segment__c", "  case:  Segment__c", [("case:", "fields.case: the name 'case' is a word of SQL")]),
    ("  segment:        Segment__c", "  Tenant:  Segment__c", [("tenant:", "fields.tenant: the name 'tenant' differs from 'Tenant' only by the case of its letters")]),
    ("  segment:        Segment__c", "  our segment:  Segment__c", [("our segment", "fields.our segment: 'our segment' cannot be a name in expressions: it must begin with a letter and go on with letters, digits and _")]),
    ("  segment:        Segment__c", "  name:  Segment__c", [("Segment__c", "fields.name: the field 'name' is 'Segment__c' here and 'Name' in accounts; call this one otherwise")]),
    ("  segment:        Segment__c", "  segment:", [("", "fields.segment: a map (key: value) is expected here, not nothing")]),
    ("  segment:        Segment__c", "  segment: [a]", [("[a]", "fields.segment: a map (key: value) is expected here, not a list")]),
    ("Seats__c, type: number", "Seats__c, type: numeric", [("numeric", "fields.licensed_seats.type: 'numeric' is none of text, number, date, boolean; nearest is 'number'")]),
    ("Seats__c, type: number", "Seats__c, tipe: number", [("tipe", "fields.licensed_seats.tipe: unknown key 'tipe'; nearest is 'type'")]),
    # events
    ("  - from: product", "  - from: prodcut", [("prodcut", "events[0].from: no connection named 'prodcut' in gatepost.yaml; nearest is 'product'")]),
    ("  - from: product", "  - from: crm", [("crm", "events[0].from: the connection 'crm' (salesforce) has no product events; name an `object`")]),
    ("  - from: desk", "  - from: product", [("product", "events[2].from: the connection 'product' (mixpanel) has no records that could be read as events")]),
    ("    at: CreatedDate\n", "", [("from: crm", "events[1]: 'at' is missing: an object's records need it (when they happened)")]),
    ("    event: Ticket Raised\n", "", [("from: crm", "events[1]: 'event' is missing: an object's records need it (what its records are called)")]),
    ("event: Ticket Raised", "event: any", [("any", "events[1].event: the name 'any' is built in")]),
    ("    user: distinct_id", "    at: time", [("at: time", "events[0].at: 'at' belongs to an object's records, and no object is named; product events bring their own name and time")]),
    ("tenant_id, equals: tenant", "tenant_id, equals: tennant", [("tennant", "events[0].account.equals: 'tennant' is neither id nor a name under `fields`; nearest is 'tenant'")]),
    ("tenant_id, equals: tenant", "tenant_id, field: x, equals: tenant", [("{property", "events[0].account: names both a property and a field: one is enough")]),
    ("{property: tenant_id, equals: tenant}", "tenant", [("tenant", "events[0].account: a map (key: value) is expected here, not 'tenant'")]),
    ("{property: tenant_id, equals: tenant}", "{equals: tenant}", [("{equals", "events[0].account: 'property' is missing")]),
    ("{property: tenant_id, equals: tenant}", "{property: tenant_id}", [("{property", "events[0].account: 'equals' is missing; name id, a field, or a file (map: keys.csv)")]),
    ("{property: tenant_id, equals: tenant}", "{property: tenant_id, equal: tenant}", [("equal", "events[0].account.equal: unknown key 'equal'; nearest is 'equals'")]),
    ("{property: tenant_id, equals: tenant}", "[]", [("[]", "events[0].account: is an empty list")]),
    ("{property: tenant_id, equals: tenant}", "[{property: tenant_id, equals: tenant}, {property: org, equals: tennant}]", [("tennant", "events[0].account[1].equals: 'tennant' is neither id nor a name under `fields`; nearest is 'tenant'")]),
    ("{property: tenant_id, equals: tenant}", "[{property: tenant_id, equals: tenant}, {property: tenant_id, equals: tenant}]", [("{property: tenant_id, equals: tenant}]", "events[0].account[1]: is tried already: a way is named once")]),
    ("{property: tenant_id, equals: tenant}", "[{property: tenant_id, equals: tenant}, tenant]", [("tenant]", "events[0].account[1]: a map (key: value) is expected here, not 'tenant'")]),
    ("{property: tenant_id, equals: tenant}", "[{property: tenant_id, equals: tenant}, {property: org}]", [("{property: org}", "events[0].account[1]: 'equals' is missing; name id, a field, or a file (map: keys.csv)")]),
    ("{property: tenant_id, equals: tenant}", "{email: distinct_id, equals: id}", [("{email", "events[0].account: a domain never equals an id; name the field with the account's website")]),
    ("{property: tenant_id, equals: tenant}", "{email: [a], equals: tenant}", [("[a]", "events[0].account.email: text is expected here, not a list")]),
    ("{property: tenant_id, equals: tenant}", "{email: a, property: b, equals: tenant}", [("{email", "events[0].account: names both a property and an email: make two ways of them")]),
    ("{property: tenant_id, equals: tenant}", "{property: b, equals: tenant, except: [us.example]}", [("{property", "events[0].account: 'except' belongs to an email: it names domains that tell nothing")]),
    ("{property: tenant_id, equals: tenant}", "{email: b, equals: tenant, except: [us]}", [("us]", "events[0].account.except[0]: a domain is expected here, not 'us'; such as acme.example")]),
    ("{property: tenant_id, equals: tenant}", "{property: b, equals: tenant, map: keys.csv}", [("{property", "events[0].account: names both equals and a map: make two ways of them")]),
    ("{property: tenant_id, equals: tenant}", "{property: b, map: ../keys.csv}", [("../keys.csv", "events[0].account.map: a CSV in the project's folder is expected here, not '../keys.csv'; such as keys.csv")]),
    ("{property: tenant_id, equals: tenant}", "{property: b, map: keys.csv}", [("keys.csv", "events[0].account.map: 'keys.csv' is missing; a CSV with the columns key and account")]),
    ("keep: [plan, format]", "keep: [plan, format, user]", [("user", "events[0].keep[2]: the name 'user' is built in; call it otherwise: {its_user: user}")]),
    ("keep: [plan, format]", "keep: [plan, format, Report Type]", [("Report Type", "events[0].keep[2]: 'Report Type' cannot be a name in expressions: it must begin with a letter and go on with letters, digits and _")]),
    ("keep: [plan, format]", "keep: [plan, format, any]", [("any", "events[0].keep[2]: the name 'any' is a word of SQL; call it otherwise: {its_any: any}")]),
    ("keep: [plan, format]", "keep: [plan, {format: x}]", [("[plan", "events[0].keep: a property's name is expected here, not a map")]),
    ("keep: [plan, format]", "keep: plan", [("plan", "events[0].keep: a list of properties is expected here, not 'plan'")]),
    # write
    ("Lifecycle__c:   stage", "Lifecycle__c:   stge", [("stge", "write[0].fields.Lifecycle__c: 'Landing' has no output 'stge'; nearest is 'stage'")]),
    ("moment.usage_drop\n", "moment.usage_dorp\n", [("moment.usage_dorp", "write[0].fields.Drop__c: 'Landing' has no output 'moment.usage_dorp'; nearest is 'moment.usage_drop'")]),
    ("{output: health_score", "{output: helth_score", [("helth_score", "write[0].fields.Health__c.output: 'Landing' has no output 'helth_score'; nearest is 'health_score'")]),
    ("write: always", "write: allways", [("allways", "write[0].fields.Health__c.write: 'allways' is none of always, if_empty, suggest; nearest is 'always'")]),
    ("write: always", "write: suggest", [("{output: health_score", "write[0].fields.Health__c: 'to' is missing: a suggestion needs a field of its own")]),
    ("write: always", "to: Other__c", [("to: Other__c", "write[0].fields.Health__c.to: 'to' belongs to `write: suggest`; write to that field itself")]),
    ("write: always", "write: suggest, to: lifecycle__C", [("lifecycle__C", "write[0].fields.Health__c.to: 'lifecycle__C' is written already")]),
    ("Drop__c:        moment", "SystemModstamp: moment", [("SystemModstamp", "write[0].fields.SystemModstamp: 'SystemModstamp' is kept by salesforce itself and cannot be written; name a field of your own")]),
    ("write: always", "write: suggest, to: CreatedDate", [("CreatedDate", "write[0].fields.Health__c.to: 'CreatedDate' is kept by salesforce itself and cannot be written; name a field of your own")]),
    ("write: always", "conflict: their", [("their", "write[0].fields.Health__c.conflict: ours or theirs is expected here, not 'their'; or such as theirs for 30d")]),
    ("null: clear", "null: clean", [("clean", "write[0].fields.Health__c.null: 'clean' is none of keep, clear; nearest is 'clear'")]),
    ("  Drop__c:        moment", "  lifecycle__C: moment", [("lifecycle__C", "write[0].fields.lifecycle__C: 'lifecycle__C' is written already")]),
    ("  Drop__c:        moment", "  ID: moment", [("ID", "write[0].fields.ID: 'ID' is the accounts' id already")]),
    ("- journey: Landing", "- journey: Landnig", [("Landnig", "write[0].journey: no journey named 'Landnig'; nearest is 'Landing'")]),
]  # fmt: skip

IN_GATEPOST = [
    ("type: salesforce", "type: salesfroce", [("salesfroce", "connections.crm.type: no connection type 'salesfroce'; nearest is 'salesforce'")]),
    ("{type: salesforce, url", "{url", [("{url", "connections.crm: 'type' is missing")]),
    ("url: https://harbour.my.salesforce.com", "url: http://harbour.my.salesforce.com", [("http:", "connections.crm.url: would carry secrets in the open: https is needed, but on this machine itself")]),
    ("url: https://harbour.my.salesforce.com", "url: harbour.my.salesforce.com", [("harbour", "connections.crm.url: is no address; it begins with https:// or http://")]),
    ("project_id: 4711, ", "", [("{type: mixpanel", "connections.product: a connection of type mixpanel needs 'project_id'")]),
    ("project_id: 4711, ", "project_id: 4711, regoin: us, ", [("regoin", "connections.product.regoin: unknown option 'regoin'; nearest is 'region'")]),
    ("region: eu", "region: asia", [("asia", "connections.product.region: 'asia' is none of us, eu, in")]),
    ("path: exports", "path: exports, max_rejected: 5", [("5", "connections.desk.max_rejected: a share from 0 to 1 is expected here, not '5'")]),
    ("path: exports", "path: [exports]", [("[exports", "connections.desk.path: one value is expected here, not a list")]),
    ("path: exports", "path: exports, options: {a: 1}", [("options", "connections.desk.options: unknown key 'options'; known: type, url")]),
    ("  desk:", "  the desk:", [("the desk", "connections.the desk: 'the desk' cannot be a connection's name: it must begin with a letter and go on with letters, digits and _")]),
    ("  desk:", "  crm_desk:", [("crm_desk", "connections.crm_desk: the names 'crm_desk' and 'crm' would share variables such as GATEPOST_CRM_DESK_SECRET; rename one of them")]),
    ("15 */2 * * 1-5", "15 */2 * *", [('"15', "schedule.sync: '15 */2 * *' is no schedule: it has 4 fields, five are expected; such as \"*/30 * * * *\"")]),
    ("15 */2 * * 1-5", "75 */2 * * 1-5", [('"75', "schedule.sync: '75 */2 * * 1-5' is no schedule: '75' is no minute; such as \"*/30 * * * *\"")]),
    ("Europe/Lisbon", "Europe/Lissabon", [("Europe/Lissabon", "schedule.timezone: no time zone is called 'Europe/Lissabon'; nearest is 'Europe/Lisbon'")]),
    ("threads: 4", "threads: 0", [("0", "engine.threads: '0' lies outside 1 to 1024")]),
    ("threads: 4", "threads: many", [("many", "engine.threads: a whole number is expected here, not 'many'")]),
    ("memory: 3GB", "memory: 3", [("3", "engine.memory: an amount of memory is expected here, not '3'; such as 2GB")]),
    ("guards: {max_changed: 25%, max_stale: 2w, segment: segment}", "guards: [a]", [("[a", "guards: a map (key: value) is expected here, not a list")]),
    ("max_changed: 25%", "max_chnaged: 25%", [("max_chnaged", "guards.max_chnaged: unknown key 'max_chnaged'; nearest is 'max_changed'")]),
    ("max_changed: 25%", "max_changed: 0.25", [("0.25", "guards.max_changed: a share is expected here, not '0.25'; write 0.25%, or 25%")]),
    ("max_changed: 25%", "max_changed: 250%", [("250%", "guards.max_changed: '250%' is more than everything; 100% is the most")]),
    ("max_changed: 25%", "max_changed: some", [("some", "guards.max_changed: a share is expected here, not 'some'; such as 20%, or never")]),
    ("max_stale: 2w", "max_stale: 2", [("2,", "guards.max_stale: '2' has no unit; write 2d for days")]),
    ("segment: segment", "segment: segmnt", [("segmnt", "guards.segment: mapping.yaml has no field named 'segmnt'; nearest is 'segment'")]),
    ("max_stale: 2w", "read_back: some", [("some", "guards.read_back: all, none or a sample is expected here, not 'some'; such as sample 100")]),
    ("max_stale: 2w", "at_least: 0", [("0,", "guards.at_least: '0' is too few: 1 is the least")]),
    ("schedule:", "shedule:", [("shedule", "shedule: unknown key 'shedule'; nearest is 'schedule'")]),
]  # fmt: skip


def _ids(table):
    return [f"{number} {one[2][0][1][:50]}" for number, one in enumerate(table)]


def _hold(file, old, new, expected, after, files):
    lines = files[file].replace(old, new).splitlines()

    problems = [problem for problem in after(file, old, new) if problem.file == file]

    assert [str(one).partition("  ")[2] for one in problems] == [words for _, words in expected]
    for problem, (text, _) in zip(problems, expected, strict=True):
        assert lines[problem.line - 1][problem.column - 1 :].startswith(text)


@pytest.mark.parametrize(("old", "new", "expected"), IN_MAPPING, ids=_ids(IN_MAPPING))
def test_a_mistake_in_the_mapping_is_named_where_it_is(old, new, expected, after, files):
    _hold(MAPPING, old, new, expected, after, files)


@pytest.mark.parametrize(("old", "new", "expected"), IN_GATEPOST, ids=_ids(IN_GATEPOST))
def test_a_mistake_in_the_admins_file_is_named_where_it_is(old, new, expected, after, files):
    _hold(GATEPOST, old, new, expected, after, files)


SECRETS = ["secret", "token", "password", "client_secret", "private_key", "api_key", "Access-Token"]


@pytest.mark.parametrize("option", SECRETS)
def test_a_secret_in_a_file_is_a_problem_that_does_not_repeat_it(option, after):
    problems = after(GATEPOST, "path: exports", f"path: exports, {option}: hunter2")

    (problem,) = problems
    assert problem.where == f"connections.desk.{option}"
    assert "secrets must not stand in a file" in problem.message
    variable = "GATEPOST_DESK_" + option.upper().replace("-", "_")
    assert variable in problem.hint
    assert "hunter2" not in str(problem)


def test_a_login_in_an_address_is_a_problem_that_does_not_repeat_it(after):
    (problem,) = after(GATEPOST, "url: https://harbour", "url: https://me:hunter2@harbour")

    assert "holds a login" in problem.message
    assert "hunter2" not in str(problem)


def test_any_needs_product_events(write, files):
    start = files[MAPPING].index("  - from: product")
    end = files[MAPPING].index("  - from: crm\n    object: Case")
    files[MAPPING] = files[MAPPING][:start] + files[MAPPING][end:]

    _, problems = load_project(write(files))

    assert {str(one).partition("  ")[2] for one in problems} == {
        f"signals.{name}: any means product events, and mapping.yaml has none of them"
        for name in ("last_seen.last", "weekly_users.users")
    }


def test_health_is_not_written_by_a_journey_without_health(write, files):
    text = files["journeys/landing.yaml"]
    files["journeys/landing.yaml"] = text[: text.index("health:")] + text[text.index("moments:") :]

    _, problems = load_project(write(files))

    (problem,) = problems
    assert str(problem).partition("  ")[2] == (
        "write[0].fields.Health__c.output: 'Landing' computes no health, so there is no "
        "health_score; add `health`, or leave the field out"
    )


def test_an_unreadable_mapping_does_not_make_the_journeys_names_unknown(write, files):
    _, problems = load_project(write(files | {MAPPING: "accounts: [\n"}))

    assert [one.file for one in problems] == [MAPPING]


def test_an_unreadable_journey_does_not_make_its_name_unknown(write, files):
    _, problems = load_project(write(files | {"journeys/landing.yaml": "journey: [\n"}))

    assert [one.file for one in problems] == ["journeys/landing.yaml"]


def test_a_wrong_field_does_not_make_its_name_unknown(after):
    problems = after(MAPPING, "Signed__c, type: date", "Signed__c, type: daet")

    assert [one.where for one in problems] == ["fields.signed_on.type"]


@pytest.mark.parametrize(
    ("field", "is_told"),
    [
        ("hs_lastmodifieddate", True),
        ("HS_Object_Source_Label", True),
        ("hs_v2_date_entered_current_stage", True),
        ("num_associated_contacts", True),
        ("hs_lead_status", False),
        ("lifecyclestage", False),
        ("SystemModstamp", False),
    ],
)
def test_what_each_system_keeps_itself_is_its_own(write, files, field, is_told):
    """HubSpot's names mean nothing to Salesforce, nor the other way round."""
    changed = files | {
        GATEPOST: files[GATEPOST].replace("type: salesforce", "type: hubspot"),
        MAPPING: files[MAPPING].replace("Drop__c:        moment", f"{field}: moment"),
    }
    told = [str(one) for one in load_project(write(changed))[1] if "is kept by" in str(one)]
    assert len(told) == is_told
    assert all(f"write[0].fields.{field}: {field!r} is kept by hubspot" in one for one in told)
