"""The tenant's book, one message at a time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter

from policies.budget import Amount
from policies.windows import Per
from workflows.contracts.leases import Ask, Back, Doubt, Found, Reply, Units, WindowLimits
from workflows.ledger.book import Book
from workflows.ledger.page import page
from workflows.ledger.periods import period

NOON_MS = int(datetime(2026, 2, 28, 12, tzinfo=UTC).timestamp() * 1000)
DAY = (WindowLimits(per="day", tokens=1000, steps=100),)
HOUR_MS = 3_600_000


@pytest.fixture
def book() -> Book:
    empty = Book()
    empty.advance(NOON_MS)
    return empty


def ask(run: str = "a", fence: int = 1, **fields: object) -> Ask:
    given: dict[str, object] = {"used": Units(), "want": Units(tokens=100), "need": Units(tokens=10), **fields}
    given.setdefault("until_ms", NOON_MS + HOUR_MS)
    return Ask.model_validate({"workflow_id": f"t/g/{run}", "run_id": run, "fence": fence, "windows": DAY, **given})


def back(run: str = "a", fence: int = 1, *, tokens: int, known: int = 0) -> Back:
    return Back(workflow_id=f"t/g/{run}", run_id=run, fence=fence, used=Units(tokens=tokens), known=Units(tokens=known))


def spent(book: Book, per: str = "day") -> int:
    return next(found.amount.tokens for kind, found in book.windows.items() if kind == per)


def test_a_run_gets_what_it_wants_and_is_told_how_the_tenant_stands(book: Book) -> None:
    reply = book.ask(ask())
    assert reply == Reply(
        granted=Units(tokens=100), expires_ms=NOON_MS + HOUR_MS, fence=1, limit={"tokens": 1000, "steps": 100}
    )
    assert book.leased == Amount(tokens=100)


def test_nobody_gets_more_than_a_quarter_of_what_is_left_unless_it_needs_more(book: Book) -> None:
    assert book.ask(ask("a", want=Units(tokens=900))).granted.tokens == 250
    assert book.ask(ask("b", want=Units(tokens=900), need=Units(tokens=600))).granted.tokens == 600


def test_what_is_given_back_is_counted_and_the_rest_is_free(book: Book) -> None:
    book.ask(ask())
    book.back(back(tokens=40))
    assert (spent(book), book.leased.tokens) == (40, 0)
    assert spent(book, "minute") == spent(book, "month") == 40


def test_the_same_words_twice_change_nothing(book: Book) -> None:
    first = book.ask(ask())
    assert book.ask(ask()) == first
    assert book.leased.tokens == 100
    book.back(back(tokens=40))
    book.back(back(tokens=40))
    assert spent(book) == 40


def test_a_lease_that_was_given_back_is_not_granted_again(book: Book) -> None:
    book.ask(ask())
    book.back(back(tokens=40))
    reply = book.ask(ask())
    assert reply.refused == "lease 1 of `t/g/a` is over"
    assert book.leased.tokens == 0


def test_a_late_word_about_an_earlier_lease_does_not_end_the_present_one(book: Book) -> None:
    book.ask(ask())
    book.back(back(tokens=40))
    book.ask(ask(fence=2, used=Units(tokens=40), known=Units(tokens=40)))
    book.back(back(fence=1, tokens=40))
    assert (spent(book), book.leased.tokens) == (40, 100)


def test_a_word_that_the_run_did_not_hear_the_answer_of_is_counted_once(book: Book) -> None:
    book.ask(ask())
    book.back(back(tokens=40))  # the run takes it as failed, and tells all of it again
    book.ask(ask(fence=2, used=Units(tokens=70), known=Units()))
    assert spent(book) == 70


def test_a_new_lease_takes_the_place_of_the_old_one(book: Book) -> None:
    book.ask(ask())
    book.ask(ask(fence=2, used=Units(tokens=90), known=Units()))
    assert (spent(book), book.leased.tokens) == (90, 100)


def test_a_refusal_leaves_the_lease_that_there_is(book: Book) -> None:
    book.ask(ask())
    book.ask(ask("b", need=Units(tokens=800)))
    reply = book.ask(ask(fence=2, used=Units(tokens=50), need=Units(tokens=200)))
    assert reply.refused is not None
    assert reply.again
    assert (spent(book), book.leased.tokens, book.holders["t/g/a@a"].fence) == (0, 900, 1)


def test_what_others_hold_may_be_had_later(book: Book) -> None:
    book.ask(ask("a", need=Units(tokens=800)))
    reply = book.ask(ask("b", need=Units(tokens=300)))
    assert (reply.expires_ms, reply.again) == (0, True)
    assert reply.refused == (
        "the tenant's runs have used 0 of 1000 tokens of this day, others hold 800, and this run needs 300: "
        "the operator's policy gives no more (`budgets.tenant.tokens`)"
    )
    book.back(back("a", tokens=10))
    assert book.ask(ask("b", 2, need=Units(tokens=300))).refused is None


def test_what_is_used_up_is_refused_for_good_and_the_rest_given(book: Book) -> None:
    book.ask(ask("a", need=Units(tokens=900)))
    book.back(back("a", tokens=900))
    reply = book.ask(ask("b", want=Units(tokens=300), need=Units(tokens=300)))
    assert (reply.granted.tokens, reply.again) == (100, False)
    assert reply.refused is not None
    assert reply.used.tokens == 900
    assert book.ask(ask("b", want=Units(tokens=300), need=Units(tokens=300))) == reply


def test_use_beyond_the_lease_is_counted_in_full_and_stops_the_tenant(book: Book) -> None:
    book.ask(ask())
    book.back(back(tokens=1200))
    assert spent(book) == 1200
    reply = book.ask(ask("b", need=Units()))
    assert (reply.refused is not None, reply.expires_ms) == (True, 0)


def test_the_tightest_window_wins(book: Book) -> None:
    windows = (*DAY, WindowLimits(per="minute", tokens=50), WindowLimits(per="month", cost_nano=10**9))
    reply = book.ask(ask(windows=windows, want=Units(tokens=40)))
    assert (reply.granted.tokens, reply.limit) == (12, {"tokens": 50, "steps": 100, "cost_nano": 10**9})
    refused = book.ask(ask("b", windows=windows, need=Units(cost_nano=2 * 10**9))).refused
    assert refused is not None
    assert "0 of 1 cost_usd of this month" in refused


def test_what_has_no_limit_is_given_as_it_is_wanted(book: Book) -> None:
    assert book.ask(ask(want=Units(tool_calls=10**6))).granted.tool_calls == 10**6


def test_an_expired_lease_is_spent_until_somebody_knows_better(book: Book) -> None:
    book.ask(ask())
    book.advance(NOON_MS + HOUR_MS)
    assert (spent(book), book.leased.tokens) == (100, 0)
    assert book.doubts() == (Doubt(workflow_id="t/g/a", run_id="a", fence=1),)
    book.back(Found(workflow_id="t/g/a", run_id="a", fence=1, used=Units(tokens=30)))
    assert spent(book) == 30
    assert book.doubts() == ()


def test_a_run_that_comes_back_late_gets_its_expired_lease_counted_right(book: Book) -> None:
    book.ask(ask())
    book.advance(NOON_MS + HOUR_MS)
    book.back(back(tokens=30))
    assert (spent(book), spent(book, "month")) == (30, 30)


def test_an_expired_lease_is_charged_to_the_windows_in_which_it_expired(book: Book) -> None:
    book.ask(ask(until_ms=NOON_MS + 30_000))
    book.advance(NOON_MS + 2 * HOUR_MS)
    assert (spent(book), spent(book, "hour"), spent(book, "minute")) == (100, 0, 0)
    book.back(back(tokens=130))  # 30 more than it had: nobody knows when
    assert (spent(book), spent(book, "hour"), spent(book, "minute")) == (130, 30, 30)


def test_leases_count_over_the_edge_of_a_window_and_what_is_spent_does_not(book: Book) -> None:
    book.ask(ask("a", need=Units(tokens=500), until_ms=NOON_MS + 24 * HOUR_MS))
    book.ask(ask("b"))
    book.back(back("b", tokens=80))
    book.advance(NOON_MS + 13 * HOUR_MS)
    assert (spent(book), book.leased.tokens) == (0, 500)
    assert book.ask(ask("c", need=Units(tokens=501))).again


def test_an_old_lease_of_a_live_run_is_wondered_about_once_a_minute(book: Book) -> None:
    book.ask(ask())
    assert book.doubts() == ()
    book.advance(NOON_MS + 60_000)
    assert len(book.doubts()) == 1
    assert book.doubts() == ()
    book.advance(NOON_MS + 120_000)
    assert len(book.doubts()) == 1


def test_what_was_found_of_another_lease_changes_nothing(book: Book) -> None:
    book.ask(ask())
    book.back(Found(workflow_id="t/g/a", run_id="a", fence=2, used=Units(tokens=30)))
    assert (spent(book), book.leased.tokens) == (0, 100)


def test_two_histories_of_one_run_are_not_taken_for_each_other(book: Book) -> None:
    book.ask(ask("a"))
    again = ask("a").model_copy(update={"run_id": "after-a-reset"})
    assert book.ask(again).refused is None
    assert book.leased.tokens == 200


def test_the_clock_never_goes_back(book: Book) -> None:
    book.ask(ask())
    book.back(back(tokens=40))
    book.advance(NOON_MS - 48 * HOUR_MS)
    assert (book.now_ms, spent(book)) == (NOON_MS, 40)


def test_quiet_runs_are_forgotten_but_for_what_is_still_in_doubt(book: Book) -> None:
    book.ask(ask("a"))
    book.ask(ask("b"))
    book.back(back("b", tokens=5))
    book.advance(NOON_MS + 2 * HOUR_MS)
    assert list(book.holders) == ["t/g/a@a"]
    book.advance(NOON_MS + 40 * 24 * HOUR_MS)
    assert list(book.holders) == []


def test_a_forgotten_run_is_counted_from_what_it_knows(book: Book) -> None:
    book.back(back(fence=7, tokens=500, known=480))
    assert spent(book) == 20


def test_leases_of_leases_are_refused(book: Book) -> None:
    assert book.ask(ask(parent="t/g/b@b#1")).refused == "a lease of a lease is not there yet"


def test_a_book_survives_being_written_down(book: Book) -> None:
    book.ask(ask("a"))
    book.ask(ask("b", until_ms=NOON_MS + 1))
    book.advance(NOON_MS + 1000)
    adapter = TypeAdapter(Book)
    assert adapter.validate_python(adapter.dump_python(book, mode="json")) == book


def test_the_page_shows_windows_and_leases(book: Book) -> None:
    book.ask(ask("a"))
    book.ask(ask("b", until_ms=NOON_MS + 1))
    book.advance(NOON_MS + 1000)
    shown = page(book)
    assert "| day 2026-02-28 | 100 | 0 | 0 | 0 |" in shown
    assert "| leased to 1 runs | 100 | 0 | 0 | 0 |" in shown
    assert "1 leases expired" in shown


@pytest.mark.parametrize(
    ("per", "name"),
    [("minute", "2026-02-28T12:00"), ("hour", "2026-02-28T12"), ("day", "2026-02-28"), ("month", "2026-02")],
)
def test_windows_begin_at_whole_utc_times(per: Per, name: str) -> None:
    assert period(per, NOON_MS + 59_999) == name
