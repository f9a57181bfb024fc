"""Many programmes evaluated at once: the study matched once, each programme as if alone.

The pool, the matching and the gaps are the same for all programmes with the same outcomes, baseline
years and rule, since every school has a gap and the schools of all programmes are nobody's
comparison schools. Only the draws and the verdict are each programme's own. Work is handed out
through any executor of `concurrent.futures`; what comes of it depends on none.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from itertools import chain, product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.errors import DesignError, as_reason
from pepstats.formatting import count_words
from pepstats.impact import (
    MATCHED,
    WHOLE,
    Asked,
    Design,
    Effect,
    Evaluation,
    Gaps,
    Inputs,
    Measured,
    PlaceboDraws,
    choose_lead,
    choose_mode,
    design_comparison,
    draw_programmes,
    find_both_gaps,
    has_gap,
    judge_effects,
    mark_low,
    measure_outcomes,
    no_similar,
    refuse_few,
)
from pepstats.matching import MatchBasis
from pepstats.measures import MEASURES, PUPILS_START, whole_of
from pepstats.programmes.beside import measure_doses, measure_rest
from pepstats.programmes.later import CellRequest, StartCells, add_cells, list_starts, request_cells
from pepstats.programmes.listed import (
    ACCOUNT_COLUMNS,
    LATER,
    NOT_OWN,
    NOT_YET,
    OF_ALL,
    REMARK_COLUMNS,
    SPREAD,
    FoundProgrammes,
    ListedProgramme,
    Remark,
)
from pepstats.schools import Panel
from pepstats.settings import Programme, lead_with

Numbers = NDArray[np.float64]

AT_A_TIME = 12
"""Programmes handed to a worker at a time; no number depends on it."""


@dataclass(frozen=True)
class Comparison:
    """What programmes of one kind of comparison share: who is compared with whom, and all gaps.

    `gaps` and `yardstick` have, by outcome and year, those of every school of the pool.
    """

    design: Design
    mode: str
    gaps: dict[tuple[str, int], Gaps] = field(repr=False)
    yardstick: dict[tuple[str, int], Gaps] = field(repr=False)

    def measured(self, year: int) -> Measured:
        """Return the gaps of one year, as an evaluation takes up what is known already."""
        of_year = {outcome: one for (outcome, at), one in self.gaps.items() if at == year}
        chance = {outcome: one for (outcome, at), one in self.yardstick.items() if at == year}
        return Measured(self.mode, of_year, chance, pd.DataFrame())


@dataclass(frozen=True)
class Standing:
    """One programme's estimate in one outcome beside its placebo draws.

    `chance` are the draws on the estimate's own scale and `city` the authority of each, 0 where
    schools may be anywhere; `home` is the programme's own authority, 0 where it is in several.
    `shares` is what each school counts in the estimate, `variance` that of each school's gap and
    `city_variance` that of an authority's good or bad year.
    """

    programme: str
    outcome: str
    unit: str
    estimate: float
    chance: Numbers = field(repr=False)
    city: NDArray[np.int64] = field(repr=False)
    cities: int
    home: int
    shares: pd.Series = field(repr=False)
    variance: pd.Series = field(repr=False)
    city_variance: float

    @property
    def spread(self) -> float:
        """The standard deviation of the placebo draws."""
        return float(np.nanstd(self.chance, ddof=1))


@dataclass(frozen=True)
class Estimated:
    """What came of one programme, or the `reason` why nothing could."""

    programme: str
    reason: str = ""
    effects: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    refused: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    standing: tuple[Standing, ...] = field(default=(), repr=False)
    cells: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    rest: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    doses: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True)
class Sweep:
    """Many programmes, each evaluated as if alone.

    Attributes
    ----------
    account
        One row per programme entered: `programme`, `title`, `kind`, `listed` and `found` schools,
        whether `evaluated`, and the `reason` where not.
    remarks
        What has to be said of a programme's list: `what`, `programme`, `detail`.
    found
        Those evaluated, in the order they were entered.
    """

    account: pd.DataFrame
    remarks: pd.DataFrame
    found: tuple[Estimated, ...] = field(repr=False)

    def __repr__(self) -> str:
        """Return one short line."""
        return f"Sweep({len(self.found)} of {len(self.account)} programmes evaluated)"

    @cached_property
    def effects(self) -> pd.DataFrame:
        """One row per programme and outcome, the columns of `effects.csv`."""
        return _stack([one.effects for one in self.found])

    @cached_property
    def refused(self) -> pd.DataFrame:
        """Outcomes that are given no effect, with `programme` and the reason."""
        return _stack([one.refused.assign(programme=one.programme) for one in self.found])

    @cached_property
    def cells(self) -> pd.DataFrame:
        """Schools that joined later, by start and year, then all starts: see `StartCells`."""
        return _stack([one.cells for one in self.found])

    @cached_property
    def rest(self) -> pd.DataFrame:
        """Each programme's schools and their authority's other schools: see `measure_rest`."""
        return _stack([one.rest for one in self.found])

    @cached_property
    def doses(self) -> pd.DataFrame:
        """How the gap goes with how much each school had: see `measure_doses`."""
        return _stack([one.doses for one in self.found])

    def standing(self, outcome: str) -> list[Standing]:
        """List every programme's estimate in one outcome, in the order they were entered."""
        return [one for found in self.found for one in found.standing if one.outcome == outcome]

    @cached_property
    def outcomes(self) -> tuple[str, ...]:
        """The outcomes estimated, those of most programmes first."""
        counted = Counter(one.outcome for found in self.found for one in found.standing)
        return tuple(outcome for outcome, _ in counted.most_common())


def _stack(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    there = [table for table in tables if len(table)]
    return pd.concat(there, ignore_index=True) if there else pd.DataFrame()


def evaluate_programmes(
    found: FoundProgrammes,
    inputs: Inputs,
    barred: Iterable[int] = (),
    executor: Executor | None = None,
) -> Sweep:
    """Evaluate many programmes, every school of any of them barred from being compared with.

    `inputs` are a study's: panel, register, year and England's levels; `barred` what it bars
    already. Work goes through `executor` where one is given, and is done here where none is.
    """
    hand_out = map if executor is None else executor.map
    never = tuple(sorted({*barred, *found.schools}))
    mode_of = cache(lambda outcome: choose_mode(inputs.panel, outcome, inputs.year, never))
    plans = [_plan(one, inputs, mode_of) for one in found.programmes]
    asked: dict[str, _Wanted] = {}
    for plan in plans:
        for want in plan.wanted:
            asked[want.key] = asked[want.key].join(want) if want.key in asked else want
    narrow = _narrow(inputs, found.programmes)
    compare = partial(_compare, inputs=narrow, barred=never)
    made = dict(zip(asked, hand_out(compare, list(asked.values())), strict=True))
    evaluate = partial(_evaluate_share, inputs=narrow, doses=count_doses(found.programmes))
    results = [one for part in hand_out(evaluate, list(_share_out(plans, made))) for one in part]
    return _collect(found, {one.programme: one for one in results})


DOSE_KINDS = ("network", "conference", "course", "event")
"""Kinds of programme that are a dose of something to the schools of others."""


def count_doses(programmes: Iterable[ListedProgramme]) -> pd.DataFrame:
    """Count the networks, conferences, courses and events each school takes part in, by kind."""
    rows = [
        (school, one.kind.lower(), 1)
        for one in programmes
        if one.kind.lower() in DOSE_KINDS
        for school in one.schools
    ]
    table = pd.DataFrame(rows, columns=["school", "kind", "n"])
    return table.pivot_table(index="school", columns="kind", values="n", aggfunc="sum").fillna(0.0)


@dataclass(frozen=True)
class _Wanted:
    """One comparison that programmes need: a programme that asks for it, and gaps of what."""

    key: str
    programme: Programme
    mode: str
    gaps: tuple[tuple[str, int], ...]
    schools: frozenset[int] = field(repr=False)

    def join(self, other: _Wanted) -> _Wanted:
        gaps = tuple(dict.fromkeys((*self.gaps, *other.gaps)))
        return replace(self, gaps=gaps, schools=self.schools | other.schools)


@dataclass(frozen=True)
class _Plan:
    """What a programme needs: its own comparison first, then one for each later start."""

    listed: ListedProgramme
    wanted: tuple[_Wanted, ...]
    requests: tuple[CellRequest, ...]


def _plan(listed: ListedProgramme, inputs: Inputs, mode_of: Callable[[str], str]) -> _Plan:
    """Say which comparisons a programme needs, with the outcome first that leads."""
    lead = choose_lead(listed.programme, inputs, listed.schools)
    programme, year = lead_with(listed.programme, lead), inputs.year
    mode = mode_of(programme.primary)
    starts = list_starts(programme, listed.members["joined"])
    requests: list[CellRequest] = []
    if mode == MATCHED and starts.ne(programme.starts).any():
        requests = request_cells(programme, inputs.panel, starts, year)
    own: list[tuple[Programme, Iterable[str], Iterable[int]]]
    own = [(programme, programme.outcomes, (year,))]
    for one in requests:
        if not one.reason:
            asked = programme.model_copy(update={"baseline": one.baseline, "starts": one.start})
            own.append((asked, (programme.primary,), one.years))
    wanted = [
        _Wanted(_name_comparison(asked, mode), asked, mode, tuple(product(outcomes, years)),
                frozenset(listed.schools))
        for asked, outcomes, years in own
    ]  # fmt: skip
    return _Plan(listed, tuple(wanted), tuple(requests))


def _name_comparison(programme: Programme, mode: str) -> str:
    """Name a comparison by all that decides who is compared with whom, and from which years."""
    basis = MatchBasis.of(programme)
    weighed = sorted(basis.measured & set(basis.rule.near))
    parts = (programme.match.model_dump_json(), programme.pool.model_dump_json(), programme.phase,
             sorted(programme.baseline), basis.variables(), weighed, mode)  # fmt: skip
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _narrow(inputs: Inputs, programmes: Iterable[ListedProgramme]) -> Inputs:
    """Keep of the inputs what programmes are estimated from, so that little is handed out."""
    named = {name for one in programmes
             for name in (*one.programme.outcomes, *one.programme.match.near)}  # fmt: skip
    named |= {whole_of(name) for name in named}
    named |= {MEASURES[name].cohort for name in named} | set(chain(*PUPILS_START.values()))
    panel = inputs.panel
    kept = [name for name in panel.values if name in named]
    known = ["la", "phase", "type", "school_type", "governance"]
    return replace(
        inputs, others=(), similar=no_similar(), rules=None,
        panel=Panel(panel.values[kept], panel.reasons[kept], panel.releases[kept]),
        register=inputs.register[[name for name in known if name in inputs.register]],
    )  # fmt: skip


def _compare(want: _Wanted, inputs: Inputs, barred: tuple[int, ...]) -> Comparison | str:
    """Match every school and find its gaps once, for all programmes; or say why that cannot be."""
    programme = want.programme
    try:
        design = design_comparison(programme, inputs.panel, inputs.register, want.schools, barred)
    except DesignError as error:
        return _reason_of(error, programme)
    gaps, yardstick = dict[tuple[str, int], Gaps](), dict[tuple[str, int], Gaps]()
    for outcome, year in want.gaps:
        asked = Asked(outcome, programme.baseline, year, design.barred)
        try:
            both = find_both_gaps(asked, design, inputs, want.mode)
        except DesignError:  # each programme that asks for it says so
            continue
        gaps[outcome, year], yardstick[outcome, year] = both
    return Comparison(design, want.mode, gaps, yardstick)


def _reason_of(error: DesignError, programme: Programme) -> str:
    return as_reason(error).removeprefix(f"{programme.file}: ")


_Made = Mapping[str, Comparison | str]


def _share_out(plans: Sequence[_Plan], made: _Made) -> Iterator[tuple[list[_Plan], _Made]]:
    """Part the programmes by their comparison, a few at a time, with the comparisons they need."""
    alike = defaultdict[str, list[_Plan]](list)
    for plan in plans:
        alike[plan.wanted[0].key].append(plan)
    for own in alike.values():
        for at in range(0, len(own), AT_A_TIME):
            some = own[at : at + AT_A_TIME]
            keys = {want.key for plan in some for want in plan.wanted}
            yield some, {key: made[key] for key in sorted(keys)}


def _evaluate_share(
    share: tuple[list[_Plan], _Made], inputs: Inputs, doses: pd.DataFrame
) -> list[Estimated]:
    plans, made = share
    return [_evaluate(plan, made, inputs, doses) for plan in plans]


def _evaluate(plan: _Plan, made: _Made, inputs: Inputs, counted: pd.DataFrame) -> Estimated:
    """Evaluate one programme as `evaluate` does, from gaps that are known."""
    listed, want = plan.listed, plan.wanted[0]
    programme, comparison = want.programme, made[want.key]
    if isinstance(comparison, str):
        return Estimated(programme.slug, comparison)
    inputs = replace(inputs, members=listed.members.assign(also_in=0))
    design = comparison.design.with_members(listed.schools)
    try:
        refuse_few(programme, design)
        known = comparison.measured(inputs.year)
        measured = measure_outcomes(programme, design, inputs, want.mode, known)
        yardstick = measured.yardstick[programme.primary]
        low = mark_low(programme, inputs.panel, yardstick, design.members)
        draws = draw_programmes(programme, design, inputs, measured)
        judged = judge_effects(programme, design, inputs, measured, draws, ())
    except DesignError as error:
        return Estimated(programme.slug, _reason_of(error, programme))
    standing = [_stand(one, judged) for one in judged.effect_list]
    cells = _add_later(plan, made, measured, draws, low)
    if cells is not None:  # each school counts from its own first year
        standing = [
            replace(one, estimate=cells.estimate, chance=cells.chance, shares=cells.shares,
                    variance=cells.variance) if one.outcome == programme.primary else one
            for one in standing
        ]  # fmt: skip
    first = measured.gaps[programme.primary]
    own = has_gap(first, design.members)
    rest = doses = pd.DataFrame()
    if want.mode == MATCHED:
        rest = measure_rest(programme, first, draws, (own, design.barred),
                            judged.placebo[programme.primary].to_numpy(float))  # fmt: skip
        doses = measure_doses(programme, first, draws, _list_doses(listed, counted), low)
    return Estimated(
        programme.slug, "", judged.effects, measured.refused, tuple(standing),
        pd.DataFrame() if cells is None else cells.table, rest, doses,
        tuple(_list_remarks(plan, draws, inputs.year, own_years=cells is not None)),
    )  # fmt: skip


def _stand(effect: Effect, judged: Evaluation) -> Standing:
    """Set one effect beside its draws, with what each school counts in it."""
    gaps, draws = judged.measured.gaps[effect.outcome], judged.draws
    table = gaps.table.loc[has_gap(gaps, judged.design.members)]
    most = int(table["la"].mode().iloc[0])
    home = most if table["la"].eq(most).mean() >= WHOLE else 0
    return Standing(
        effect.programme, effect.outcome, effect.unit, effect.estimate,
        judged.placebo[effect.outcome].to_numpy(float), draws.authorities.astype(np.int32),
        draws.usable, home, table["weight"] / table["weight"].sum(), table["variance"],
        gaps.city_variance,
    )  # fmt: skip


def _add_later(
    plan: _Plan, made: _Made, measured: Measured, draws: PlaceboDraws, low: pd.Series
) -> StartCells | None:
    """Estimate the cells of a programme whose schools started in several years."""
    if not plan.requests:
        return None
    programme = plan.wanted[0].programme
    gaps: dict[tuple[int, int], Gaps] = {}
    for want in plan.wanted[1:]:
        comparison = made[want.key]
        if not isinstance(comparison, str):
            start, known = want.programme.starts, comparison.gaps
            gaps |= {(start, year): known[outcome, year] for outcome, year in want.gaps
                     if (outcome, year) in known}  # fmt: skip
    pool = measured.yardstick[programme.primary].table.index
    return add_cells(programme, plan.requests, gaps, draws, pool, low)


def _list_doses(listed: ListedProgramme, counted: pd.DataFrame) -> dict[str, pd.Series]:
    """List what each school of a programme had of what: its own dose, and networks and the like."""
    doses = {"as given": pd.to_numeric(listed.members["dose"], errors="coerce")}
    for kind in counted.columns.drop(listed.kind.lower(), errors="ignore"):
        own = counted[kind].reindex(listed.members.index).fillna(0.0)
        if own.any():
            doses[f"number of each school's programmes of kind `{kind}`"] = own
    return {name: one for name, one in doses.items() if one.notna().any()}


def _list_remarks(
    plan: _Plan, draws: PlaceboDraws, year: int, *, own_years: bool
) -> Iterator[Remark]:
    programme, joined = plan.listed.programme, plan.listed.members["joined"].dropna()
    slug, starts = programme.slug, list_starts(programme, joined)
    if plan.wanted[0].programme.primary != programme.primary:
        yield Remark(OF_ALL, slug, programme.primary)
    if not draws.within:
        yield Remark(SPREAD, slug, f"{draws.too_small} authorities")
    for what, some in (
        (LATER, starts.between(programme.starts + 1, year)),
        (NOT_YET, starts > year),
    ):
        if some.any():
            said = what if own_years else NOT_OWN
            yield Remark(said, slug, count_words(int(some.sum()), "school"))


def _collect(found: FoundProgrammes, results: dict[str, Estimated]) -> Sweep:
    """Put results in the order in which programmes were entered, and account for every one."""
    done = [results[one.programme.slug] for one in found.programmes]
    rows = [
        (one.programme.slug, one.programme.title, one.kind, one.listed, len(one.schools),
         not result.reason, result.reason)
        for one, result in zip(found.programmes, done, strict=True)
    ]  # fmt: skip
    account = pd.DataFrame(rows, columns=ACCOUNT_COLUMNS)
    account = pd.concat([account, found.left_out], ignore_index=True) if rows else found.left_out
    remarks = [*found.remarks, *(said for one in done for said in one.remarks)]
    said = pd.DataFrame([vars(one) for one in remarks], columns=REMARK_COLUMNS)
    return Sweep(account, said, tuple(one for one in done if not one.reason))
