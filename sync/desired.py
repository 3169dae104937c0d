"""From computed outputs to what each CRM record shall say, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.mapping_file import WriteEntry, WriteField
from connectors.base import Value
from mapping.reasons import Reasons
from sync.compute import Computed
from sync.diff import Observed, Why, unlike


@dataclass(frozen=True)
class Desired:
    """One journey's wishes: for each field a value for each of `ids`, parallel; the policy of each
    field, the accounts' names, and reasons by CRM id and field."""

    ids: Sequence[str]
    columns: Mapping[str, Sequence[Value]]
    policies: Mapping[str, WriteField]
    names: Mapping[str, str]
    why: Why

    def against(
        self, observed: Mapping[str, Observed], never: Mapping[str, str]
    ) -> dict[str, dict[str, Value]]:
        """What a diff must look at: CRM id to field to value. Left out are values that the CRM
        shows already, letter by letter, which is nearly all of them."""
        wanted: dict[str, dict[str, Value]] = {
            one: {} for one in self.ids if one in never or one not in observed
        }
        records = [observed.get(one, {}) for one in self.ids]
        for field, values in self.columns.items():
            there = [record.get(field) for record in records]
            for row in unlike(values, there):
                wanted.setdefault(self.ids[row], {})[field] = values[row]
        return wanted


def desired(computed: Computed, entry: WriteEntry) -> Desired:
    """What `entry` wants written for every account of the journey."""
    ids: list[str] = computed.accounts.ids.tolist()
    return Desired(
        ids, {field: computed.column(spec.output) for field, spec in entry.fields.items()},
        entry.fields, dict(zip(ids, computed.accounts.names.tolist(), strict=True)),
        _why(computed, entry),
    )  # fmt: skip


def _why(computed: Computed, entry: WriteEntry) -> Why:
    places = {
        account: (part, row)
        for part, (_, rows) in enumerate(computed.parts)
        for row, account in enumerate(computed.accounts.ids[rows].tolist())
    }
    reasons = [Reasons(outputs) for outputs, _ in computed.parts]

    def why(field: str, accounts: Sequence[str]) -> list[str]:
        output, found = entry.fields[field].output, [""] * len(accounts)
        asked: dict[int, tuple[list[int], list[int]]] = {}
        for place, account in enumerate(accounts):
            part, row = places[account]
            where, rows = asked.setdefault(part, ([], []))
            where.append(place)
            rows.append(row)
        for part, (where, rows) in asked.items():
            for place, reason in zip(where, reasons[part].of(output, rows), strict=True):
                found[place] = reason
        return found

    return why
