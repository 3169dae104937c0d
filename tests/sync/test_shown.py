"""The mirror of what the CRM showed: a plan by it is that of a full read, or changes nothing that
was not looked at just now."""

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.mapping_file import WriteField
from sync.diff import Change, diff
from sync.forget_state import forget_in_state
from sync.forgotten import ACCOUNT, USER, remember_forgotten
from sync.shown import Shown, certain, keep_pulled, note_written
from sync.state import State
from sync.terms import Terms

IDS = ("1", "2", "3", "4")
FIELDS = ("stage", "score")
STAGES = st.sampled_from(["Onboarding", "Adoption", "", None])
SCORES = st.sampled_from([0, 1, 80.5, "80.50", None])
RECORD = st.fixed_dictionaries({"stage": STAGES, "score": SCORES})
CRM = st.dictionaries(st.sampled_from(IDS), RECORD)
DESIRED = st.dictionaries(
    st.sampled_from(IDS), st.fixed_dictionaries({}, optional={"stage": STAGES, "score": SCORES})
)
POLICIES = st.fixed_dictionaries({
    name: st.builds(
        WriteField,
        output=st.just(name),
        write=st.sampled_from(["always", "if_empty"]),
        null=st.sampled_from(["keep", "clear"]),
    )
    for name in FIELDS
})  # fmt: skip


def planned(crm, shown, desired, policies):
    """The diff by the mirror, the ids that were read for it, and the diff by a full read."""
    read = []

    def look(ids):
        read.extend(ids)
        return {one: crm[one] for one in ids if one in crm}

    def differences(observed):
        return [diff("Account", desired, observed, policies)]

    known = shown.records(IDS, FIELDS)
    fresh = shown.look([one for one in IDS if one not in known], look)
    found = certain(known, fresh, differences, lambda ids: shown.look(ids, look))
    return found, read, differences(crm)


def mirror_of(records):
    shown = Shown("Account")
    for one, values in records.items():
        shown.put(one, values)
    return shown


@given(CRM, CRM, DESIRED, POLICIES)
def test_with_stamps_that_tell_all_the_plan_is_that_of_a_full_read(crm, news, desired, policies):
    """`news` are the records that changed since, which a pull has read; all that are gone too."""
    shown = mirror_of(crm)
    now = {**crm, **news}
    for one, values in news.items():
        shown.put(one, values)
    found, read, full = planned(now, shown, desired, policies)
    assert found == full
    changed = {one.account_id for one in full[0].changes}
    assert sorted(read) == sorted(changed | (set(IDS) - now.keys()))
    assert shown.records(IDS, FIELDS) == now


@given(CRM, CRM, DESIRED, POLICIES)
def test_with_stamps_that_come_late_nothing_is_changed_that_was_not_seen(
    crm, believed, desired, policies
):
    """The mirror may show anything at all, and miss any record, or know it where it has gone."""
    found, read, full = planned(crm, mirror_of(believed), desired, policies)
    right = {(one.account_id, one.field): one for one in full[0].changes}
    for one in found[0].changes:
        assert one.account_id in read
        assert crm[one.account_id][one.field] == one.from_
        assert right[one.account_id, one.field] == one
    assert len(read) == len(set(read)), "once is enough"


@given(CRM, CRM, DESIRED, POLICIES, st.data())
def test_after_a_push_the_mirror_shows_what_is_there_or_nothing(
    crm, believed, desired, policies, data
):
    shown = mirror_of(believed)
    found, read, _ = planned(crm, shown, desired, policies)
    confirmed, doubtful = [], []
    for one in found[0].changes:
        outcome = data.draw(st.sampled_from(["confirmed", "refused", "lost"]))
        if one.account_id in doubtful:
            outcome = "lost"
        if outcome != "refused":
            crm = {**crm, one.account_id: {**crm[one.account_id], one.field: one.to}}
        if outcome == "confirmed":
            confirmed.append((one,))
        else:
            doubtful.append(one.account_id)
    note_written(shown, confirmed, doubtful)
    known = shown.records(IDS, FIELDS)
    assert not known.keys() & set(doubtful)
    for one in set(read) - set(doubtful):
        assert known.get(one) == crm.get(one)


@pytest.fixture
def state(tmp_path):
    with State(tmp_path) as opened:
        yield opened


@given(CRM, CRM, st.sets(st.sampled_from(IDS)))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_saved_comes_back(state, first, second, without):
    with state.transaction() as connection:
        connection.execute("DELETE FROM shown")
    keep_pulled(state, "Account", first, whole=True)
    keep_pulled(state, "Other", second, whole=True)
    shown = Shown.load(state, "Account")
    assert shown.records(IDS, FIELDS) == first
    keep_pulled(state, "Account", second | dict.fromkeys(without), whole=False)
    there = {one: values for one, values in (first | second).items() if one not in without}
    shown = Shown.load(state, "Account")
    assert shown.records(IDS, FIELDS) == there
    shown.save(state, but=without | {"1"})
    there.pop("1", None)
    assert Shown.load(state, "Account").records(IDS, FIELDS) == there
    assert Shown.load(state, "Other").records(IDS, FIELDS) == second


def test_what_is_saved_without_some_records_still_knows_them(state):
    """So that, when it is known what became of them, all of it can be saved."""
    shown = mirror_of({"1": {"stage": "Adoption"}, "2": {"stage": "Renewal"}})
    shown.save(state, but=["1"])
    assert Shown.load(state, "Account").records(IDS, ["stage"]).keys() == {"2"}
    shown.save(state)
    assert Shown.load(state, "Account").records(IDS, ["stage"]).keys() == {"1", "2"}


def test_a_record_of_which_a_field_is_unknown_is_not_known(state):
    shown = mirror_of({"1": {"stage": "Adoption", "score": 1}, "2": {"stage": None, "score": None}})
    assert shown.records(IDS, FIELDS).keys() == {"1", "2"}
    shown.put("1", {"stage": "Adoption"})
    assert shown.records(IDS, FIELDS) == {"2": {"stage": None, "score": None}}
    assert shown.records(IDS, ["stage"]).keys() == {"1", "2"}
    note_written(shown, [[Change("Account", "1", "", "score", 1, ("b", "a"), "")]], [])
    assert shown.records(["1"], FIELDS) == {"1": {"stage": "Adoption", "score": "b;a"}}


def test_who_was_forgotten_is_not_in_it_and_does_not_come_back(state):
    """An account, and a person whose address is a value."""
    records = {"1": {"owner": "ann@acme.test"}, "2": {"owner": "bob@acme.test"}, "3": {"owner": ""}}
    keep_pulled(state, "Account", records, whole=True)
    remember_forgotten(state, {ACCOUNT: ["2"], USER: ["ann@acme.test"]}, datetime.now(UTC))
    forget_in_state(state, "Account", frozenset({"2"}), Terms(frozenset({"ann@acme.test"})))
    assert Shown.load(state, "Account").fields == {}
    keep_pulled(state, "Account", records, whole=False)
    assert Shown.load(state, "Account").fields == {"owner": {"3": ""}}
