"""One evaluation: a programme's design, gaps, placebo draws and effects, and what they are worth.

It is made in four moves, each a function that can be called alone: `choose_mode`,
`measure_outcomes`, `draw_programmes`, `judge_effects`. `evaluate_design` makes all four.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from pepstats.display import draw_lines, html_of
from pepstats.errors import DesignError, as_reason, nearest
from pepstats.formatting import count_words, format_number, school_year, settle_table
from pepstats.impact.design import (
    FEWEST_SCHOOLS,
    Design,
    Inputs,
    change_programme,
    compares_alike,
    design_comparison,
)
from pepstats.impact.effects import (
    FORECAST,
    HOW,
    MATCHED,
    Effect,
    Yardstick,
    estimate_effects,
    list_numbers,
    set_beside,
    tidy_effects,
)
from pepstats.impact.evidence_grade import Grade, grade_programme, list_grade, tabulate_grade
from pepstats.impact.gaps import Asked, Gaps, average_lines, find_gaps
from pepstats.impact.not_estimated import choose_lead, count_outcomes, refuse_outcomes
from pepstats.impact.october import choose_mode, forecast_gaps, levels_of
from pepstats.impact.placebo import (
    PlaceboDraws,
    count_cities,
    draw_placebo,
    has_gap,
    mark_low,
    placebo_estimates,
)
from pepstats.impact.tables import (
    Measured,
    tabulate_draws,
    tabulate_gaps,
    tabulate_lines,
    tabulate_measured,
    tabulate_slopes,
    take_up_draws,
    take_up_effects,
    take_up_measured,
)
from pepstats.impact.value_for_money import (
    choose_months,
    list_worth,
    price_programme,
    tabulate_sizes,
    tabulate_value,
)
from pepstats.impact.weighing import weigh_effects
from pepstats.matching import measure_balance
from pepstats.measures import MEASURES, list_refused_breaks
from pepstats.settings import Programme, lead_with


@dataclass(frozen=True)
class Evaluation:
    """What a programme's schools did, against what was to be expected of them.

    Attributes
    ----------
    programme, inputs
        The programme as it was evaluated, and what it was evaluated from.
    design
        Who is compared with whom: `pool`, `match`, `pairs`, `flow`, `balance`, `overlap`,
        `unmatched`.
    measured
        The gaps of every outcome, for every school of the pool: `mode`, `gaps`, `yardstick`,
        `refused`.
    draws
        The schools of each placebo draw.
    placebo
        One row per draw: `draw`, `la`, then its estimate in each outcome, in the outcome's unit.
    effect_list
        One `Effect` per outcome that has one, the primary first.
    others
        The report's other programmes, that its outcomes are judged together with; none where it
        was taken up from its tables, and they are to be estimated again when asked of.
    """

    programme: Programme
    inputs: Inputs = field(repr=False)
    design: Design = field(repr=False)
    measured: Measured = field(repr=False)
    draws: PlaceboDraws = field(repr=False)
    placebo: pd.DataFrame = field(repr=False)
    effect_list: tuple[Effect, ...] = field(repr=False)
    others: tuple[Yardstick, ...] | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        """Return one short line."""
        first = self.primary
        return (
            f"Evaluation({self.programme.slug}, {first.year}, {self.mode}: {first.outcome} "
            f"{first.estimate:+.2f}, {first.verdict})"
        )

    @property
    def mode(self) -> str:
        """How the schools were compared: with similar schools, or with what was expected."""
        return self.measured.mode

    @property
    def primary(self) -> Effect:
        """The effect in the outcome fixed beforehand."""
        return next(e for e in self.effect_list if e.outcome == self.programme.primary)

    @property
    def refused(self) -> pd.DataFrame:
        """Outcomes that are given no effect: `outcome`, `n_schools`, `n_pupils`, `reason`."""
        return self.measured.refused

    @cached_property
    def gaps(self) -> pd.DataFrame:
        """Members' gaps, one row per `school` and `outcome`: see `Gaps.table`."""
        return tabulate_gaps(self.measured.gaps, self.design.members)

    @cached_property
    def effects(self) -> pd.DataFrame:
        """One row per outcome, the columns of `effects.csv`."""
        return tidy_effects(self.effect_list)

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """The pairs that enter the primary estimate: `school`, `rank`, `comparison`, `distance`.

        None in a forecast, which rests on no school's comparison schools.
        """
        pairs = self.design.pairs
        if self.mode == FORECAST:
            return pairs.iloc[:0]
        own, counted = self._entered
        inside = pairs["school"].isin(own) & pairs["comparison"].isin(counted)
        return pairs[inside].reset_index(drop=True)

    @property
    def _entered(self) -> tuple[list[int], pd.Index]:
        """The members in the primary estimate, and all schools with a result in its outcome."""
        found = self.measured.gaps[self.programme.primary]
        return has_gap(found, self.design.members), found.table["own"].dropna().index

    @cached_property
    def balance(self) -> pd.DataFrame:
        """How alike the schools of the primary estimate were before the start: `measure_balance`.

        In October of those that are to be compared, when other schools' results are out.
        """
        if self.mode == FORECAST:
            return self.design.balance
        (own, counted), one = self._entered, self.design
        return measure_balance(one.pool, one.match, one.members, compared=own, counted=counted)

    @property
    def flow(self) -> pd.DataFrame:
        """Which rule left out how many schools: `step`, `left_out`, `kept`, `members_kept`."""
        return self.design.flow

    @cached_property
    def lines(self) -> pd.DataFrame:
        """Each member's own results and its comparison's, one row per outcome, school and year."""
        return tabulate_lines(self.inputs.panel, self.design, self.measured)

    @cached_property
    def averages(self) -> pd.DataFrame:
        """The two lines, one row per `outcome` and `year`: see `average_lines`."""
        return average_lines(self.lines, self.gaps)

    @cached_property
    def sizes(self) -> pd.DataFrame:
        """Effects on other scales and in months, as far as each may be said: `tabulate_sizes`."""
        pairs = self.design.match.pairs(self.design.members)
        table = choose_months(self.programme, self.inputs.rules)
        return tabulate_sizes(self.effect_list, self.measured.gaps, self.inputs.panel, pairs, table)

    @cached_property
    def weighed(self) -> pd.DataFrame:
        """Effects weighed with what large trials find, beside the verdict: `weigh_effects`."""
        table = choose_months(self.programme, self.inputs.rules)
        return weigh_effects(self.effect_list, self.placebo, self.sizes, self.inputs.panel, table)

    @cached_property
    def grade(self) -> Grade:
        """How strong the evidence is, by criteria like EEF's: a self-assessment."""
        return grade_programme(self.programme, self.primary, self.sizes, self.balance, self.inputs)

    @property
    def evidence(self) -> pd.DataFrame:
        """What the grade rests on, one row per thing: `input`, `value`, `allows`, `note`, ..."""
        return tabulate_grade(self.grade)

    @cached_property
    def value(self) -> pd.DataFrame:
        """What the primary effect is worth: `entry`, `question`, `answer`, `value`."""
        price = price_programme(
            self.programme, self.inputs.panel, self.design.members, self.inputs.rules
        )
        return tabulate_value(self.programme, self.primary, self.sizes, price, self.grade)

    @property
    def numbers(self) -> dict[str, float | int | str]:
        """Every number of the effects, sizes, value and grade, by name."""
        named = list_numbers(self.effects) | list_numbers(self.sizes.drop(columns="unit"))
        return named | list_worth(self.value) | list_grade(self.grade)

    def by_school(self, outcome: str | None = None) -> pd.DataFrame:
        """List members by how far each moved beyond its comparison schools, the furthest first.

        Parameters
        ----------
        outcome
            Which outcome; the primary one where none is named.

        Returns
        -------
        DataFrame
            Index `school`; `name`, `la`, its `own` result and its `comparison` schools' in the
            outcome year, the `gap` after correction, `low` and `high` (95% interval of one school,
            from how such gaps vary where nothing was done) and `weight` in the estimate. A school
            without a gap comes last.

        Raises
        ------
        DesignError
            Where the programme has no estimate in that outcome.
        """
        gaps = self.gaps.reset_index()
        found = gaps[gaps["outcome"] == (outcome or self.programme.primary)].set_index("school")
        if found.empty:
            known = gaps["outcome"].unique()
            raise DesignError(f"no gaps in `{outcome}`. {nearest(str(outcome), known)}")
        reach = 1.96 * np.sqrt(found["variance"])
        found = found.assign(
            name=self.inputs.register["name"].reindex(found.index),
            low=found["gap"] - reach, high=found["gap"] + reach,
        )  # fmt: skip
        columns = ["name", "la", "own", "comparison", "gap", "low", "high", "weight"]
        return found.sort_values("gap", ascending=False, kind="stable")[columns]

    def tidy(self) -> pd.DataFrame:
        """Return one row per outcome: the same as `effects`."""
        return self.effects

    def sentence(self) -> str:
        """Say in one plain sentence what was seen in the primary outcome, and how sure we are."""
        one, places = self.primary, MEASURES[self.primary.outcome].decimals
        label, _, group = MEASURES[one.outcome].label.partition(": ")
        low, high = (format_number(n, places, signed=True) for n in (one.low, one.high))
        return (
            f"{self.programme.title}, {label} ({group or 'all pupils'}): "
            f"{format_number(one.estimate, places, signed=True)} {one.unit} {HOW[one.mode]} "
            f"(95% interval {low} to {high}; {count_words(one.n_schools, 'school')}; "
            f"{one.release} results for {school_year(one.year)}): {one.verdict}."
        )

    def what_if(
        self,
        *,
        members: Iterable[int] | None = None,
        without: Iterable[int] = (),
        **changed: object,
    ) -> Evaluation:
        """Evaluate the programme again with something changed, and all else the same.

        Parameters
        ----------
        members
            The schools to evaluate in place of the programme's own.
        without
            Schools of the programme to leave out.
        **changed
            Fields of the programme (`baseline`, `outcomes`, ...) or of its `match` (`k`,
            `caliper`, `near`, `exact`), as its file has them.

        Returns
        -------
        Evaluation
            From the same inputs and the same seed. Schools left out are still nobody's comparison
            school.

        Raises
        ------
        DesignError
            For a field that a programme does not have, a value that cannot be, or too few schools.
        """
        programme = change_programme(self.programme, **changed)
        kept = set(self.design.members if members is None else members) - set(without)
        design = design_comparison(
            programme, self.inputs.panel, self.inputs.register, kept, self.design.barred
        )
        return evaluate_design(programme, design, self.inputs, self.others)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return every table by the name of its file: all that it takes to take it up again."""
        found = {
            "gaps": self.gaps,
            "gaps-of-all": tabulate_gaps(self.measured.gaps),
            "slopes": tabulate_slopes(self.measured.gaps),
            "effects": self.effects,
            "balance": self.balance,
            "refused": self.refused,
            "placebo": self.placebo,
            "placebo-cities": count_cities(self.draws),
            "lines": self.lines,
            "sizes": self.sizes,
            "weighed": self.weighed,
            "grades": self.evidence,
            "value": self.value,
            "measured": tabulate_measured(self.measured),
            "draws": tabulate_draws(self.draws, self.design),
        }
        if self.mode == FORECAST:
            found["yardstick"] = tabulate_gaps(self.measured.yardstick)
        return found

    def _repr_html_(self) -> str:
        """Return the sentence, the effects and the two lines, as a notebook shows them."""
        one = self.programme
        shown = ["outcome", "estimate", "low", "high", "unit", "n_schools", "release", "verdict"]
        return html_of(
            one.title,
            self.sentence(),
            {"Effects": self.effects[shown], "Outcomes without an effect": self.refused},
            draw_lines(self.averages, one.primary, one.title, one.starts),
        )


def evaluate_design(
    programme: Programme, design: Design, inputs: Inputs, others: Sequence[Yardstick] | None = None
) -> Evaluation:
    """Evaluate every outcome of a programme in one year, against placebo programmes.

    Where schools outside the programmes have that year's results, members are compared with
    similar schools; where only the members have (October), with a forecast from last year's
    schools and the `national` levels. An outcome beside the primary one that too few
    schools or pupils have, or no school but the authority's own, is given no effect but a reason.
    """
    programme = choose_outcomes(programme, design, inputs)
    mode = choose_mode(inputs.panel, programme.primary, inputs.year, design.barred)
    measured = measure_outcomes(programme, design, inputs, mode)
    draws = draw_programmes(programme, design, inputs, measured)
    return judge_effects(programme, design, inputs, measured, draws, others)


def choose_outcomes(programme: Programme, design: Design, inputs: Inputs) -> Programme:
    """Return the programme with the outcome first that leads: see `choose_lead`."""
    return lead_with(programme, choose_lead(programme, inputs, design.members))


def measure_outcomes(
    programme: Programme, design: Design, inputs: Inputs, mode: str, known: Measured | None = None
) -> Measured:
    """Estimate the gaps of every outcome, and the gaps that chance is measured by.

    `known` has gaps that were estimated already, in the same pool by the same match.
    """
    _refuse_years(programme, inputs.year)
    panel, year, own = inputs.panel, inputs.year, design.members
    refused = refuse_outcomes(programme, panel, design.pool.schools, own, year, mode)
    gaps, yardstick, failed = dict[str, Gaps](), dict[str, Gaps](), dict[str, str]()
    for outcome in programme.outcomes:
        if outcome in set(refused["outcome"]):
            continue
        asked = Asked(outcome, programme.baseline, year, design.barred)
        if known is not None and outcome in known.gaps:
            gaps[outcome], yardstick[outcome] = known.gaps[outcome], known.yardstick[outcome]
            continue
        try:
            gaps[outcome], yardstick[outcome] = find_both_gaps(asked, design, inputs, mode)
        except DesignError as error:
            if outcome == programme.primary:
                raise
            failed[outcome] = as_reason(error)
    if failed:
        counted_out = count_outcomes(failed, programme, panel, own, year)
        refused = pd.concat([refused, counted_out], ignore_index=True)
    counted = len(has_gap(gaps[programme.primary], own))
    if counted < FEWEST_SCHOOLS:
        raise DesignError(
            f"{programme.file}: {counted} schools have a result for "
            f"`{programme.primary}` in {year}; at least {FEWEST_SCHOOLS} are needed."
        )
    return Measured(mode, gaps, yardstick, refused)


def _refuse_years(programme: Programme, year: int) -> None:
    """Refuse a year that cannot show the programme, or that cannot be set against the baseline."""
    if year < programme.starts:
        raise DesignError(
            f"{programme.file}: the report's year is {year}, before `starts: "
            f"{programme.starts}`, so no result could show the programme yet."
        )
    years = [*programme.baseline, year]
    for outcome in programme.outcomes:
        for one in list_refused_breaks(outcome, years, programme.compare_across):
            raise DesignError(
                f"{programme.file}: `{outcome}` of {year} cannot be set against "
                f"{min(programme.baseline)}: {one.what}. Change `baseline`, or write "
                f"`compare_across: [{one.word}]` if you mean to."
            )


def find_both_gaps(asked: Asked, design: Design, inputs: Inputs, mode: str) -> tuple[Gaps, Gaps]:
    """Estimate one outcome's gaps, and those that chance is measured by."""
    if mode == MATCHED:
        found = find_gaps(inputs.panel, design.pool, design.match, asked)
        return found, found
    levels = levels_of(asked.outcome, inputs.national)
    return forecast_gaps(inputs.panel, design.pool, design.match, asked, levels)


def draw_programmes(
    programme: Programme, design: Design, inputs: Inputs, measured: Measured
) -> PlaceboDraws:
    """Draw placebo programmes like the real one, by the programme's own seed."""
    yardstick = measured.yardstick[programme.primary]
    return draw_placebo(
        yardstick,
        mark_low(programme, inputs.panel, yardstick, design.members),
        has_gap(measured.gaps[programme.primary], design.members),
        barred=design.barred,
        draws=programme.placebo.draws,
        rng=np.random.default_rng([programme.seed, zlib.crc32(b"made-up programmes")]),
    )


def judge_effects(
    programme: Programme,
    design: Design,
    inputs: Inputs,
    measured: Measured,
    draws: PlaceboDraws,
    others: Sequence[Yardstick] | None = None,
) -> Evaluation:
    """Hold the members' mean gap in every outcome against that of the placebo programmes.

    All outcomes are judged together with those of the report's other programmes: `others`, where
    they were set beside their placebo draws before. What is found is kept at the digits that are
    written, so that whatever is worked out from it is the same when it is taken up again.
    """
    own = design.members
    if others is None:
        others = set_others_beside(programme, design, inputs, measured)
    placebo = placebo_estimates(measured.yardstick, draws, own, real=measured.gaps)
    family = [*others, *set_beside(programme.slug, measured.gaps, placebo, own, draws.usable)]
    family.sort(key=lambda one: one.programme)
    effects = estimate_effects(
        family, programme.slug, measured.gaps, own, count_comparison(design, measured),
        mode=measured.mode,
    )  # fmt: skip
    return Evaluation(
        programme, inputs, design, measured, draws, settle_table(placebo),
        take_up_effects(settle_table(tidy_effects(effects))), tuple(others),
    )  # fmt: skip


def count_comparison(design: Design, measured: Measured) -> dict[str, int]:
    """Count the comparison schools in each outcome's estimate; of a forecast those it rests on."""
    if measured.mode == MATCHED:
        return {
            outcome: len(design.match.serving(has_gap(one, design.members), one.table["own"]))
            for outcome, one in measured.gaps.items()
        }
    gaps = {outcome: one.table["gap"] for outcome, one in measured.yardstick.items()}
    return {o: int(gap[~gap.index.isin(design.barred)].count()) for o, gap in gaps.items()}


def set_others_beside(
    programme: Programme, design: Design, inputs: Inputs, measured: Measured
) -> tuple[Yardstick, ...]:
    """Set the report's other programmes beside their own draws; one not evaluated has no place.

    What is compared as this programme is not matched or estimated again.
    """
    found: list[Yardstick] = []
    for other, members in inputs.others:
        try:
            if alike := compares_alike(other, programme):
                theirs = design.with_members(members)
            else:
                theirs = design_comparison(
                    other, inputs.panel, inputs.register, members, design.barred
                )
            other = choose_outcomes(other, theirs, inputs)
            mode = choose_mode(inputs.panel, other.primary, inputs.year, design.barred)
            known = measured if alike and mode == measured.mode else None
            seen = measure_outcomes(other, theirs, inputs, mode, known)
            draws = draw_programmes(other, theirs, inputs, seen)
        except DesignError:
            continue
        placebo = placebo_estimates(seen.yardstick, draws, theirs.members, real=seen.gaps)
        found += set_beside(other.slug, seen.gaps, placebo, theirs.members, draws.usable)
    return tuple(found)


def take_up_evaluation(
    programme: Programme, design: Design, inputs: Inputs, tables: Mapping[str, pd.DataFrame]
) -> Evaluation:
    """Take up an evaluation from its `tables()`: the same numbers, nothing estimated again."""
    measured, effects = take_up_measured(tables), take_up_effects(tables["effects"])
    draws, led = take_up_draws(tables, design), lead_with(programme, effects[0].outcome)
    return Evaluation(led, inputs, design, measured, draws, tables["placebo"], effects)
