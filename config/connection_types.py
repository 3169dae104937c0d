"""The systems that Gatepost connects to: what each can do and which options it knows."""

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class ConnectionType:
    """One type of connection."""

    options: dict[str, str]
    """option → what it is for; secrets are no options"""
    needed: tuple[str, ...] = ()
    is_crm: bool = True
    """whether it keeps child records of accounts, and takes values; accounts are kept by all"""
    has_events: bool = False
    """whether it keeps product events"""
    choices: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """options that take one of a few words"""
    read_only: tuple[str, ...] = ()
    """fields that the system keeps itself, as patterns in lower case: those that are well known"""

    def keeps(self, field: str) -> bool:
        """Whether the system keeps this field itself, so that nobody can write it. False where
        only the system itself can tell."""
        return any(fnmatchcase(field.casefold(), pattern) for pattern in self.read_only)


_HTTP = {
    "timeout_seconds": "how long to wait for an answer",
    "retries": "how often a request is tried again",
    "batch_size": "how many records one request carries",
}

CONNECTION_TYPES: dict[str, ConnectionType] = {
    "files": ConnectionType(
        {
            "path": "the folder, relative to the project's",
            "max_rejected": "share of unreadable rows above which a pull fails, 0 to 1",
        },
        needed=("path",),
        has_events=True,
    ),
    "salesforce": ConnectionType(
        {
            **_HTTP,
            "api_version": "such as 62.0",
            "auth": "client_credentials, which it is unsaid, jwt, refresh_token, token or password",
            "client_id": "the connected app's consumer key",
            "username": "the user that a login by jwt or password speaks for",
            "login_url": "where to log in, if not at `url`",
            "bulk_from": "number of changed records above which a bulk job writes them",
            "bulk_read_from": "number of records from which a bulk query reads them",
            "reread_hours": "how old the last reading of all accounts may be, 24 unsaid",
            "api_budget": "the share of a day's calls that all runs may make, 25% unsaid",
            "max_requests": "most calls of one run",
        },
        choices=(("auth", ("client_credentials", "jwt", "refresh_token", "token", "password")),),
        read_only=(
            "id",
            "createddate",
            "createdbyid",
            "lastmodifieddate",
            "lastmodifiedbyid",
            "systemmodstamp",
            "isdeleted",
            "masterrecordid",
            "lastactivitydate",
            "lastvieweddate",
            "lastreferenceddate",
        ),
    ),
    "hubspot": ConnectionType(
        {
            **_HTTP,
            "api_version": "v3, or a date such as 2026-09, which it is unsaid",
            "portal_id": "the account's number",
            "lifecycle_backwards": "true to let lifecyclestage be cleared and set to go back",
            "api_budget": "the share of a day's calls that all runs may make, 25% unsaid",
            "max_requests": "most calls of one run",
            "requests_per_second": "most calls in a second",
        },
        read_only=(
            "createdate",
            "lastmodifieddate",
            "hs_createdate",
            "hs_lastmodifieddate",
            "hs_object_id",
            "hs_object_source*",
            "hs_merged_object_ids",
            "hs_created_by_user_id",
            "hs_updated_by_user_id",
            "hs_date_entered_*",
            "hs_date_exited_*",
            "hs_time_in_*",
            "hs_v2_*",
            "num_associated_*",
            "num_contacted_notes",
            "num_notes",
            "notes_last_contacted",
            "notes_last_updated",
            "notes_next_activity_date",
        ),
    ),
    "mixpanel": ConnectionType(
        {
            "timeout_seconds": "how long to wait for an answer",
            "retries": "how often a request is tried again",
            "project_id": "the project's number",
            "region": "us, eu or in",
            "username": "the service account's name",
            "project_time": "utc, or local(ZONE) where times are a wall clock (old projects)",
            "since": "the first day that is pulled, unsaid that of the earliest journey",
            "window_days": "how many days one export of a backfill asks for, 7 unsaid",
            "late_days": "how many past days are asked for again, 5 unsaid",
            "groups": "group types whose profiles are read, with their data group ids",
            "exports_at_once": "how many exports run at the same time, 3 unsaid",
            "max_rejected": "share of unreadable rows above which a pull fails, 0 to 1",
            "requests_per_hour": "exports that the project allows in an hour, 60 unsaid",
            "api_budget": "the share of them that may be used, 25% unsaid",
        },
        needed=("project_id",),
        is_crm=False,
        has_events=True,
        choices=(("region", ("us", "eu", "in")),),
    ),
}

SECRET_OPTIONS = (
    "secret",
    "token",
    "password",
    "client_secret",
    "private_key",
    "api_key",
    "api_secret",
    "access_token",
    "refresh_token",
    "security_token",
)
"""Options that are secrets: read from the environment or the secrets folder, never from a file."""

_SECRET_ENDINGS = (
    "secret",
    "token",
    "password",
    "passphrase",
    "passwd",
    "_key",
    "apikey",
    "credentials",
)


def is_secret(option: str) -> bool:
    """Whether an option's name speaks of a secret."""
    plain = option.lower().replace("-", "_")
    return plain in SECRET_OPTIONS or plain.endswith(_SECRET_ENDINGS)
