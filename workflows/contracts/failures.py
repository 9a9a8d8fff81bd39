"""The types of failure, as they stand in histories and in `error.type`."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from workflows.contracts.wire import Wire


class FailureType(StrEnum):
    """Why a run, a node or a call did not succeed."""

    INVALID_DOCUMENT = "InvalidDocument"
    POLICY_DENIED = "PolicyDenied"
    BUDGET_EXCEEDED = "BudgetExceeded"
    DECLINED = "Declined"
    FAIL_REACHED = "FailReached"
    SCOPE_FAILED = "ScopeFailed"
    VISITS_EXCEEDED = "VisitsExceeded"
    RUNAWAY = "Runaway"
    TOOL_FAILED = "ToolFailed"
    MODEL_FAILED = "ModelFailed"
    RESULT_TOO_LARGE = "ResultTooLarge"
    EXPRESSION_FAILED = "ExpressionFailed"
    INVALID_VALUE = "InvalidValue"
    MAYBE_BILLED = "MaybeBilled"
    UNCERTAIN = "Uncertain"
    CREDENTIAL = "CredentialMissing"
    TENANT_NOT_ALLOWED = "TenantNotAllowed"
    FORGED_INPUT = "ForgedInput"
    UNSEALED = "Unsealed"
    POLICY_DRIFT = "PolicyDrift"
    SECRET_FOUND = "SecretFound"  # noqa: S105 - the name of a failure
    ANSWER_REFUSED = "AnswerRefused"
    LIMIT_REACHED = "LimitReached"
    TOOL_CHANGED = "ToolChanged"
    SKILL_CHANGED = "SkillChanged"
    BLOB_LOST = "BlobLost"
    GAP = "Gap"
    CANCELLED = "Cancelled"
    TERMINATED = "Terminated"
    INTERNAL = "Internal"


class ErrorInfo(Wire):
    """An error as a person reads it. `details` is what the type adds: problems, a branch, a cause."""

    type: str
    message: str
    node: str | None = None
    attempts: int | None = None
    details: dict[str, Any] | None = None
