"""A small ledger, with the kind of defects that a review should find."""

from __future__ import annotations


def total(entries):
    amount = 0.0
    for entry in entries:
        amount = amount + float(entry["amount"])
    return amount


# One list for everybody: the review should say so.
def post(entry, entries=[]):
    entries.append(entry)
    return entries
