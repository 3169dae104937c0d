"""Records with the values they have now: AccountSource."""

from collections.abc import Iterator, Sequence

from connectors.base import Changed, PastChange, Raw, Rejected, Sight
from connectors.salesforce.changes import Changes
from connectors.salesforce.client import Client
from connectors.salesforce.describe import Objects, plain_columns
from connectors.salesforce.history import history
from connectors.salesforce.options import Options
from connectors.salesforce.query import read_all
from connectors.salesforce.stamps import stamp


class SalesforceAccounts:
    """Reads records that changed, and all of them where that cannot be told."""

    def __init__(self, client: Client, objects: Objects, options: Options) -> None:
        self._client = client
        self._objects = objects
        self._options = options

    def columns(self, object_name: str) -> Sequence[str]:
        return plain_columns(self._objects.of(object_name))

    def fingerprint(self, object_name: str) -> str:
        """One request. Nothing cheap is to be had where the object has a formula field: its values
        follow other records, and the day."""
        described = self._objects.of(object_name)
        if any(one.calculated for one in described.fields.values()):
            return ""
        return stamp(self._client, described)

    def read(self, object_name: str, columns: Sequence[str]) -> Iterator[dict[str, Raw]]:
        described = self._objects.of(object_name)
        for column in columns:
            described.readable(column)
        bulk_from = self._options.bulk_read_from
        for row in read_all(self._client, described, columns, bulk_from=bulk_from):
            yield dict(zip(columns, row, strict=True))

    def read_changed(
        self, object_name: str, id_field: str, columns: Sequence[str], since: str | None
    ) -> Changed:
        """As the protocol says. Records are known by `Id` alone, so by another id everything is
        read each time."""
        described = self._objects.of(object_name)
        for column in columns:
            described.readable(column)
        if id_field != "Id":
            rows = self.read(object_name, columns)
            return Changed(True, (Sight(str(row[id_field] or ""), row) for row in rows), str)
        return Changes(self._client, self._options, described, columns).since(since)

    def history(self, object_name: str, columns: Sequence[str]) -> Iterator[PastChange]:
        """Of tracked fields."""
        return history(
            self._client,
            self._objects,
            self._objects.of(object_name),
            columns,
            bulk_from=self._options.bulk_read_from,
        )

    def rejected(self, object_name: str) -> tuple[int, Sequence[Rejected]]:
        return 0, []

    def warnings(self) -> Sequence[str]:
        return self._client.login.news()
