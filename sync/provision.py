"""The fields that `write` names, made where they are missing.

A field of another type is told and left as it is, and nothing is ever taken away.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from config.errors import FixConfig, StopCycle
from config.load import Project
from config.problem import Problem, quoted
from connectors.base import Connector, Inspects, Provisions
from connectors.facts import Done, FieldFacts, FieldWish, ObjectFacts, Provisioner, Todo
from mapping.check import compiled
from mapping.output_types import OutputType
from sync.live_fields import judge_field, listed, missing_options
from sync.live_uses import FieldUse, Writing, written_fields

Action = Literal["create", "options", "grant", "leave", "nothing"]


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done about one field. `leave`: it is not what it should be, and is not
    touched; `what` says why."""

    object: str
    field: str
    output: str
    action: Action
    what: str
    todo: Todo | None = None
    by_hand: str = ""
    hidden: bool = False
    """whether nobody can say yet of what type it is"""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one step."""

    step: Step
    outcome: Literal["planned", "done", "failed", "left", "there"]
    reason: str = ""
    by_hand: str = ""


def survey(project: Project, connector: Connector) -> tuple[list[Step], Provisioner]:
    """What is to be done, in the order of mapping.yaml; looks, and changes nothing.

    FixConfig with every name that no field can have; StopCycle if the object is not there, or the
    connection cannot make fields.
    """
    accounts = project.mapping.accounts
    if not isinstance(connector, Inspects) or not isinstance(connector, Provisions):
        raise StopCycle(f"{accounts.from_}: no fields can be made there")
    uses = written_fields(project, compiled(project))
    inspector, provisioner = connector.inspector(), connector.provisioner()
    inspector.access([accounts.object], [])
    facts = inspector.describe(accounts.object, [use.name for use in uses])
    if problems := list(_problems(project, uses, facts, provisioner)):
        raise FixConfig(problems)
    return [one for use in uses for one in steps_of(use, facts, provisioner)], provisioner


def _problems(
    project: Project, uses: Sequence[FieldUse], facts: ObjectFacts, provisioner: Provisioner
) -> Iterator[Problem]:
    for use in uses:
        assert use.writing is not None, "only these were asked for"
        if use.name in facts.fields or use.name in facts.hidden:
            continue
        found = provisioner.name_problem(use.name)
        if found is not None:
            message, better = found
            hint = f"such as {better}" if better else ""
            said = f"{quoted(use.name)} cannot be made: {message}"
            yield use.place.finding(project, "error", "name", said, hint).problem
        if message := _bad_values(use.writing.type):
            said = f"{quoted(use.name)} cannot be made: {message}"
            yield use.place.finding(project, "error", "options", said).problem


def _bad_values(kind: OutputType) -> str:
    """Why the values of a new list would not do."""
    if not kind.choice:
        return ""
    folded: dict[str, str] = {}
    for one in kind.values or ():
        other = folded.setdefault(one.casefold(), one)
        if other != one:
            return f"{quoted(one)} and {quoted(other)} differ only by the case of their letters"
        if kind.kind == "list" and ";" in one:
            return f"{quoted(one)} holds a semicolon, which stands between values"
    return ""


def steps_of(use: FieldUse, facts: ObjectFacts, provisioner: Provisioner) -> list[Step]:
    """What is to be done about one field: at least one step. Pure."""
    writing, found = use.writing, facts.fields.get(use.name)
    assert writing is not None, "nothing is made for what is only read"
    wish = wish_of(use.name, writing)

    def todo(one: Todo, what: str) -> Step:
        how = provisioner.by_hand(facts.name, one)
        return Step(
            facts.name, use.name, writing.spec.output, one.action, what, one, how,
            hidden=use.name in facts.hidden and found is None,
        )  # fmt: skip

    if found is None and use.name not in facts.hidden:
        return [todo(Todo("create", wish), provisioner.made_of(wish))]
    steps: list[Step] = []
    if found is None or found.grantable:
        steps.append(todo(Todo("grant", wish), "edit access for the API user"))
    if found is None:
        return steps
    found = replace(found, refusal="") if found.grantable else found
    if lacking := _can_add(writing.type, found):
        what = f"{'value' if len(lacking) == 1 else 'values'} {listed(lacking)}"
        steps.append(todo(Todo("options", wish, lacking), what))
        found = replace(found, options=(*(found.options or ()), *lacking))
    wrong = [one.message for one in judge_field(writing, found, facts) if one.severity == "error"]
    if wrong:
        what = "; ".join(wrong)
        return [Step(facts.name, use.name, writing.spec.output, "leave", what)]
    nothing = Step(facts.name, use.name, writing.spec.output, "nothing", found.type)
    return steps or [nothing]


def _can_add(kind: OutputType, found: FieldFacts) -> tuple[str, ...]:
    if found.refusal or found.can_extend or kind.kind not in found.takes:
        return ()
    return missing_options(kind, found)


def wish_of(name: str, writing: Writing) -> FieldWish:
    """The field that would suit an output best."""
    kind, spec = writing.type, writing.spec
    plain = " ".join(name.removesuffix("__c").replace("_", " ").split())
    told = "Filled in by Gatepost where it is empty" if spec.write == "if_empty" else (
        "Written by Gatepost; what is typed in by hand is replaced"
    )  # fmt: skip
    options = kind.values if kind.choice and kind.values else None
    return FieldWish(
        name, kind.kind, plain[:1].upper() + plain[1:],
        f"{told}: {spec.output} of the journey {writing.journey}.", options, kind.decimals,
    )  # fmt: skip


def carry_out(
    project: Project, connector: Connector, steps: Sequence[Step], provisioner: Provisioner,
    tick: Callable[[str, int, int], None],
) -> list[Result]:  # fmt: skip
    """Do what is to be done; a result each, in order. What only shows once a hidden field is seen
    is done as well, and stands at the end. Safe to repeat."""
    results = _done(steps, provisioner, tick)
    seen = {one.step.field for one in results if one.outcome == "done" and one.step.hidden}
    if not seen:
        return results
    fresh, provisioner = survey(project, connector)
    again = [one for one in fresh if one.field in seen and one.action not in ("nothing", "grant")]
    return results + _done(again, provisioner, tick)


def _done(
    steps: Sequence[Step], provisioner: Provisioner, tick: Callable[[str, int, int], None]
) -> list[Result]:
    mine = [one for one in steps if one.todo is not None]
    done: list[Done] = []
    if mine:
        todos = [one.todo for one in mine if one.todo is not None]
        done = provisioner.carry_out(mine[0].object, todos, tick)
    outcome = {id(one): what for one, what in zip(mine, done, strict=True)}
    return [_result(one, outcome.get(id(one))) for one in steps]


def planned(steps: Sequence[Step]) -> list[Result]:
    """The steps as results of which nothing has been done."""
    return [
        Result(one, "planned", by_hand=one.by_hand) if one.todo else _result(one, None)
        for one in steps
    ]


def _result(one: Step, done: Done | None) -> Result:
    if done is None:
        if one.action == "leave":
            return Result(one, "left", one.what)
        return Result(one, "there")
    if done.done:
        return Result(one, "done")
    return Result(one, "failed", done.reason, done.by_hand or one.by_hand)
