"""lifecyclestage against its direction, for those who ask for it.

HubSpot ignores a move backwards without a word, but not one from nothing. Within a batch the order
is not certain, so it takes three calls: clear, set, read back. A run that dies between the first
two leaves the property empty; the next run's diff sees that and sets it.
"""

from typing import TYPE_CHECKING

from config.errors import GatepostError

if TYPE_CHECKING:
    from connectors.hubspot.writing import Texts, Writing

LIFECYCLE = "lifecyclestage"


def set_backwards(writing: "Writing", batch: "Texts") -> None:
    """Move up to a hundred records to where they shall be, and settle each by reading it."""
    writing.update({one: {LIFECYCLE: ""} for one in batch})
    try:
        writing.update(batch)
        held = writing.held(batch)
    except GatepostError as error:
        said = f"{LIFECYCLE} was cleared to be set anew, which is not known to have worked: {error}"
        for one in batch:
            writing.settle(one, "unknown", said)
        return
    for one, wanted in batch.items():
        shown = held.get(one, {}).get(LIFECYCLE)
        if writing.schema.same(LIFECYCLE, wanted[LIFECYCLE], shown):
            writing.settle(one, "written")
        else:
            said = f"{LIFECYCLE} says {shown or 'nothing'!s} after it was cleared and set"
            writing.settle(one, "unknown", said, "VALUE_NOT_KEPT")
