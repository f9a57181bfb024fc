"""Years that cannot simply be compared: where a measure changed its meaning, or was not taken.

From the Department's own notes: the KS2 guidance and SFR 39/2016 (new tests), the primary
accountability guides of 2018 (progress limited, writing framework) and 2025 (no progress), the
KS4 statistical releases (9-1 grades, Attainment 8 points, Progress 8 limited) and the statement
that no tests were held in 2020 and 2021.
"""

from __future__ import annotations

from dataclasses import dataclass

from pepstats.codes import MEASURES

NO_TESTS_YEARS = (2020, 2021)


@dataclass(frozen=True)
class Break:
    """The first year of a new meaning, the measures it touches, and what changed.

    `word` is what a study writes under `compare_across` to compare over it all the same;
    `measures` are names without groups: every group of a measure breaks with it. Over a
    `new_scale` the two sides are different things, and comparing them is refused without the word;
    the others are printed beside every figure they touch.
    """

    year: int
    word: str
    measures: tuple[str, ...]
    what: str

    @property
    def new_scale(self) -> bool:
        """Whether the two sides are different things, not one thing measured a little anew."""
        return self.word in _NEW_SCALES


_SUBJECTS = ("reading", "writing", "maths")
_PROGRESS = tuple(f"{s}_progress{e}" for s in _SUBJECTS for e in ("", "_lower", "_upper"))
_PROGRESS8 = ("progress8", "progress8_lower", "progress8_upper")
_KS2 = tuple(
    name for name, m in MEASURES.items()
    if "." not in name and m.kind == "ks2"
    and (name.startswith(("rwm_", "gps_")) or name.split("_")[0] in _SUBJECTS)
)  # fmt: skip
_KS4 = (*_PROGRESS8, "attainment8", "basics_94", "basics_95", "ebacc_entry", "ebacc_94",
        "ebacc_95", "ebacc_points")  # fmt: skip
_WRITING = tuple(n for n in _KS2 if n.startswith(("writing_", "rwm_")) and "coverage" not in n)

_NEW_SCALES = {
    "new tests 2016", "progress 8 2016", "grades 9-1 2017", "ebacc 2018", "key stage 1 scale 2020",
    "persistent absence 2016",
}  # fmt: skip

BREAKS: tuple[Break, ...] = (
    Break(2016, "new tests 2016", _KS2,
          "new key stage 2 tests and a new expected standard from 2016; earlier years are levels"),
    Break(2018, "writing framework 2018", _WRITING,
          "a new framework for assessing writing from 2018"),
    Break(2018, "progress adjusted 2018", _PROGRESS,
          "extremely low progress scores are limited from 2018"),
    Break(2018, "progress 8 adjusted 2018", _PROGRESS8,
          "extremely low Progress 8 scores are limited from 2018"),
    Break(2016, "progress 8 2016", (*_PROGRESS8, "attainment8"),
          "Progress 8 and Attainment 8 begin in 2016"),
    Break(2017, "grades 9-1 2017", ("attainment8", "basics_94", "basics_95"),
          "grades 9 to 1 in English and maths, and a new Attainment 8 scale, from 2017"),
    Break(2018, "ebacc 2018", ("ebacc_94", "ebacc_95", "ebacc_points"),
          "grades 9 to 1 in the other English Baccalaureate subjects from 2018"),
    Break(2022, "after the pandemic 2022", (*_KS2, *_KS4, "absence", "persistent_absence"),
          "results from 2022 follow two years of disrupted schooling without tests"),
    Break(2024, "no progress 2024", _PROGRESS,
          "no progress scores for 2024 and 2025: these pupils took no key stage 1 tests"),
    Break(2025, "no progress 8 2025", _PROGRESS8,
          "no Progress 8 for 2025 and 2026: these pupils took no key stage 2 tests"),
    Break(2020, "key stage 1 scale 2020", ("prior_attainment",),
          "key stage 1 was assessed without levels from 2016, so for the pupils of 2020 and later"),
    Break(2016, "persistent absence 2016", ("persistent_absence",),
          "persistent absence counts a tenth of sessions from 2016, before that 15 per cent"),
)  # fmt: skip


def breaks_between(measure: str, years: tuple[int, ...] | list[int]) -> tuple[Break, ...]:
    """List the breaks that comparing a measure over these years would cross.

    A break in 2018 is crossed when the years hold one before 2018 and one from 2018 on.
    """
    plain = measure.split(".")[0]
    return tuple(
        one for one in BREAKS if plain in one.measures and min(years) < one.year <= max(years)
    )


def refused(measure: str, years: list[int], words: tuple[str, ...]) -> list[Break]:
    """List the breaks of scale that comparing over these years would cross without their word."""
    crossed = breaks_between(measure, years)
    return [one for one in crossed if one.new_scale and one.word not in words]


def not_taken(measure: str, year: int) -> str | None:
    """Say why a measure has no results anywhere in a year; None when it was taken."""
    kind, plain = MEASURES[measure].kind, measure.split(".")[0]
    if kind in ("ks2", "ks4") and year in NO_TESTS_YEARS:
        return "no tests held"
    if (plain in _PROGRESS and year in (2024, 2025)) or (
        plain in _PROGRESS8 and year in (2025, 2026)
    ):
        return "no earlier test to measure progress from"
    return None
