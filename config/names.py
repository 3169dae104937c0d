"""Names that mean something already, and what people may call things."""

from config.journey import Journey

HEALTH_OUTPUTS = ("health_score", "health_band", "health_trend")
OUTPUTS = (
    "stage",
    "stage_entered_on",
    "days_in_stage",
    "stage_completed_on",
    "stage_waiting",
    "stage_done",
    "stage_overdue",
    "previous_stage",
    "stage_owner",
    "stage_play",
    "stage_metric",
    "history_complete",
    "first_value_on",
    "ttv_days",
    "ttv_running_days",
    *HEALTH_OUTPUTS,
    "alerts",
    "next_step",
    "next_step_due",
    "next_step_owner",
    "missing",
    "computed_on",
)
"""What is computed for each account and journey, besides signals and moments."""

BUILT_IN = frozenset((*OUTPUTS, "day", "event", "user", "any", "id"))
"""Names that no signal, field or feature may take."""

RESULT_KEYS = frozenset(("account", "journey", "signals"))
"""Keys of a printed result, among which signals stand."""

SQL_WORDS = frozenset((
    "all", "and", "any", "array", "as", "begin", "between", "by", "cache", "case", "cast",
    "cross", "current_date", "current_time", "current_timestamp", "current_user", "desc",
    "distinct", "else", "end", "except", "exists", "false", "fetch", "for", "from", "glob",
    "group", "having", "if", "ilike", "in", "inner", "intersect", "interval", "into", "is",
    "isnull", "join", "kill", "lateral", "like", "limit", "list", "map", "not", "notnull", "null",
    "offset", "on", "or", "order", "outer", "pivot", "positional", "qualify", "rlike", "row",
    "select", "session_user", "set", "struct", "table", "tablesample", "then", "true", "union",
    "unpivot", "using", "when", "where", "with", "xor",
))  # fmt: skip
"""Words that an expression reads as something other than a name."""


def outputs_of(journey: Journey) -> tuple[str, ...]:
    """Everything that a journey computes and that may be written, by name."""
    moments = [
        name
        for moment in journey.moments
        for name in (f"moment.{moment.name}", f"moment.{moment.name}.since")
    ]
    return (*OUTPUTS, *moments, *journey.signals)


def why_not(name: str) -> str:
    """Why expressions could not use this name; empty if they can."""
    if name.lower() in BUILT_IN:
        return "is built in"
    return "is a word of SQL" if name.lower() in SQL_WORDS else ""
