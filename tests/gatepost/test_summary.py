"""What a run came to, in sentences."""

from datetime import date
from types import SimpleNamespace

from config.errors import StopCycle
from gatepost.summary import applied_lines, notes, travelling
from sync.applied import Applied
from sync.fields import Unreadable
from sync.plan import make_plan
from sync.push import Outcome, PushReport
from sync.summary import RunSummary, SourceSummary


def match(matched, events, unmatched=()):
    """As much of a match report as is read here."""
    return SimpleNamespace(
        share=matched / events, events=events, unmatched=tuple(unmatched),
        unmatched_keys=len(unmatched),
    )  # fmt: skip


def test_a_quiet_run_has_nothing_to_say():
    assert notes(RunSummary()) == []


def test_journeys_tell_their_accounts_and_who_was_replayed():
    summary = RunSummary(travelling={"A": 57, "B": 1}, replayed={"A": 3, "B": 1})
    assert list(travelling(summary)) == [
        "A: 57 accounts, 3 replayed from the first day",
        "B: 1 account",
    ]


def test_events_and_the_share_that_found_its_account():
    source = SourceSummary("product", pulled=1200, match=match(870, 1000))
    assert notes(RunSummary(sources=[source])) == [
        "product: 1,200 events pulled, 87 % of 1,000 events found their account"
    ]


def test_everything_that_needs_a_person_is_a_warning():
    summary = RunSummary(
        sources=[SourceSummary("product", rejected=1, no_key=2, match=match(1, 3, [("acne", 2)]))],
        doubled={"001": "its key 'x' is also that of 002"},
        unreadable={"seats": Unreadable(2, (("001", "many"), ("002", "few")))},
        warnings=["a part\nis gone"],
    )
    assert notes(summary)[1:] == [
        "warning: a part is gone",
        "warning: product: 1 row could not be read",
        "warning: product: 2 events without an account key",
        "warning: product: 1 key that no account has: acne (2)",
        (
            "warning: 1 account will not be written, since a key is shared:"
            " 001 (its key 'x' is also that of 002)"
        ),
        (
            "warning: field seats can't be read for 2 accounts and counts as unknown:"
            " 001: 'many', 002: 'few'"
        ),
    ]


def test_a_journey_without_any_account_is_a_warning():
    (said,) = notes(RunSummary(travelling={"A": 3, "B": 0}))
    assert said.startswith("warning: no account travels B: ")


def test_long_lists_are_cut_and_counted():
    keys = [(f"key{number}", 1) for number in range(9)]
    summary = RunSummary(sources=[SourceSummary("product", match=match(1, 2, keys))])
    assert notes(summary)[-1].endswith("key3 (1), key4 (1) and 4 more")


def applied(report):
    plan = make_plan([], as_of=date(2026, 6, 30), made_at="", config_hash="")
    return Applied(1, plan, report)


def test_a_run_without_changes_says_so():
    assert applied_lines(applied(PushReport())) == [
        "Nothing needs writing: every record shows what was computed."
    ]


def test_a_run_tells_what_was_written_refused_unknown_and_left():
    report = PushReport(
        records=5, confirmed=2, confirmed_fields=7,
        failed=(Outcome("Account", "001", "Acme", "LOCKED", "the record is locked"),),
        unknown=(Outcome("Account", "002", "", "", "no answer"),),
        unsent=1, error=StopCycle("the CRM is away"),
    )  # fmt: skip
    assert applied_lines(applied(report)) == [
        "7 fields of 2 records written.",
        "1 record refused by the CRM:",
        "  Acme (001): the record is locked [LOCKED]",
        "1 record unknown: read again before the next write:",
        "  002: no answer",
        "1 record left for the next run: the CRM is away",
    ]
