"""What is read of an event, and how a raw value becomes a column of the lake, in SQL.

Every body, whatever its format, is first brought to one shape: a row per record with its values as
pairs `t0, k0, t1, k1, …` in the order of `Reading.names`: text, and the kind that it had in the
source (TEXT, NUMBER, BOOLEAN, NESTED; NULL where the value is missing or null). `rows_sql` makes
the lake's columns of it, and `judged_sql` a `reason` where a record cannot be an event.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from config.mapping_file import EventsEntry
from sync.quoting import literal, quoted

LAKE_VERSION = 2
"""Raised when the same source would be read into other rows: everything is pulled anew."""

TEXT, NUMBER, BOOLEAN, NESTED = range(4)


@dataclass(frozen=True, slots=True)
class Reading:
    """The properties of an event that mean something to us, by the source's names."""

    event: str | None
    """property with the event's name; None where `event_name` says it"""
    event_name: str | None
    time: str
    account: tuple[tuple[str, bool], ...]
    """properties that may say whose event it is, each with whether it is an address whose domain
    is meant; see `several`"""
    user: str | None
    id: str | None
    keep: tuple[tuple[str, str], ...]
    """(our name, the source's name), ordered by our name"""
    several: bool = False
    """False: `account` is one property, whose text is the key. True: the key is a JSON list with
    all that each of these properties says, since only later can be told which of it counts."""

    @property
    def names(self) -> tuple[str, ...]:
        """All properties that are looked at, each once."""
        account = (name for name, _ in self.account)
        named = (self.event, self.time, *account, self.user, self.id)
        wanted = [name for name in named if name is not None]
        return tuple(dict.fromkeys([*wanted, *(field for _, field in self.keep)]))

    @property
    def texts(self) -> frozenset[str]:
        """Those of `names` of which the text alone counts, not what it was in the source."""
        fields = (field for _, field in self.keep)
        kinds = {self.event, self.time, *(name for name, _ in self.account), *fields}
        return frozenset(name for name in self.names if name not in kinds)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the kept properties in the lake."""
        return tuple(name for name, _ in self.keep)

    @property
    def key(self) -> str:
        """Differs where the same body would be read into other rows."""
        account = self.account if self.several else self.account[0][0]
        said = [LAKE_VERSION, self.event, self.event_name, self.time, account]
        text = json.dumps([*said, self.user, self.id, self.keep])
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def reading_of(entry: EventsEntry) -> Reading:
    """An entry of mapping.yaml, with what it leaves unsaid.

    Product events name themselves in `event`, happened at `time`, are done by `user` and are told
    apart by `$insert_id`. Records of an object are events of the one name that the entry gives;
    nobody did them and each row counts, unless the entry names a `user` and an `id`.
    """
    product = entry.object is None
    several = len(entry.ways) > 1 or entry.account.email is not None
    return Reading(
        event="event" if entry.event is None else None,
        event_name=entry.event,
        time=entry.at or "time",
        account=candidates(entry),
        user=entry.user or ("user" if product else None),
        id=entry.id or ("$insert_id" if product else None),
        keep=tuple(sorted((name, spec.field) for name, spec in entry.keep.items())),
        several=several,
    )


def candidates(entry: EventsEntry) -> tuple[tuple[str, bool], ...]:
    """What `Reading.account` is for an entry; a key of `several` has one list for each."""
    return tuple(dict.fromkeys((way.property, way.email is not None) for way in entry.ways))


_IN_TIME = "(ts >= TIMESTAMP '1900-01-01' AND ts < TIMESTAMP '10000-01-01')"
GOOD = f"(event IS NOT NULL AND {_IN_TIME})"
"""What holds of rows that would get no reason, for records of which nothing is `broken`."""

MACROS = (
    # the kind of a JSON text, told by its first sign, the commonest by comparing, since that is
    # cheapest; null and the numbers that are none (NaN, Infinity) have none
    f"""CREATE OR REPLACE MACRO gp_kind(j) AS CAST(CASE
       WHEN j < '#' THEN {TEXT}
       WHEN j < ':' THEN IF(j = '-Infinity', NULL, {NUMBER})
       ELSE TRY_CAST(substr('{NESTED}{NESTED}{BOOLEAN}{BOOLEAN}', strpos('[{{tf', left(j, 1)), 1)
           AS UTINYINT) END AS UTINYINT)""",
    # seconds since 1970, or milliseconds from 1e11 on; NULL beyond the year 9999 or so
    """CREATE OR REPLACE MACRO gp_epoch(n) AS
       CASE WHEN abs(n) >= 1e15 THEN NULL
            ELSE make_timestamp(
                CAST(floor(n * IF(abs(n) >= 1e11, 1e3, 1e6) + 0.5) AS BIGINT)) END""",
    r"""CREATE OR REPLACE MACRO gp_is_number(t) AS
       regexp_full_match(t, '[+-]?\d+(\.\d*)?([eE][+-]?\d+)?')""",
    r"""CREATE OR REPLACE MACRO gp_is_date(t) AS regexp_full_match(t, '\d{4}-\d{2}-\d{2}')""",
    # The cast alone would also take "epoch", "infinity" and a time zone's name.
    r"""CREATE OR REPLACE MACRO gp_instant(t) AS
       CASE WHEN NOT regexp_full_match(t, '\d{4}-\d\d-\d\d[Tt ]'
                   || '([01]\d|2[0-3]):[0-5]\d(:[0-5]\d([.,]\d+)?)?'
                   || ' ?([Zz]|UTC|[+-]([01]\d|2[0-3])(:?[0-5]\d)?)?') THEN NULL
            ELSE CAST(TRY_CAST(regexp_replace(regexp_replace(replace(upper(t), ',', '.'),
                 ' ?(Z|UTC)$', ''), ' ([+-])', '\1') AS TIMESTAMPTZ) AS TIMESTAMP) END""",
    f"""CREATE OR REPLACE MACRO gp_time(t, k, is_date) AS
       CASE WHEN is_date THEN TRY_CAST(t AS DATE)::TIMESTAMP
            WHEN k = {NUMBER} OR (k = {TEXT} AND gp_is_number(t))
            THEN gp_epoch(TRY_CAST(t AS DOUBLE))
            WHEN k = {TEXT} THEN gp_instant(t) END""",
    # the texts that a value names: itself, or what a list holds, each once and in order
    f"""CREATE OR REPLACE MACRO gp_texts(t, k) AS
       CASE WHEN k = {NESTED} AND starts_with(t, '[') THEN list_sort(list_distinct(list_filter(
                list_transform(json_extract(t, '$[*]'), lambda x: CASE
                    WHEN gp_kind(x::VARCHAR) <> {NESTED} THEN json_extract_string(x, '$') END),
                lambda x: x <> '')))
            WHEN k <> {NESTED} AND t <> '' THEN [t] ELSE CAST([] AS VARCHAR[]) END""",
    # the domains of those that are addresses: ann@acme.example, Ann <ann@acme.example>
    r"""CREATE OR REPLACE MACRO gp_domains(t, k) AS
       list_sort(list_distinct(list_filter(list_transform(gp_texts(t, k), lambda x:
           regexp_extract(lower(x), '[^\s@<]@([^\s@<>,;/]+\.[^\s@<>,;/.]+)\.?>?\s*$', 1)),
           lambda x: x <> '')))""",
)
"""To be executed once on every engine that runs `rows_sql`."""


def judged_sql(reading: Reading, records: str) -> str:
    """`rows_sql` with a `reason` where a record cannot be an event."""
    return f"""
        SELECT * EXCLUDE (broken), CASE
            WHEN broken IS NOT NULL THEN broken
            WHEN event IS NULL THEN 'it has no event name'
            WHEN coalesce(time_text, '') = '' THEN 'it has no time'
            WHEN ts IS NULL THEN 'its time cannot be read: ' || left(time_text, 60)
            WHEN NOT {_IN_TIME}
                THEN 'its time lies outside the years 1900 to 9999: ' || left(time_text, 60)
            END AS reason
        FROM ({rows_sql(reading, records)})"""


def rows_sql(reading: Reading, records: str) -> str:
    """Rows of the lake from `records`, a relation of `line, raw, broken, t0, k0, …`.

    Gives `line, raw, broken, time_text, keys` and the lake's columns. `keys` is the JSON text of a
    list of account keys, NULL where there is one key or none.
    """
    place = {name: number for number, name in enumerate(reading.names)}

    def text(name: str | None) -> str:
        return "CAST(NULL AS VARCHAR)" if name is None else f"nullif(t{place[name]}, '')"

    single, keys, account = _account_sql(reading, place)
    when = f"t{place[reading.time]}", f"k{place[reading.time]}"
    event = literal(reading.event_name)
    if reading.event is not None:
        number = place[reading.event]
        event = f"CASE WHEN k{number} <> {NESTED} THEN nullif(t{number}, '') END"
    kept = "".join(
        f", t{place[field]} AS {quoted('p.' + name)}, k{place[field]} AS {quoted('k.' + name)}"
        for name, field in reading.keep
    )
    return f"""
        SELECT line, raw, broken, time_text,
            {keys} AS keys, {account} AS account_key,
            {text(reading.user)} AS "user", {event} AS event,
            gp_time(time_text, {when[1]}, date_only) AS ts, date_only,
            {text(reading.id)} AS insert_id{kept}
        FROM (SELECT *, CASE WHEN {when[1]} = {TEXT} THEN gp_is_date(time_text) ELSE false END
                AS date_only
            FROM (SELECT *, {single} AS single,
                    IF({when[1]} = {TEXT}, trim({when[0]}), {when[0]}) AS time_text
                FROM ({records})))"""


def _account_sql(reading: Reading, place: Mapping[str, int]) -> tuple[str, str, str]:
    """What `rows_sql` has as `single`, and from that as `keys` and as `account_key`."""
    if reading.several:
        found = [
            f"{'gp_domains' if domain else 'gp_texts'}(t{place[name]}, k{place[name]})"
            for name, domain in reading.account
        ]
        some = " OR ".join(f"len({texts}) > 0" for texts in found)
        key = f"CASE WHEN {some} THEN CAST(to_json([{', '.join(found)}]) AS VARCHAR) END"
        return "NULL", "CAST(NULL AS VARCHAR)", key
    text, kind = (f"{letter}{place[reading.account[0][0]]}" for letter in "tk")
    # Most lists hold one text, which is as good as that text by itself and far cheaper.
    one = rf"""nullif(regexp_extract({text}, '^\["([^"\\]+)"\]$', 1), '')"""
    several = f"{kind} = {NESTED} AND starts_with({text}, '[') AND single IS NULL"
    return (
        f"CASE WHEN {kind} = {NESTED} THEN {one} END",
        f"CASE WHEN {several} THEN {text} END",
        f"CASE WHEN {kind} <> {NESTED} THEN nullif({text}, '') ELSE single END",
    )
