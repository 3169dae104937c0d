"""What the application asks of each vendor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from sandbox.core.faults import Fault
    from sandbox.core.http import Call, JsonDict, Reply, Router


class Vendor(Protocol):
    """One vendor. Handlers are plain functions that run one at a time, so nothing is locked."""

    name: str
    hosts: tuple[str, ...]  # endings of host names, for clients that come through a proxy
    prefixes: tuple[str, ...]  # of paths, for clients that come to the address itself
    router: Router
    settings: Any  # a dataclass; changed by POST /_sandbox/settings

    def enter(self, call: Call) -> Reply | None:
        """Login and limits. A reply ends the request here."""
        ...

    def leave(self, call: Call, reply: Reply) -> None:
        """Add the headers that this vendor sends with every reply."""
        ...

    def finish(self, call: Call) -> None:
        """The last byte is sent, or the connection is gone."""
        ...

    def not_found(self, call: Call) -> Reply: ...

    def not_allowed(self, call: Call, allowed: set[str]) -> Reply: ...

    def bad_body(self, call: Call, why: str) -> Reply: ...

    def refusal(self, call: Call, status: int, fault: Fault) -> Reply:
        """What this vendor answers with `status` on a bad day."""
        ...

    def credentials(self, base_url: str) -> JsonDict:
        """For the line that is printed at the start: `url` and what a client logs in with."""
        ...

    def records(self, kind: str) -> list[JsonDict]:
        """All records of an object as they are now, for tests. Raises KeyError."""
        ...

    def edit(self, kind: str, record_id: str, values: JsonDict) -> None:
        """A person edits a record in the vendor's own pages. Raises KeyError."""
        ...

    def switched_on(self, fault: Fault) -> None:
        """A fault was switched on; some change records at once."""
        ...
