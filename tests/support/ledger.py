"""The tenant's ledger as the engine's tests know it: a real book, and a way to it that may be bad."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.budget import NOTHING
from tests.support.host import Host
from workflows.contracts.leases import Ask, Back, Reply, Units, WindowLimits
from workflows.engine import commands, events

if TYPE_CHECKING:
    from workflows.ledger.book import Book

Lease = commands.TakeLease | commands.SettleLease


def message(run: str, command: Lease) -> Ask | Back:
    """What the shell and the worker make of a command."""
    who = {"workflow_id": f"default/test/{run}", "run_id": run, "fence": command.fence}
    told = {"used": Units.of(command.used), "known": Units.of(command.known)}
    if isinstance(command, commands.SettleLease):
        return Back(**who, **told, final=command.final)
    windows = tuple(WindowLimits.of(window) for window in command.windows)
    asked = {"want": Units.of(command.want), "need": Units.of(command.need), "until_ms": command.until_ms}
    return Ask(**who, **told, **asked, windows=windows)


def event(at_ms: int, command: Lease, reply: Reply | None) -> events.Event:
    """What the shell makes of the reply; of none, that the ledger could not be reached."""
    if isinstance(command, commands.SettleLease):
        return events.LeaseSettled(at_ms, command.fence, None if reply else "it is away")
    if reply is None:
        return events.LeaseArrived(at_ms, NOTHING, 0, command.fence, refused="it is away", again=True)
    return events.LeaseArrived(
        at_ms,
        reply.granted.amount(),
        reply.expires_ms,
        command.fence,
        limit=reply.limit,
        used=reply.used.amount(),
        refused=reply.refused,
        again=reply.again,
    )


class LedgerHost(Host):
    """Plays the world for one run of a tenant with a budget."""

    def __init__(self, document: dict[str, object], seed: int, book: Book, *, trouble: bool, **parts: object) -> None:
        super().__init__(document, seed, trouble=trouble, **parts)
        self.book, self.name = book, f"run-{seed}"
        self.asked: list[tuple[Lease, Reply | None]] = []

    def feed(self, event_: events.Event) -> None:
        """Apply one event; what the run says to the ledger may be lost on the way there or back."""
        if isinstance(event_, events.LeaseArrived | events.LeaseSettled):
            self.asked = [pair for pair in self.asked if pair[0].fence != event_.fence or not _of(pair[0], event_)]
        before = len(self.run.given)
        super().feed(event_)
        for command in self.run.given[before:]:
            if isinstance(command, commands.TakeLease | commands.SettleLease):
                self.asked.append((command, self._tell(command)))

    def _tell(self, command: Lease) -> Reply | None:
        lost = self.random.random() if self.trouble else 1.0
        if lost < 0.1:
            return None
        self.book.advance(self.run.now_ms)
        said = message(self.name, command)
        reply = self.book.ask(said) if isinstance(said, Ask) else self.book.back(said)
        return None if lost < 0.2 else reply

    def outcomes(self) -> list[events.Event]:
        """Calls end, and the ledger's replies arrive."""
        replies = [event(self.run.now_ms, command, reply) for command, reply in self.asked]
        return [*super().outcomes(), *replies]


def _of(command: Lease, event_: events.LeaseArrived | events.LeaseSettled) -> bool:
    return isinstance(command, commands.TakeLease) == isinstance(event_, events.LeaseArrived)
