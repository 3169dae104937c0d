"""From computed outputs to what each CRM record shall say, and why."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from config.mapping_file import WriteEntry, WriteField
from connectors.base import Value
from mapping.reasons import Reasons
from sync.compute import Computed


@dataclass(frozen=True)
class Desired:
    """One journey's wishes: CRM id to field to value, the policy of each field, and reasons."""

    values: Mapping[str, Mapping[str, Value]]
    policies: Mapping[str, WriteField]
    names: Mapping[str, str]
    why: Callable[[str, str], str]


def desired(computed: Computed, entry: WriteEntry) -> Desired:
    """What `entry` wants written for every account of the journey; fields in the entry's order."""
    ids: list[str] = computed.accounts.ids.tolist()
    columns: Sequence[list[Value]] = [
        computed.column(spec.output) for spec in entry.fields.values()
    ]
    fields = list(entry.fields)
    values = {
        account: dict(zip(fields, row, strict=True))
        for account, row in zip(ids, zip(*columns, strict=True), strict=True)
    }
    return Desired(
        values, entry.fields, dict(zip(ids, computed.accounts.names.tolist(), strict=True)),
        _why(computed, entry),
    )  # fmt: skip


def _why(computed: Computed, entry: WriteEntry) -> Callable[[str, str], str]:
    places = {
        account: (reasons, row)
        for outputs, rows in computed.parts
        for reasons in [Reasons(outputs)]
        for row, account in enumerate(computed.accounts.ids[rows].tolist())
    }

    def why(account: str, field: str) -> str:
        reasons, row = places[account]
        return reasons.why(entry.fields[field].output, row)

    return why
