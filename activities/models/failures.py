"""How a model call fails: with one constant type each, and whether the provider may have billed it."""

from __future__ import annotations

from temporalio.exceptions import ApplicationError

from activities.failures import failure
from workflows.contracts.calls import Usage
from workflows.contracts.failures import FailureType

RETRYABLE = frozenset({429, 500, 502, 503, 504, 529})
CREDENTIAL = frozenset({401, 403})
REQUEST = frozenset({400, 413, 422})
"""What is wrong is what was asked: another model would not do better."""
MAX_RETRY_DELAY_S = 120.0
MAX_MESSAGE_CHARS = 2000
_REQUEST: dict[str, object] = {"request": True}


def status_failed(alias: str, status: int, message: str, *, retry_after_s: float | None, key: str) -> ApplicationError:
    """An HTTP error status: certainly not billed, and repeated by Temporal alone where repeating may help.

    `retry_after_s` is what the provider asked for, kept under `MAX_RETRY_DELAY_S`; `key` names the reference
    of the key that was sent, never its value.
    """
    if status in CREDENTIAL:
        words = f"the provider refused {key} with {status}: {message}"
        return _final(FailureType.CREDENTIAL, alias, words, {"billed": "no", "status": status})
    if status not in RETRYABLE:
        about: dict[str, object] = {"billed": "no", "status": status, **(_REQUEST if status in REQUEST else {})}
        return _final(FailureType.MODEL_FAILED, alias, f"the provider answered {status}: {message}", about)
    return failure(
        FailureType.MODEL_FAILED,
        _message(alias, f"the provider answered {status}: {message}"),
        details={"billed": "no", "status": status},
        retryable=True,
        retry_after_s=None if retry_after_s is None else min(retry_after_s, MAX_RETRY_DELAY_S),
    )


def not_sent(alias: str, message: str) -> ApplicationError:
    """The request never left: not billed, repeated by Temporal."""
    return failure(FailureType.MODEL_FAILED, _message(alias, message), details={"billed": "no"}, retryable=True)


def put_off(alias: str, message: str, *, retry_after_s: float | None) -> ApplicationError:
    """Nothing was sent, and nothing was to be sent now: not billed, repeated by Temporal after a while."""
    return failure(
        FailureType.MODEL_FAILED,
        _message(alias, message),
        details={"billed": "no"},
        retryable=True,
        retry_after_s=retry_after_s,
    )


def request_failed(alias: str, message: str) -> ApplicationError:
    """What was asked cannot be answered by anybody: not billed, and no other model is tried."""
    return _final(FailureType.MODEL_FAILED, alias, message, {"billed": "no", **_REQUEST})


def model_failed(alias: str, message: str) -> ApplicationError:
    """A call that was not billed and that no repetition mends."""
    return _final(FailureType.MODEL_FAILED, alias, message, {"billed": "no"})


def credential_missing(alias: str, message: str) -> ApplicationError:
    """The key is absent or refused; only the operator can mend it."""
    return _final(FailureType.CREDENTIAL, alias, message, {"billed": "no"})


def maybe_billed(alias: str, message: str) -> ApplicationError:
    """The request left and no whole answer came: never repeated outside the gate, settled at its full reservation."""
    return _final(FailureType.MAYBE_BILLED, alias, message, {"billed": "maybe"})


def billed_failed(kind: FailureType, alias: str, message: str, usage: Usage) -> ApplicationError:
    """A whole answer came and cannot be used; it was billed, and the details say how much."""
    return _final(kind, alias, message, {"billed": "yes", "usage": usage.model_dump(mode="json")})


def _final(kind: FailureType, alias: str, message: str, details: dict[str, object]) -> ApplicationError:
    return failure(kind, _message(alias, message), details=details)


def _message(alias: str, message: str) -> str:
    cut = message if len(message) <= MAX_MESSAGE_CHARS else f"{message[:MAX_MESSAGE_CHARS]} …"
    return f"model `{alias}`: {cut}"
