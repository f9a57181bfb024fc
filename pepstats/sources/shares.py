"""Percentages that a spreadsheet or another system wrote as fractions: told by the file itself.

A column whose figures all lie between 0 and 1 without a percent sign may hold fractions (0.71 for
71%) or small rates (0.7%). The file settles it: by a total that has its percent sign, or since a
share of a school's pupils is a whole number of them. What neither settles is asked about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pepstats.errors import SourceError
from pepstats.measures import MEASURES
from pepstats.sources.cells import Array, Cells, Reading, hundredfold, read_number

FRACTION, PERCENT = "fraction", "percent"
STRAY = 0.05  # chance of a figure that is no whole pupils: of another cohort, or mistyped
SURE = 5.0  # log of how much likelier one must be than the other
MOST_PLACES = 3  # decimals told apart
FAR = 20  # so many times less than its schools' mean is no total


class Unsettled(SourceError):
    """Nothing tells of a column whether it holds percentages or fractions."""


@dataclass(frozen=True)
class Share:
    """One column of percentages, and what there is to tell what its figures are.

    Its place; the pupils behind each row's figure (missing where the file does not say) and whether
    a share is of exactly these; whether each row is a school's; what is said of it, and by whom.
    """

    j: int
    pupils: Array
    exact: bool
    schools: Array
    said: str | None
    by: str = "as the study says"


def read_fractions(table: Cells, reading: Reading, share: Share) -> tuple[Array, Array, str]:
    """Return the column's figures as percentages, which cannot be, and what was done to them.

    Raises `Unsettled`, naming the column, where nothing tells what the figures are.
    """
    cells, column = table.codes[:, share.j], table.header[share.j]
    values = reading.value[cells]
    bare = ~np.isnan(values) & ~reading.signed[cells]
    with np.errstate(invalid="ignore"):
        small, some = values <= 1, values > 0
    own, none = bare & share.schools, np.zeros(len(values), dtype=bool)
    signed = share.schools & reading.signed[cells] & ~np.isnan(values)
    if (signed.any() or not small[own].all()) and share.said is None:
        texts = [str(table.texts[code]) for code in cells[share.schools]]
        strays, of = none.copy(), (values[share.schools], share.pupils[share.schools])
        strays[share.schools] = find_strays(texts, *of, share.exact)
        doubtful = find_strays(texts, *of, True).sum() - strays.sum()
        usual = float(np.nanmean(np.where(share.schools & ~strays, values, np.nan)))
        with np.errstate(invalid="ignore"):
            strays |= ~share.schools & bare & small & (values * FAR < usual)
        doubt = f"{column}: {doubtful} under 1% are no whole number of pupils; read as written"
        return values, strays, doubt if doubtful else ""
    if share.said == FRACTION and not small[own].all():
        raise SourceError(f"{table.file}, column {column}: has figures over 1, so no fractions.")
    if not (own & some).any() or share.said == PERCENT:
        return values, none, ""
    others = values[~share.schools & ~(bare & small) & ~np.isnan(values)]
    texts = [str(table.texts[code]) for code in cells[own]]
    told, how = share.said, share.by
    if told is None and len(others):
        told, how = _by_totals(others, float(np.mean(values[own]))), "by the total's percentage"
    if told is None:
        told, how = by_pupils(texts, share.pupils[own]), "by whole pupils"
    if told is None:
        raise Unsettled(f"{table.file}, column {column}: {ask(texts, column)}")
    if told == PERCENT:
        return values, none, ""
    bare &= small
    values[bare] = [raise_text(str(table.texts[code])) for code in cells[bare]]
    return values, none, f"{column}: {bare.sum():,} fractions read as percentages, {how}"


def find_strays(texts: Sequence[str], values: Array, pupils: Array, exact: bool) -> Array:
    """Find figures of 0 to 1 among percentages that must be fractions.

    They are no whole pupils as percentages, and are written otherwise than the rest: without a
    percent sign, with more decimals, or of a cohort that the shares are exactly of.
    """
    strays = np.zeros(len(values), dtype=bool)
    signed = np.array([text.rstrip().endswith("%") for text in texts], dtype=bool)
    with np.errstate(invalid="ignore"):
        low = ~signed & (values > 0) & (values <= 1)
    rest = ~low & ~np.isnan(values)
    if not low.any() or not rest.any():
        return strays
    usual = max(_places(texts[int(row)]) for row in np.flatnonzero(rest))
    for row in np.flatnonzero(low):
        places, of = _places(texts[int(row)]), pupils[[row]] / 100
        otherwise = signed.any() or places > usual or (exact and of[0] > 0)
        told = _places(texts[int(row)], zeros=False)  # `1.0` may be a whole per cent as saved
        strays[row] = otherwise and not any(
            _whole(values[[row]], of, 10**n)[0] for n in {places, told}
        )
    return strays


def _places(text: str, *, zeros: bool = True) -> int:
    """Count a figure's decimals, with or without the noughts at their end."""
    decimals = text.strip().rstrip("% ").partition(".")[2]
    return min(len(decimals if zeros else decimals.rstrip("0")), 6)


def ask(texts: Sequence[str], column: str) -> str:
    """Return the question that nothing in a file answers."""
    return (
        f"every figure is between 0 and 1 (`{texts[0].strip()[:20]}`, ...). Are they fractions "
        "(0.71 for 71%) or percentages? Nothing in the file tells. Say so at its line among the "
        f"report's sources, as `shares: {{{column[:60]}: fraction}}`, or `percent`."
    )


def raise_text(text: str) -> float:
    """Return a fraction's hundredfold, exact to its last digit."""
    return float(hundredfold(text.strip().replace(",", "")))


def _by_totals(totals: Array, mean: float) -> str:
    """Find whether the schools' mean or its hundredfold is near the totals."""
    apart = [abs(np.log(max(float(np.median(totals)), 0.01) / (mean * by))) for by in (1, 100)]
    return PERCENT if apart[0] < apart[1] else FRACTION


def by_pupils(texts: Sequence[str], pupils: Array) -> str | None:
    """Find which is likelier, that figures are percentages or fractions of whole pupils.

    Each way, so many shares of a cohort can be written to the decimals of the figures; the way by
    which fewer could be, and yet these are, is the likelier. None where neither is by far.
    """
    values = np.array([read_number(text) or 0.0 for text in texts])
    places = min(max(len(text.strip().partition(".")[2]) for text in texts), MOST_PLACES)
    asked = (values > 0) & (pupils > 0)
    values, pupils, grid = values[asked], pupils[asked], 10**places
    written = np.arange(1, grid + 1) / grid
    gain = 0.0
    for sign, by in ((1, 100), (-1, 1)):
        possible = _whole(written[None, :], pupils[:, None] / by, grid).sum(axis=1)
        whole = _whole(values, pupils / by, grid)
        chance = np.where(whole, (1 - STRAY) / np.maximum(possible, 1), 0) + STRAY / grid
        gain += sign * float(np.log(chance).sum())
    return None if abs(gain) < SURE else PERCENT if gain > 0 else FRACTION


def _whole(share: Array, pupils: Array, grid: int) -> Array:
    """Return which shares of pupils, written to a grid, are a whole number of one or more."""
    met = share * pupils
    near = np.abs(met - np.round(met)) <= pupils / grid / 2 + 1e-9
    return np.asarray(near & (np.round(met) >= 1))


def cohorts_of(measures: Sequence[str], values: Array) -> dict[str, Array]:
    """Return the pupils behind each measure's figures, row by row; missing where no column says."""
    place = {name: k for k, name in enumerate(measures)}
    none = np.full(len(values), np.nan)
    return {
        name: values[:, place[MEASURES[name].cohort]] if MEASURES[name].cohort in place else none
        for name in measures
    }


def said_of(shares: Mapping[str, str], column: str) -> str | None:
    """Return what a study says of a column's figures, however it writes the column's name."""
    return next((how for name, how in shares.items() if name.upper() == column.upper()), None)
