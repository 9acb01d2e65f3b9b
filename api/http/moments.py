"""Moments that clients name."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime

YEARS: Final = range(1970, 9999)
"""The first and last days of the calendar overflow in other zones: Postgres keeps them, and nobody can read them."""


def within_years(moment: datetime) -> datetime:
    """The moment; raises `ValueError` where it is too far away."""
    if moment.year not in YEARS:
        message = f"give a moment from {YEARS[0]} to {YEARS[-1]}"
        raise ValueError(message)
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(within_years)]
"""A moment with its zone."""
