"""The workflow that keeps a tenant's book: it waits for messages, and writes nothing of its own into its history."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError
from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

from workflows.contracts import names
from workflows.contracts.failures import FailureType
from workflows.contracts.leases import Ask, Batch, Message, Replies, Reply
from workflows.ledger.book import Book
from workflows.ledger.page import page
from workflows.shell.admission import admit_request, first_fault
from workflows.shell.perform import admit, now_ms

FULL_EVENTS = 1_000
"""A ledger that a worker takes over is replayed, so its history is kept short."""
QUIET = timedelta(hours=1)
"""So long after its first message a history ends: messages are not to outlive the keys that they were sealed with."""
LATE_MS = 600_000
"""How far the clocks of workers and server may differ. An older message is one that somebody sends again."""
_BOOK = TypeAdapter(Book)


@workflow.defn(name=names.LEDGER)
class TenantLedger:
    """One tenant's ledger. Its messages are sealed, which the worker checks before they come here."""

    def __init__(self) -> None:
        self._book: Book | None = None
        self._refused: str | None = None
        self._heard = False

    @workflow.run
    async def run(self, *sent: Any) -> None:
        """Take messages until the history is long or old, then go on in a new one."""
        await self._open(sent[0] if len(sent) == 1 else None)
        await workflow.wait_condition(lambda: self._heard)
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(_full, timeout=QUIET, timeout_summary="then in a new history")
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new({"v": 1, "carry": _BOOK.dump_python(self._required(), mode="json")})

    async def _open(self, raw: object) -> None:
        """Begin an empty book, or take over the one that the history before has sealed."""
        try:
            await admit(admit_request(raw))
        except asyncio.CancelledError:
            raise
        except FailureError as error:
            self._refused = getattr(error, "message", str(error))
            await workflow.wait_condition(workflow.all_handlers_finished)
            raise ApplicationError(self._refused, type=FailureType.FORGED_INPUT, non_retryable=True) from None
        carry = raw.get("carry") if isinstance(raw, dict) else None
        self._book = Book() if carry is None else _BOOK.validate_python(carry)
        workflow.set_current_details(page(self._book))

    @workflow.update(name=names.UPDATE_BATCH)
    async def batch(self, *sent: Any) -> Replies:
        """Take what one worker has to tell, in order, and answer each message."""
        batch = _read(sent)
        await workflow.wait_condition(lambda: self._book is not None or self._refused is not None)
        book, at_ms = self._required(), now_ms()
        self._heard = True
        if abs(at_ms - batch.sent_ms) > LATE_MS:
            words = f"sent at {batch.sent_ms}, and it is {at_ms} here: set the clocks of workers and server right"
            raise ApplicationError(f"the ledger takes no message that old: {words}", type="LedgerRefused")
        book.advance(at_ms)
        replies = tuple(_take(book, message) for message in batch.messages)
        workflow.set_current_details(page(book))
        return Replies(replies=replies, doubts=book.doubts())

    @batch.validator
    def check_batch(self, *sent: Any) -> None:
        """Refuse what is no batch, which leaves no trace."""
        _read(sent)

    @workflow.query(name=names.QUERY_BOOK)
    def book(self) -> dict[str, Any]:
        """The whole book."""
        found: dict[str, Any] = _BOOK.dump_python(self._required(), mode="json")
        return found

    def _required(self) -> Book:
        if self._book is None:
            raise ApplicationError(f"the ledger is not open: {self._refused or 'ask again'}", type="LedgerRefused")
        return self._book


def _full() -> bool:
    info = workflow.info()
    return info.get_current_history_length() >= FULL_EVENTS or info.is_continue_as_new_suggested()


def _take(book: Book, message: Message) -> Reply:
    return book.ask(message) if isinstance(message, Ask) else book.back(message)


def _read(sent: tuple[object, ...]) -> Batch:
    try:
        return Batch.model_validate(sent[0] if len(sent) == 1 else list(sent))
    except ValidationError as error:
        raise ApplicationError(f"no batch of messages: {first_fault(error)}", type="LedgerRefused") from None
