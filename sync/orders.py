"""What whoever starts a writing run may tell it."""

from dataclasses import dataclass, field

from sync.stopping import Stop


@dataclass(frozen=True)
class Orders:
    """How a run is to be carried out."""

    stop: Stop = field(default_factory=Stop)
    override: str | None = None
    """why a brake does not stop this run; noted with the user's name"""
