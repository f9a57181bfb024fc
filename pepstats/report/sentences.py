"""One effect in sentences: what was seen, how sure we are, and how chance alone would look."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import pandas as pd

from pepstats.errors import DesignError, nearest
from pepstats.formatting import (
    count_words,
    format_number,
    per_hundred,
    round_half_up,
    school_year,
    spell_number,
)
from pepstats.impact import (
    FEWEST_MEASURED,
    FORECAST,
    GAINED,
    HOW,
    LADDER,
    LOST,
    MATCHED,
    PRIORS,
    PROBABLY_GAINED,
    PROBABLY_LOST,
    TELLING,
    UNCERTAIN,
)
from pepstats.measures import GAP, find_measure, name_pupils, outcome_label, whole_of
from pepstats.plots import LineNote
from pepstats.report.disclosure import HELD


@dataclass(frozen=True)
class Result:
    """What a sentence needs to know of one effect: its rows of `effects.csv` and `weighed.csv`."""

    outcome: str
    unit: str
    estimate: float
    low: float
    high: float
    p_placebo: float
    n_schools: int
    n_placebo: int
    year: int
    release: str
    verdict: str
    mode: str = MATCHED
    smallest: float = math.nan
    overstates: float = math.nan
    unequal_odds: float = math.nan
    reason: str = ""
    n_comparison: int = 0
    p_low: float = math.nan
    p_high: float = math.nan
    p_adjusted: float = math.nan
    n_authorities: int = 0
    borderline: bool = False
    n_places: int = 0

    @property
    def known(self) -> bool:
        """Whether there is an estimate at all."""
        return math.isfinite(self.estimate)

    def as_printed(self) -> Result:
        """Return it with its estimate and interval rounded, so that nothing finer is drawn."""
        estimate, low, high = (
            float(round_half_up(value, self.places))
            for value in (self.estimate, self.low, self.high)
        )
        return replace(self, estimate=estimate, low=low, high=high)

    @property
    def places(self) -> int:
        """How many decimals its figures are printed with."""
        return find_measure(self.outcome).decimals


def read_result(row: Mapping[Hashable, Any]) -> Result:
    """Read a row of `effects.csv`, refusing a verdict that is not on the ladder."""
    result = Result(**{one.name: row[one.name] for one in fields(Result) if one.name in row})
    where = f"effects, outcome {result.outcome}"
    if result.known and result.verdict not in LADDER:
        verdict = str(result.verdict)
        raise DesignError(f"{where}: `{verdict}` is not a verdict. {nearest(verdict, LADDER)}")
    if result.mode not in HOW:
        mode = str(result.mode)
        raise DesignError(f"{where}: `{mode}` is not a mode. {nearest(mode, HOW)}")
    return result


def outcome_words(outcome: str) -> str:
    """Name an outcome inside a sentence, without its pupils: the percentage reaching ..."""
    label = outcome_label(whole_of(outcome)).partition(": ")[0]
    for mark in ("% of pupils ", "% "):
        if label.startswith(mark):
            label = f"percentage {label.removeprefix(mark)}"
    if outcome.endswith(GAP):
        return f"the gap to other pupils of the same school (a plus means narrower) in the {label}"
    return f"the {label}"


def size_words(value: float, result: Result, places: int = 1) -> str:
    """Write a difference in a result's unit, its sign shown; also one that rounds to nothing."""
    if result.verdict != UNCERTAIN and value and not round_half_up(value, places):
        return f"less than {format_number(10.0**-places, places)} {result.unit}"
    return f"{format_number(value, places, signed=True)} {result.unit}"


def interval_words(low: float, high: float, places: int = 1) -> str:
    """Write an interval as it stands in a sentence."""
    return f"likely range {format_number(low, places)} to {format_number(high, places)}"


def span_words(result: Result) -> str:
    """Write what stands in brackets after an estimate: interval, schools, release and year."""
    return (
        f"{interval_words(result.low, result.high, result.places)} {result.unit}; "
        f"{count_words(result.n_schools, 'school')}; "
        f"{result.release} results for {school_year(result.year)}"
    )


SAID = {
    # a verdict, and how a sentence says it of results; {others} are what they are set against
    GAINED: "results gained on {others}",
    PROBABLY_GAINED: "results probably gained on {others}",
    UNCERTAIN: f"it is {UNCERTAIN} whether results gained or lost ground",
    PROBABLY_LOST: "results probably lost ground against {others}",
    LOST: "results lost ground against {others}",
}
OTHERS = {MATCHED: "similar schools", FORECAST: "the forecast"}
EXPECTED = {MATCHED: "similar schools' results would lead us to expect", FORECAST: "forecast"}


def effect_sentence(result: Result) -> str:
    """Write whose results, the verdict, how large it is and how sure: one sentence; never why."""
    whose, what = name_pupils(result.outcome), outcome_words(result.outcome)
    if result.reason == HELD:
        return f"For {whose}, the estimate of {what} is {HELD}."
    if not result.known:
        few = "too few of the programme's schools have results that can be compared"
        return f"For {whose}, no estimate can be given of {what}: {result.reason or few}."
    verdict = SAID[result.verdict].format(others=OTHERS[result.mode])
    verdict += " (borderline)" if result.borderline else ""
    return (
        f"For {whose}, {verdict}: {what} was {about_words(result)} "
        f"({likely_words(result)}; {result.release} results for {school_year(result.year)}, "
        f"{count_words(result.n_schools, 'school')})."
    )


SAME = "about the same as"


def about_words(result: Result) -> str:
    """Write an estimate at what it bears: about so many points higher than was expected."""
    size, expected = _number(result.estimate, result), EXPECTED[result.mode]
    if size == _number(0, result):
        if result.verdict == UNCERTAIN:
            return f"{SAME} {expected}"
        least = {"0": "1", "0.0": "0.1", "0.00": "0.01"}[size]
        unit = result.unit.removesuffix("s")
        return f"less than {least} {unit} {_direction(result.estimate)} than {expected}"
    unit = result.unit.removesuffix("s") if size == "1" else result.unit
    return f"about {size} {unit} {_direction(result.estimate)} than {expected}"


def likely_words(result: Result) -> str:
    """Write the likely range at what it bears: from 4 points lower to 20 points higher."""
    ends = []
    for end in (result.low, result.high):
        size = _number(end, result)
        side = "below" if end < 0 else "above"
        points = "point" if size == "1" else "points"
        none = size == _number(0, result)
        said = f"just {side} zero" if none else f"{size} {points} {_direction(end)}"
        ends.append("zero" if end == 0 else said)
    low, high = ends
    if low.split(" ", 1)[-1] == high.split(" ", 1)[-1] and "zero" not in low:
        low = low.split(" ")[0]
    if low == high:
        return f"likely range: {low}"
    return f"likely range: from {low} to {high}"


def _direction(value: float) -> str:
    return "higher" if value > 0 else "lower"


def _number(value: float, result: Result) -> str:
    """Write a size without its sign: points of a percentage whole, other scores as printed."""
    percent = find_measure(result.outcome).unit == "percentage points"
    return format_number(abs(value), 0 if percent else result.places)


def chance_sentence(result: Result) -> str:
    """Write how often chance alone would show as much, how sure that is, and what follows."""
    if result.reason == HELD:
        return ""
    if not result.known or not math.isfinite(result.p_placebo) or result.n_placebo < 1:
        return "There were too few schools to test whether this could be chance."
    where = f", in {result.n_authorities} authorities" if result.n_authorities else ""
    made, found = "repeated the calculation", "showed a difference"
    if result.mode == FORECAST:
        made = "compared results of an earlier year, which are published, with such a forecast"
    said = [
        f"To test whether the difference found could be chance, we {made} for "
        f"{result.n_placebo:,} groups of schools elsewhere that were not in the programme{where}."
    ]
    places = result.n_authorities or result.n_places
    if not result.n_authorities:
        said.append(
            "Each group has schools of several authorities. Schools of one authority have good and "
            "bad years together, "
            + ("and the calculation allows for that." if places >= FEWEST_MEASURED else
               "and there are too few authorities to allow for that.")
        )  # fmt: skip
    least = 1 / (places + 1) if places else 0.0
    if result.p_placebo > least + 1e-9:
        said.append(f"{_often(result.p_placebo)} {found} at least as large{_range_of(result)}.")
    else:
        said.append(
            f"Few {found} at least as large. With {spell_number(places)} authorities to compare "
            f"with, no figure below {max(per_hundred(least), 1)} in 100 can be given."
        )
    if result.p_adjusted > result.p_placebo + 0.005:
        said.append(
            "The more results a paper looks at, the likelier it is that one is large by chance. "
            f"Allowing for that, the figure is {_often(result.p_adjusted).lower()}."
        )
    return " ".join([*said, *_bordering(result)])


def _bordering(result: Result) -> Iterator[str]:
    """Write what a verdict near a border, or of few authorities, has to be read with."""
    places = result.n_authorities or result.n_places
    if result.borderline:
        other = "authorities" if result.n_authorities else "groups of schools"
        yield (
            "Results are said to have gained or lost ground where this figure is 5 in 100 or less, "
            "and probably so where it is 10 or less. This result is borderline: compared with "
            f"other {other}, it could have had another verdict."
        )
    if 0 < places < TELLING:
        yield (
            f"With {spell_number(places)} authorities to compare with, no "
            f"difference, however large, could have had the verdict \u201c{GAINED}\u201d or "
            f"\u201c{LOST}\u201d."
        )


def _range_of(result: Result) -> str:
    """Write between what shares chance lies, going by which authorities there are."""
    if not result.n_authorities or not math.isfinite(result.p_low):
        return ""
    low, high = per_hundred(result.p_low), per_hundred(result.p_high)
    return (
        ""
        if low == high
        else f" (between {low} and {high}, depending on which authorities are compared)"
    )


def _often(share: float) -> str:
    """Write a share of placebo programmes as so many in a hundred, never as none or all."""
    if not math.isfinite(share):
        return "Not known"
    hundred = per_hundred(share)
    if hundred == 0:
        return "Fewer than 1 in 100"
    return "Nearly all" if hundred >= 100 else f"About {hundred} in 100"


def smallest_sentence(result: Result) -> str:
    """Write how large a true effect must be to be found four times in five."""
    if not result.known or not math.isfinite(result.smallest):
        return ""
    unit = result.unit.removeprefix("percentage ")
    return (
        f"With {count_words(result.n_schools, 'school')}, the evaluation could reliably detect "
        f"only an effect of about {_number(result.smallest, result)} {unit} or more."
    )


def verdict_words(result: Result) -> str:
    """Write a verdict and how sure it is, for a table."""
    sure = f"{_often(result.p_adjusted)} groups of schools without the programme changed as much"
    if result.p_adjusted > result.p_placebo + 0.005:
        sure += ", allowing for all the results looked at together"
    if result.reason == HELD:
        return f"{HELD[0].upper()}{HELD[1:]}"
    verdict = result.verdict.capitalize() or "No estimate"
    if times := overstated_words(result):
        verdict = f"{verdict} ({times})"
    return f"{verdict}. {sure if result.known else 'No estimate'}"


def overstated_words(result: Result) -> str:
    """Write how many times the truth what is called a gain is on average; nothing of others."""
    if result.verdict != GAINED or not math.isfinite(result.overstates):
        return ""
    return f"such estimates are on average {format_number(result.overstates)} times the true gain"


def overstated_sentence(result: Result) -> str:
    """Write by how much what is called a gain overstates the true one; of others nothing."""
    if not (words := overstated_words(result)):
        return ""
    return (
        "Gains large enough to be told from chance tend to be overstated: if true effects are like "
        f"those found in large trials, {words}."
    )


def unequal_sentence(result: Result) -> str:
    """Write how unequally likely authorities may have been for what is clear to stay so."""
    odds = result.unequal_odds
    if not math.isfinite(odds):
        return ""
    if odds < 1.1:
        return (
            "If some authorities were only a little likelier than others to have had the "
            "programme, 5 in 100 or more could have changed this much. This does not allow for the "
            "other results looked at."
        )
    times = "more than ten times" if odds > 10 else f"{spell_number(int(odds))} times"
    if odds < 3:
        times = "twice" if odds >= 2 else f"{math.floor(10 * odds) / 10} times"
    return (
        f"Even if some authorities were {times} as likely as others to have had the programme, "
        "arranged in the way that suits this result least, fewer than 5 in 100 would have changed "
        "this much. This does not allow for the other results looked at."
    )


def weighed_sentence(result: Result, weighed: pd.DataFrame) -> str:
    """Write what a result comes to when weighed with what large trials find, or why it is not."""
    row = next((r for r in weighed.to_dict("records") if r["outcome"] == result.outcome), None)
    if row is None or not result.known:
        return ""
    if isinstance(row["reason"], str) and row["reason"]:
        return f"This result has not been combined with those of large trials: {row['reason']}."
    ends = sorted(row[f"shrunken_{prior.name}"] for prior in PRIORS)
    within = ends[0] <= result.estimate <= ends[1]
    beside = "; these results alone give" if within else " rather than"
    alone = format_number(result.estimate, find_measure(result.outcome).decimals)
    words = (
        "Large trials in schools usually find small gains, about a month. Combining this result "
        f"with them, our best estimate is {weighed_range(row, result.outcome)} {result.unit}"
        f"{beside} {alone} ({span_words(result)}). The chance that it helped at all is "
        f"{chance_range(row, 'helped')} in 100 (before these results: "
        f"{chance_range(row, 'helped_before')})"
    )
    if long := chance_range(row, "two_months"):
        before = chance_range(row, "two_months_before")
        words += f"; that it was worth two months or more, {long} (before: {before})"
    return f"{words}."


def weighed_range(row: Mapping[Hashable, Any], outcome: str) -> str:
    """Write the estimate weighed with each prior as a range, from the lower to the higher."""
    places = find_measure(outcome).decimals
    ends = sorted(row[f"shrunken_{prior.name}"] for prior in PRIORS)
    return " to ".join(dict.fromkeys(format_number(end, places) for end in ends))


def chance_range(row: Mapping[Hashable, Any], name: str) -> str:
    """Write a chance under each prior as a range, in 100, rounded to 5; nothing where unknown."""
    ends = sorted(row[f"{name}_{prior.name}"] for prior in PRIORS)
    if not all(map(math.isfinite, ends)):
        return ""
    said = " to ".join(dict.fromkeys(map(_in_fives, ends)))
    return {"95 to more than 95": "95 or more", "fewer than 5 to 5": "5 or fewer"}.get(said, said)


def _in_fives(share: float) -> str:
    """Write a chance to the nearest 5 in 100; never as none or all."""
    fives = 5 * int(round_half_up(20 * share))
    return {0: "fewer than 5", 100: "more than 95"}.get(fives, str(fives))


def short_result(result: Result) -> str:
    """Write an estimate and all that must stand beside it, without its outcome."""
    if result.reason == HELD:
        return f"No estimate: {HELD}"
    if not result.known:
        return f"No estimate: {result.reason or 'too few schools have results to compare'}"
    places = result.places
    against = HOW[result.mode]
    return f"{size_words(result.estimate, result, places)}, {against} ({span_words(result)})"


def explain_lines(effects: pd.DataFrame) -> dict[str, LineNote]:
    """Write under each outcome's two lines what they leave out, and what the estimate is."""
    results = map(read_result, effects.to_dict("records"))
    return {
        result.outcome: LineNote(_after_allowing(result), "forecast")
        if result.mode == FORECAST
        else LineNote(_after_allowing(result))
        for result in results
        if result.known
    }


def _after_allowing(result: Result) -> str:
    size = size_words(result.estimate, result, result.places)
    if result.mode == MATCHED:
        return (
            "The lines are not adjusted for school size and earlier results. After adjustment the "
            f"difference is {size}"
        )
    return f"{forecast_note(result.mode, result.year)}. The difference is {size}"


def forecast_note(mode: str, year: int) -> str:
    """Write what the end of the dashed line is, before other schools' results are published."""
    if mode != FORECAST:
        return ""
    return (
        f"The dashed line for {school_year(year)} is a forecast, as results for other schools are "
        "not yet published"
    )


NEVER = "one school left out"  # what `checks` calls those whose figures are never shown early


def say_one_school(checks: pd.DataFrame) -> str:
    """Write whether leaving out any one school would move the verdict's side of zero."""
    if checks.empty:
        return ""
    rows = checks[checks["estimate"].notna()]
    left = rows[rows["check"].str.contains(NEVER)]
    if left.empty:
        return ""
    first = rows.iloc[0]
    clear = not first["low"] <= 0 <= first["high"]
    same = all((not row["low"] <= 0 <= row["high"]) == clear for row in left.to_dict("records"))
    return (
        "Leaving out any one school does not change whether the likely range includes zero."
        if same
        else "Leaving out one of the schools would change whether the likely range includes zero."
    )
