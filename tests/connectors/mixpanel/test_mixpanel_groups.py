"""Group profiles as accounts: pages of a session, whole or not at all."""

import pytest

from config.errors import FixConfig, PartlyDone, RetryLater, StopCycle
from sandbox.mixpanel import engage
from sandbox.mixpanel.project import GROUP_ID, Profile

COLUMNS = ["$distinct_id", "crm_id", "plan"]


@pytest.fixture
def groups(product):
    """Ten group profiles, on pages of four."""
    product.options["groups"] = f"company_id={GROUP_ID}, team=7"
    made = product.mixpanel.project.groups
    made.clear()
    for number in range(10):
        made[f"g{number}"] = Profile(f"g{number}", {"crm_id": f"00{number}", "plan": "pro"})
    return made


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    monkeypatch.setattr(engage, "_PAGE_SIZE", 4)


def read(product, columns=COLUMNS, name="company_id"):
    return list(product.connector().accounts().read(name, columns))


def test_all_pages_come_and_only_the_first_counts(product, groups):
    product.mixpanel.settings.query_hourly = 1
    rows = read(product)
    assert [row["$distinct_id"] for row in rows] == sorted(groups)
    assert rows[7] == {"$distinct_id": "g7", "crm_id": "007", "plan": "pro"}
    assert product.started.calls("mixpanel") == {"engage": 3}


def test_a_quota_that_others_used_up_is_no_failure(product, groups):
    product.mixpanel._hour["query"].spend(product.clock.elapsed(), 60)
    with pytest.raises(PartlyDone, match=r"61/60 queries .*it asks to wait 3,6\d\d s") as told:
        read(product)
    assert "the next run" in told.value.hint
    assert product.calls == 1


@pytest.mark.parametrize(
    "body",
    [{"status": "error", "error": "oops"}, [], {"results": [5], "total": 1}, {"results": ["x"]}],
)
def test_a_page_of_another_shape_is_no_profiles(product, groups, body):
    product.started.fault("status", "mixpanel.engage", status=200, body=body)
    with pytest.raises(RetryLater, match="a page of group profiles"):
        read(product)


def test_only_the_properties_that_are_needed_are_asked_for(product, groups):
    read(product, ["$distinct_id", "plan"])
    [first, *_] = product.started.sandbox.log.entries()
    assert "output_properties" in str(first["body"])
    assert "crm_id" not in str(first["body"])


@pytest.mark.parametrize("left", [4, 8, 0, 1])
def test_a_last_page_that_is_full_or_empty_is_an_end(product, groups, left):
    for name in sorted(groups)[left:]:
        del groups[name]
    assert len(read(product, ["$distinct_id"])) == left


def test_what_a_property_holds_is_kept(product, groups):
    groups["g0"].properties.update(crm_id=5, plan=["a", {"b": None}], extra=True)
    groups["g1"].properties.clear()
    groups["g2"] = Profile(77, {"crm_id": None})
    rows = {row["$distinct_id"]: row for row in read(product, [*COLUMNS, "extra"])}
    assert rows["g0"] == {
        "$distinct_id": "g0", "crm_id": 5, "plan": '["a", {"b": null}]', "extra": True,
    }  # fmt: skip
    assert rows["g1"] == {"$distinct_id": "g1", "crm_id": None, "plan": None, "extra": None}
    assert rows["77"]["crm_id"] is None  # an id may be a number


def test_pages_that_stop_coming_are_not_taken_for_the_end(product, groups):
    product.started.fault("empty", "mixpanel.engage", skip=1)
    with pytest.raises(RetryLater, match="of 10 group profiles only 4 came"):
        read(product)


def test_a_page_that_fails_is_asked_for_again_in_the_same_session(product, groups):
    product.started.fault("status", "mixpanel.engage", status=503, skip=1, count=2)
    assert len(read(product)) == 10
    assert product.started.calls("mixpanel") == {"engage": 5}


def test_a_session_that_is_over_is_not_asked_again(product, groups):
    rows = product.connector().accounts().read("company_id", COLUMNS)
    next(rows)
    product.clock.advance(4000)
    with pytest.raises(RetryLater, match="uncached query"):
        list(rows)
    assert product.started.calls("mixpanel") == {"engage": 2}


def test_a_plan_without_queries_and_a_wrong_login_are_told(product, groups):
    product.mixpanel.settings.query_api = False
    with pytest.raises(StopCycle, match="402"):
        read(product)
    product.mixpanel.settings.account_expired = True
    with pytest.raises(FixConfig, match="does not accept the service account"):
        read(product)


def test_a_group_type_that_is_not_named_is_told_with_the_way_out(product, groups):
    with pytest.raises(
        StopCycle, match=r"no group type 'company'.*known are company_id, team"
    ) as told:
        read(product, name="company")
    assert "groups: company=NUMBER" in told.value.hint
    product.options["groups"] = "company_id=5"
    with pytest.raises(StopCycle, match=r"400 .*invalid data_group_id: 5"):
        read(product)


def test_a_property_that_no_profile_has_is_named_with_the_nearest(product, groups):
    with pytest.raises(StopCycle, match="company_id has a property 'crmid'") as told:
        read(product, ["crmid"])
    assert "crm_id" in told.value.hint


def test_a_live_check_sees_the_properties_and_that_none_can_be_written(product, groups):
    found = product.connector().inspector().describe("company_id")
    assert set(found.fields) == {"$distinct_id", "crm_id", "plan"}
    assert {one.refusal for one in found.fields.values()} == {found.refusal}
    assert "nothing is ever written" in found.refusal
    with pytest.raises(StopCycle, match="no group type 'Case'"):
        product.connector().inspector().describe("Case")


def test_queries_are_held_to_the_budget_and_exports_do_not_count(product, groups):
    product.options["api_budget"] = 0.02  # one an hour
    read(product)
    with pytest.raises(PartlyDone, match="api_budget allows"):
        read(product)
    assert product.connector().budget().used == 0
