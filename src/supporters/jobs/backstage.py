"""What the rooms' own jobs are built from. The composition root makes one of these and hands it to each room."""

from dataclasses import dataclass

from supporters.kit.clock import Clock
from supporters.kit.ids import Ids
from supporters.kit.outside import Outside
from supporters.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Backstage:
    """Settings, chance, time, and the way to other machines."""

    settings: Settings
    ids: Ids
    clock: Clock
    outside: Outside
