"""Whatever comes, in whatever order and how often, a tenant's runs never use more than a window allows."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from policies.budget import NOTHING, Amount
from workflows.contracts.leases import Ask, Back, Found, Units, WindowLimits
from workflows.ledger.book import Book
from workflows.ledger.periods import period

START_MS = 1_790_000_000_000
UNITS = ("tokens", "steps")
amounts = st.builds(Amount, tokens=st.integers(0, 60), steps=st.integers(0, 6))


@dataclass
class Run:
    """One run as it knows itself; `sent` is everything that it ever said, some of which comes again."""

    name: str
    used: Amount = NOTHING
    known: Amount = NOTHING
    granted: Amount = NOTHING
    expires_ms: int = 0
    fence: int = 0
    open: bool = True
    sent: list[Ask | Back] = field(default_factory=list)

    def left(self) -> Amount:
        """What the run believes that it may still use."""
        fresh = self.used - self.known
        return Amount(*(max(0, mine) for mine in self.granted - fresh))


class Ledger(RuleBasedStateMachine):
    """A ledger, four runs, and a network that loses, repeats and delays."""

    @initialize(minute=st.integers(20, 120), day=st.integers(20, 300), steps=st.one_of(st.none(), st.integers(2, 30)))
    def open_book(self, minute: int, day: int, steps: int | None) -> None:
        self.windows = (WindowLimits(per="minute", tokens=minute, steps=steps), WindowLimits(per="day", tokens=day))
        self.book, self.now_ms = Book(), START_MS
        self.runs = [Run(f"run-{number}") for number in range(4)]
        self.truly: defaultdict[tuple[str, str], Amount] = defaultdict(lambda: NOTHING)
        self.book.advance(self.now_ms)

    @rule(step_ms=st.one_of(st.integers(0, 5_000), st.integers(20_000, 200_000), st.just(-30_000), st.just(90_000_000)))
    def time_passes(self, step_ms: int) -> None:
        """The ledger's clock may be set back; time itself does not go back."""
        self.book.advance(self.now_ms + step_ms)
        self.now_ms = max(self.now_ms, self.book.now_ms)

    @rule(number=st.integers(0, 3), need=amounts, want=amounts, ms=st.integers(1, 100_000), lost=st.sampled_from("rq-"))
    def asks(self, number: int, need: Amount, want: Amount, ms: int, lost: str) -> None:
        """`lost`: the request never arrives, or the reply, or neither."""
        run = self.runs[number]
        if not run.open:
            return
        run.fence += 1
        need = run.left() + need
        ask = Ask(
            **self._who(run),
            used=Units.of(run.used),
            known=Units.of(run.known),
            want=Units.of(need + want),
            need=Units.of(need),
            until_ms=max(run.expires_ms, self.now_ms + ms),
            windows=self.windows,
        )
        run.sent.append(ask)
        if lost == "q":
            return
        reply = self.book.ask(ask)
        assert self.book.ask(ask) == reply or reply.refused is not None
        if lost == "-" and reply.expires_ms:
            run.granted, run.expires_ms, run.known = reply.granted.amount(), reply.expires_ms, ask.used.amount()

    @rule(number=st.integers(0, 3), part=amounts)
    def uses(self, number: int, part: Amount) -> None:
        """A run uses what it believes to have, and nothing once that has expired."""
        run = self.runs[number]
        if not run.open or run.expires_ms <= self.now_ms:
            return
        part = Amount(*map(min, part, run.left()))
        run.used += part
        for per in ("minute", "day"):
            self.truly[per, period(per, self.now_ms)] += part

    @rule(number=st.integers(0, 3), lost=st.sampled_from("rq-"), final=st.booleans())
    def gives_back(self, number: int, lost: str, *, final: bool) -> None:
        run = self.runs[number]
        if not run.open or not run.fence:
            return
        back = Back(**self._who(run), used=Units.of(run.used), known=Units.of(run.known), final=final)
        run.sent.append(back)
        run.granted, run.expires_ms, run.open = NOTHING, 0, not final
        if lost == "q":
            return
        self.book.back(back)
        if lost == "-":
            run.known = run.used

    @rule(number=st.integers(0, 3), which=st.integers(0, 50))
    def hears_again(self, number: int, which: int) -> None:
        """A message comes once more, or for the first time, after others."""
        run = self.runs[number]
        if not run.sent:
            return
        message = run.sent[which % len(run.sent)]
        if isinstance(message, Ask):
            self.book.ask(message)
        else:
            self.book.back(message)

    @rule(number=st.integers(0, 3))
    def dies(self, number: int) -> None:
        run = self.runs[number]
        run.open, run.granted, run.expires_ms = False, NOTHING, 0

    @rule()
    def somebody_looks(self) -> None:
        """Only closed runs are told of, whatever the ledger wonders about."""
        for doubt in self.book.doubts():
            run = next(one for one in self.runs if one.name == doubt.run_id)
            if not run.open:
                self.book.back(Found(**doubt.model_dump(), used=Units.of(run.used)))

    @invariant()
    def nothing_is_promised_twice(self) -> None:
        live = [holder.lease for holder in self.book.holders.values() if holder.live and holder.lease]
        assert self.book.leased == sum(live, NOTHING)
        for window in self.windows:
            spent = self.book.windows[window.per]
            for unit in UNITS:
                limit = getattr(window, unit)
                assert getattr(spent.amount, unit) >= 0
                if limit is not None:
                    assert getattr(spent.amount, unit) + getattr(self.book.leased, unit) <= limit

    @invariant()
    def no_window_is_truly_overspent(self) -> None:
        for window in self.windows:
            for unit in UNITS:
                limit = getattr(window, unit)
                if limit is not None:
                    used = [getattr(amount, unit) for (per, _), amount in self.truly.items() if per == window.per]
                    assert max(used, default=0) <= limit

    def _who(self, run: Run) -> dict[str, object]:
        return {"workflow_id": "t/g/1", "run_id": run.name, "fence": max(run.fence, 1)}


TestLedger = Ledger.TestCase
TestLedger.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
