"""Access without a policy, for tests of confinement alone."""

from __future__ import annotations

from activities.tools.place import Place


class Everything:
    """May do all; what it was asked about is in `asked`."""

    def __init__(self) -> None:
        self.asked: list[Place] = []

    def may_read(self, place: Place) -> None:
        self.asked.append(place)

    def may_write(self, place: Place) -> None:
        self.asked.append(place)

    def shows(self, place: Place) -> bool:
        self.asked.append(place)
        return True

    def enters(self, place: Place) -> bool:
        return bool(place.relative)
