"""The columns of the key stage 2 layout, in the Department's order, worked out from the pupils."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pepstats.invented.pupils import (
    EXPECTED,
    HIGHER,
    HIGHER_WRITING,
    LAST_WITH_START,
    PROGRESS_SD,
    SUBJECTS,
    TODAY,
    Pupils,
)

GROUPS = ("B", "G", "L", "M", "H", "FSM6CLA1A", "NotFSM6CLA1A")

IDENTITY = ("RECTYPE", "LEA", "ESTAB", "URN", "SCHNAME", "URN_AC", "SCHNAME_AC", "OPEN_AC",
                   "NFTYPE", "ICLOSE", "RELDENOM", "AGERANGE", "CONFEXAM", "TOTPUPS",
                   "TPUPYEAR")  # fmt: skip

SHORT_AFTER = "TPUPYEAR"  # the row of a school with nobody at the end of key stage 2 stops here

_INTAKE = ("TELIG", "BELIG", "GELIG", "TKS1AVERAGE", "PTKS1GROUP_L", "PTKS1GROUP_M",
           "PTKS1GROUP_H", "TFSM6CLA1A", "PTFSM6CLA1A", "TNotFSM6CLA1A", "PTNotFSM6CLA1A",
           "PTEALGRP2", "PTMOBN")  # fmt: skip

_STEMS = ("READ", "WRIT", "MAT")
_LIMITS = ("", "_LOWER", "_UPPER")

_PROGRESS_COLUMNS = tuple(
    column
    for stem in _STEMS
    for column in (*(f"{stem}PROG{limit}" for limit in _LIMITS), f"{stem}COV")
)

_TESTS = ("PTREAD_EXP", "PTREAD_HIGH", "READ_AVERAGE", "PTGPS_EXP", "PTGPS_HIGH", "GPS_AVERAGE",
          "PTMAT_EXP", "PTMAT_HIGH", "MAT_AVERAGE", "PTWRITTA_EXP", "PTWRITTA_HIGH")  # fmt: skip

_SPLITS = (*(f"PTRWM_EXP_{group}" for group in GROUPS), "DIFFN_RWM_EXP",
           "PTRWM_HIGH_FSM6CLA1A", "PTRWM_HIGH_NotFSM6CLA1A")  # fmt: skip

_PROGRESS_SPLITS = tuple(
    f"{stem}PROG_{group}{limit}"
    for stem in _STEMS
    for group in ("FSM6CLA1A", "NotFSM6CLA1A")
    for limit in _LIMITS
)

_OF_START = re.compile("PROG|COV$|KS1|_[LMH]$")
"""Columns that rest on key stage 1 results."""

_NEED = ("PSENELE", "PSENELK")  # from 2017
_BANDS = tuple(f"{stem}PROG_DESCR" for stem in _STEMS)  # from 2018


def columns_of(year: int) -> tuple[str, ...]:
    """Return the columns of one year's default file; progress ended with 2023."""
    need = _NEED if year >= 2017 else ()
    bands = _BANDS if 2018 <= year < TODAY[0] else ()
    splits = _PROGRESS_SPLITS if year < TODAY[0] else ()
    every = (*IDENTITY, *_INTAKE, "PTRWM_EXP", "PTRWM_HIGH", *_PROGRESS_COLUMNS, *_TESTS,
             *_SPLITS, *splits, *need, *bands)  # fmt: skip
    return tuple(name for name in every if year <= LAST_WITH_START or not _OF_START.search(name))


Mask = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float64]
FEWEST = 6  # results of five pupils or fewer are not published
_TEST = {"READ": 0, "WRITTA": 1, "MAT": 2, "GPS": 3}
_GROUPS = "FSM6CLA1A|NotFSM6CLA1A|B|G|L|M|H|EAL|MOBN"
_STANDARD = re.compile(rf"PT(RWM|READ|WRITTA|MAT|GPS)_(EXP|HIGH)(?:_({_GROUPS}))?")
_PROGRESS = re.compile(rf"(READ|WRIT|MAT)PROG(?:_({_GROUPS}))?(?:_(LOWER|UPPER))?")
_AVERAGE = re.compile(r"(READ|MAT|GPS)_AVERAGE")
_COVERAGE = re.compile(r"(READ|WRIT|MAT)COV")
_BAND = re.compile(r"(READ|WRIT|MAT)PROG_DESCR")

_COUNTED = {  # columns that count a group of the cohort, and their shares
    "BELIG": "B", "GELIG": "G", "TKS1GROUP_L": "L", "TKS1GROUP_M": "M", "TKS1GROUP_H": "H",
    "TFSM6CLA1A": "FSM6CLA1A", "TNotFSM6CLA1A": "NotFSM6CLA1A", "TEALGRP2": "EAL",
    "TMOBN": "MOBN", "TSENELK": "SENK", "TSENELE": "SENE",
}  # fmt: skip

_SHARES = {
    "P" + (name[1:] if name.startswith("TSEN") else name): group for name, group in _COUNTED.items()
}


@dataclass(frozen=True)
class Column:
    """One published column: values where there are any, a code where there is none.

    `unit` says how a value is written: "count", "percent", "tenth" or "whole".
    """

    value: Values
    code: npt.NDArray[np.str_]
    unit: str


@dataclass
class Published:
    """One year's results of schools, authorities or the nation, from the pupils themselves.

    `unit` gives each pupil's place in the table (`size` places). For an `area` nothing is
    suppressed. Nothing is stored but the masks that many columns share.
    """

    pupils: Pupils
    unit: npt.NDArray[np.int64]
    size: int
    area: bool = False
    keep: Mask | None = None
    _masks: dict[str, Mask] = field(default_factory=dict, repr=False)
    _counts: dict[str, Values] = field(default_factory=dict, repr=False)

    @classmethod
    def whole(cls, pupils: Pupils, keep: Mask | None = None) -> Published:
        """Return the results of all these pupils, or of those kept, as one area's."""
        return cls(pupils, np.zeros(len(pupils.school), np.int64), 1, area=True, keep=keep)

    def column(self, name: str) -> Column:
        """Return one column of the key stage 2 layout by its published name."""
        if name == "TELIG":
            return self._plain(self.count("all"), "count")
        if name in _COUNTED:
            return self._hide(self.count(_COUNTED[name]), "count")
        if name in _SHARES:
            return self._hide(_percent(self.count(_SHARES[name]), self.count("all")), "percent")
        if name == "TKS1AVERAGE":
            return self._hide(half_up(self.mean("prior", "covered"), 1), "tenth")
        if found := _STANDARD.fullmatch(name):
            test, standard, group = found.groups()
            reached = self.count(f"{group or 'all'}&{test}_{standard}")
            of = self.count(group or "all")
            return self._hide(_percent(reached, of), "percent", group)
        if found := _PROGRESS.fullmatch(name):
            return self._progress(*found.groups())
        if found := _AVERAGE.fullmatch(name):
            return self._hide(half_up(self.mean(f"score-{_TEST[found[1]]}", "all"), 0), "whole")
        if found := _COVERAGE.fullmatch(name):
            return self._hide(_percent(self.count("covered"), self.count("all")), "percent")
        if found := _BAND.fullmatch(name):
            return self._band(found.group(1))
        raise KeyError(name)

    def mask(self, group: str) -> Mask:
        """Return which pupils are in a group, or in two at once (`a&b`)."""
        if group not in self._masks:
            first, both, second = group.partition("&")
            if both:
                found = self.mask(first) & self.mask(second)
            elif group.startswith("RWM_"):
                found = np.all(
                    [self.mask(group.replace("RWM", t)) for t in list(_TEST)[:3]], axis=0
                )
            else:
                found = self._find(group) if self.keep is None else self._find(group) & self.keep
            self._masks[group] = found
        return self._masks[group]

    def count(self, group: str) -> Values:
        """Count a group's pupils in each place of the table."""
        if group not in self._counts:
            found = np.bincount(self.unit[self.mask(group)], minlength=self.size)
            self._counts[group] = found.astype(float)
        return self._counts[group]

    def mean(self, what: str, group: str) -> Values:
        """Return the mean of a group's `prior`, `score-<place>` or `progress-<place>`."""
        key = f"{what} of {group}"
        if key not in self._counts:
            name, _, place = what.partition("-")
            every = getattr(self.pupils, name)
            values = every[:, int(place)] if place else every
            mask = self.mask(group)
            total: Values = np.bincount(self.unit[mask], values[mask], self.size).astype(float)
            self._counts[key] = _ratio(total, self.count(group))
        return self._counts[key]

    def _find(self, group: str) -> Mask:
        """Return which pupils are in one group, or reached one standard of one test."""
        pupils = self.pupils
        if group.endswith(("_EXP", "_HIGH")):
            test, standard = group.rsplit("_", 1)
            line = EXPECTED if standard == "EXP" else HIGHER_WRITING if test == "WRITTA" else HIGHER
            return np.asarray(pupils.score[:, _TEST[test]] >= line)
        covered, points = pupils.covered, pupils.prior
        known: dict[str, Mask] = {
            "all": np.ones(len(covered), bool), "covered": covered,
            "B": ~pupils.girl, "G": pupils.girl,
            "FSM6CLA1A": pupils.disadvantaged, "NotFSM6CLA1A": ~pupils.disadvantaged,
            "L": covered & (points < 12), "H": covered & (points >= 18),
            "M": covered & (points >= 12) & (points < 18),
            "EAL": pupils.eal, "MOBN": ~pupils.mobile,
            "SENK": pupils.sen == 1, "SENE": pupils.sen == 2,
        }  # fmt: skip
        return known[group]

    def _progress(self, subject: str, group: str | None, limit: str | None) -> Column:
        place = SUBJECTS.index(subject)
        both = f"{group}&covered" if group else "covered"
        n = self.count(both)
        mean = self.mean(f"progress-{place}", both)
        reach = 1.96 * PROGRESS_SD[subject][self.pupils.year] / np.sqrt(np.maximum(n, 1))
        value = mean if limit is None else mean - reach if limit == "LOWER" else mean + reach
        column = self._hide(half_up(value, 1), "tenth", group)
        if not self.area and not group:
            low = (n * 2 < self.count("all")) & (column.code == "")
            column.code[low], column.value[low] = "LOWCOV", np.nan
        return column

    def _band(self, subject: str) -> Column:
        middle, low, high = (self._progress(subject, None, end) for end in (None, "LOWER", "UPPER"))
        far = {"READ": 3.0, "WRIT": 2.7, "MAT": 2.9}[subject]
        above, below = low.value > 0, high.value < 0
        band = np.select(
            [above & (middle.value >= far), above, below & (middle.value <= -far), below],
            [1.0, 2.0, 5.0, 4.0], 3.0,
        )  # fmt: skip
        return Column(np.where(np.isnan(middle.value), np.nan, band), middle.code, "count")

    def _plain(self, value: Values, unit: str) -> Column:
        return Column(value, np.zeros(self.size, "U6"), unit)

    def _hide(self, value: Values, unit: str, group: str | None = None) -> Column:
        """Put SUPP where too few pupils stand behind a figure, by the rules the files follow."""
        column = self._plain(value.copy(), unit)
        if self.area:
            return column
        hidden = self.count("all") < FEWEST
        if group in ("FSM6CLA1A", "NotFSM6CLA1A"):
            column, hidden = self._hide_pair(column, hidden, group)
        elif group:
            nobody = self.count(group) == 0
            column.code[nobody & ~hidden] = "NA" if unit == "tenth" else ""
            column.value[nobody] = np.nan
            hidden = hidden | (~nobody & (self.count(group) < FEWEST))
        column.code[hidden], column.value[hidden] = "SUPP", np.nan
        return column

    def _hide_pair(self, column: Column, hidden: Mask, group: str) -> tuple[Column, Mask]:
        """Publish disadvantaged and other pupils together or not at all."""
        poor, other = self.count("FSM6CLA1A"), self.count("NotFSM6CLA1A")
        own = poor if group == "FSM6CLA1A" else other
        column.value[own == 0] = np.nan
        few = (poor < FEWEST) | (other < FEWEST)
        # A school with nobody disadvantaged: that cell is empty, and until 2018 the other stood.
        alone = (poor == 0) & (self.pupils.year < 2019) & (group == "NotFSM6CLA1A")
        return column, hidden | (few & (own > 0) & ~alone)


def _ratio(part: Values, whole: Values) -> Values:
    out: Values = np.full(len(part), np.nan)
    return np.divide(part, whole, out=out, where=whole > 0)


def _percent(part: Values, whole: Values) -> Values:
    return half_up(100 * _ratio(part, whole), 0)


def half_up(value: Values, places: int) -> Values:
    """Round halves up, as the Department does."""
    scale = 10.0**places
    rounded: Values = np.floor(value * scale + 0.5 + 1e-9) / scale
    return rounded


def column_of(name: str, results: Published, national: Published) -> Column:
    """Return any column of the layout by its published name; `national` is England's own row."""
    if name != "DIFFN_RWM_EXP":
        return results.column(name)
    own = results.column("PTRWM_EXP_FSM6CLA1A")
    other = national.column("PTRWM_EXP_NotFSM6CLA1A").value[0]
    return Column(np.round(own.value - other, 1), own.code, "count")
