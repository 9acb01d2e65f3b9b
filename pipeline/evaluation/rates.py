"""Shares of a total that may be nothing."""

from __future__ import annotations


def rate(errors: float, total: float) -> float | None:
    """`errors / total`; None where there is nothing to divide by."""
    return errors / total if total else None
