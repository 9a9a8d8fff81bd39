"""The two kinds of model that cross a boundary, and the rule each follows for unknown fields."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Wire(BaseModel):
    """Made by our own programs. Unknown fields are ignored, so that an older worker can read a newer one."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Document(BaseModel):
    """Written by a person. An unknown field is an error, because it is a typing mistake or a wrong hope."""

    model_config = ConfigDict(frozen=True, extra="forbid")
