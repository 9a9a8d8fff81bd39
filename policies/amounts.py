"""Arithmetic of amounts, unit by unit, that never goes below zero."""

from __future__ import annotations

from policies.budget import Amount


def beyond(one: Amount, other: Amount) -> Amount:
    """How much more of each unit one amount is than another; nothing where it is less."""
    return Amount(*(max(0, mine - theirs) for mine, theirs in zip(one, other, strict=True)))


def most(one: Amount, other: Amount) -> Amount:
    """The larger of each unit."""
    return Amount(*map(max, one, other))
