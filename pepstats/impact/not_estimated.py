"""Which outcomes are given no effect, and why: counted and said, never left out without a word."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import pandas as pd

from pepstats.impact.design import FEWEST_SCHOOLS, Inputs
from pepstats.impact.effects import FORECAST, MATCHED
from pepstats.impact.gaps import Asked
from pepstats.impact.october import can_forecast, choose_mode, published_levels
from pepstats.measures import (
    LOCAL_GROUPS,
    MEASURES,
    Break,
    list_refused_breaks,
    whole_of,
    why_not_taken,
)
from pepstats.schools import Panel
from pepstats.settings import Programme

FEWEST = (FEWEST_SCHOOLS, 30)
"""Of fewer schools, or fewer pupils over all the programme's schools, nothing is said."""

FEWEST_OF_GROUP = (10, 100)
"""Schools and pupils below which no effect on a group of pupils is given."""

REFUSED_COLUMNS = ["outcome", "n_schools", "n_pupils", "reason"]

ONLY_HERE = (
    "only the authority's own schools have it, so there is nothing to compare it with: it is "
    "described, and given no effect"
)


def refuse_outcomes(
    programme: Programme,
    panel: Panel,
    pool: pd.DataFrame,
    members: Iterable[int],
    year: int,
    mode: str,
) -> pd.DataFrame:
    """List the outcomes beside the primary one that are given no effect, each with its reason.

    `pool` are the schools that can be compared (index `school`; `la`); what only the members' own
    authority has cannot be compared. One row per outcome: `outcome`, `n_schools` of the programme
    with results in every year compared, `n_pupils` in them that year, `reason`. (The primary
    outcome is never left out: without it there is no evaluation, and the run stops and says so.)
    """
    schools = list(members), pool["la"]
    rows = [
        _assess(programme, panel, outcome, schools, year, mode)
        for outcome in programme.outcomes[1:]
    ]
    return _as_table([row for row in rows if row[-1]])


def choose_lead(programme: Programme, inputs: Inputs, members: Iterable[int]) -> str:
    """Choose the outcome that leads: the first, or all pupils' where a group's has no effect.

    A programme for a group of pupils is judged by the group's own results wherever enough of its
    schools have them, and enough pupils are behind them; before other schools' results are out,
    only where England's figure for the group is.
    """
    first, panel, register, year = programme.primary, inputs.panel, inputs.register, inputs.year
    rest = [outcome for outcome in programme.outcomes if outcome == whole_of(outcome)]
    if first == whole_of(first) or not rest:
        return first
    chosen = list(members)
    mode = choose_mode(panel, first, year, chosen)
    why = _assess(programme, panel, first, (chosen, register["la"]), year, mode)[-1]
    unknown = mode == FORECAST and not can_forecast(first, year, inputs.national)
    return rest[0] if why or unknown else first


def _assess(
    programme: Programme,
    panel: Panel,
    outcome: str,
    schools: tuple[list[int], pd.Series],
    year: int,
    mode: str,
) -> tuple[str, int, int, str]:
    """Count the members that have an outcome, and say why it is given no effect, if it is not."""
    if outcome not in panel.values.columns:
        return outcome, 0, 0, "no source of this study has it"
    if MEASURES[outcome].cohort not in panel.values.columns:
        return outcome, 0, 0, "no source says how many pupils it is of"
    chosen, authority = schools
    elsewhere = authority.index[~authority.isin(authority.reindex(chosen).dropna())]
    years = Asked(outcome, programme.baseline, year).own_years
    results = panel.wide(outcome)
    others, own = results.reindex(index=elsewhere), results.reindex(index=chosen)
    counted, pupils = _count(panel, outcome, own, [*years, year], year)
    needed = [*years, *([year] if mode == MATCHED else [])]
    fewest = FEWEST_OF_GROUP if "." in outcome else FEWEST
    why = _why_refused(own, others, needed, (counted, pupils), fewest)
    return outcome, counted, pupils or 0, why


def count_outcomes(
    reasons: Mapping[str, str],
    programme: Programme,
    panel: Panel,
    members: Iterable[int],
    year: int,
) -> pd.DataFrame:
    """List outcomes refused for other reasons (the first sentence of each), with what they had."""
    chosen, years = list(members), [*programme.baseline, year]
    rows = []
    for outcome, reason in reasons.items():
        own = panel.wide(outcome).reindex(index=chosen)
        schools, pupils = _count(panel, outcome, own, years, year)
        first = reason.removeprefix(f"`{outcome}`: ").split(". ")[0]
        rows.append((outcome, schools, pupils or 0, first))
    return _as_table(rows)


def _as_table(rows: list[tuple[str, int, int, str]]) -> pd.DataFrame:
    counts = {"n_schools": int, "n_pupils": int}
    return pd.DataFrame(rows, columns=REFUSED_COLUMNS).astype(counts)


def _count(
    panel: Panel, outcome: str, own: pd.DataFrame, years: list[int], year: int
) -> tuple[int, int | None]:
    """Count the schools with a result in every year, and their pupils where those are known."""
    there = own.reindex(columns=years).notna().all(axis=1)
    cohort = MEASURES[outcome].cohort
    pupils = panel.wide(cohort).reindex(index=own.index[there], columns=[year])[year]
    return int(there.sum()), int(pupils.sum()) if pupils.notna().any() else None


def _why_refused(
    own: pd.DataFrame,
    others: pd.DataFrame,
    needed: list[int],
    counted: tuple[int, int | None],
    fewest: tuple[int, int],
) -> str:
    """Say why an outcome is given no effect; nothing where it is given one."""
    if not others.notna().any(axis=None):
        return ONLY_HERE if own.notna().any(axis=None) else "no school has a result in it"
    gone = [y for y in needed if y not in others or others[y].isna().all()]
    if gone:
        return f"no school elsewhere has a result in {', '.join(map(str, gone))}"
    schools, pupils = counted
    if schools < fewest[0]:
        return f"too few schools have it in every year compared: at least {fewest[0]} needed"
    if pupils is not None and pupils < fewest[1]:
        return f"too few pupils: at least {fewest[1]} needed"
    return ""


OWN, HERE, ENGLAND = "the programme's schools", "the authority", "England"

DESCRIBED_COLUMNS = [
    "measure", "year", "whose", "value", "n_schools", "n_pupils", "release", "reason",
]  # fmt: skip


def list_described(outcomes: Iterable[str]) -> list[str]:
    """List the groups of a programme's outcomes that are never published by school."""
    first = list(dict.fromkeys(outcome.split(".")[0] for outcome in outcomes))
    named = [f"{outcome}.{group}" for outcome in first for group in LOCAL_GROUPS]
    return [name for name in named if name in MEASURES]


def describe_held(
    panel: Panel, series: pd.DataFrame, outcomes: Iterable[str], members: Iterable[int]
) -> pd.DataFrame:
    """Describe what only the authority holds by school, year by year, beside published series.

    `series` as from `tabulate_series`. One row per `measure`, `year` and `whose`: the
    programme's schools together (each pupil counting alike, never one school), the authority and
    England; `reason` where too few schools or pupils are behind a figure to show it.
    """
    rows = []
    for measure in list_described(outcomes):
        own = _describe_own(panel, measure, list(members))
        listed = series["whose"].isin([HERE, ENGLAND])
        published = series[listed & (series["measure"] == measure)]
        if not own and published.empty:
            continue
        rows += own
        rows += [
            (measure, int(row["year"]), row["whose"], row["value"], None, None, "published",
             row["reason"])
            for row in published.to_dict("records")
        ]  # fmt: skip
    table = pd.DataFrame(rows, columns=DESCRIBED_COLUMNS)
    whole = {"n_schools": "Int64", "n_pupils": "Int64"}
    return table.astype(whole).sort_values(["measure", "year", "whose"], ignore_index=True)


FEWEST_AUTHORITIES = 20
"""With fewer authorities there is no saying how their figures vary."""

DETECTABLE = 2.8
"""Standard deviations of a change that is found four times in five at a level of 5 in 100."""

SERIES_COLUMNS = [
    "measure", "year", "here", "england", "low", "high", "n_authorities", "change",
    "england_change", "spread", "smallest", "reason",
]  # fmt: skip


def describe_series(programme: Programme, series: pd.DataFrame) -> pd.DataFrame:
    """Describe a group that only authorities publish: the authority, England and other authorities.

    `series` as from `tabulate_series`. One row per year of the primary outcome, from the first to
    the last: `here`, `england`, the middle half of authorities (`low` to `high`), and the `change`
    from the mean of the two years before, beside its standard deviation over other authorities
    (`spread`) and the `smallest` change that can be told from chance, 2.8 of these. `reason` says
    why there is no change. No effect: a change in a whole authority is not a programme's. Empty
    for a programme of another kind.
    """
    measure = f"{whole_of(programme.primary)}.{programme.whom}"
    own = series[series["measure"] == measure]
    if programme.whom not in LOCAL_GROUPS or own.empty:
        return pd.DataFrame(columns=SERIES_COLUMNS)
    years = range(int(own["year"].min()), int(own["year"].max()) + 1)
    lines = own.groupby(["whose", "la", "year"], dropna=False)["value"].last().unstack("year")
    lines = lines.reindex(columns=years)
    changes = lines - (lines.shift(1, axis=1) + lines.shift(2, axis=1)) / 2
    crossed = {y: list_refused_breaks(measure, [y - 2, y - 1, y], ()) for y in years}
    changes[[year for year in years if crossed[year]]] = float("nan")
    of = lines.index.get_level_values("whose")
    authorities, elsewhere = lines[of != ENGLAND], changes[~of.isin([ENGLAND, HERE])]
    table = pd.DataFrame({
        "here": lines[of == HERE].sum(min_count=1),
        "england": lines[of == ENGLAND].sum(min_count=1),
        "low": authorities.quantile(0.25), "high": authorities.quantile(0.75),
        "n_authorities": authorities.notna().sum(),
        "change": changes[of == HERE].sum(min_count=1),
        "england_change": changes[of == ENGLAND].sum(min_count=1),
        "spread": elsewhere.std().where(elsewhere.notna().sum() >= FEWEST_AUTHORITIES),
    }, index=pd.Index(years, name="year"))  # fmt: skip
    few = table["n_authorities"] < FEWEST_AUTHORITIES
    table[["low", "high"]] = table[["low", "high"]].mask(few)
    table["smallest"] = DETECTABLE * table["spread"]
    table["reason"] = [_why_no_change(measure, table, year, crossed[year]) for year in years]
    return table.assign(measure=measure).reset_index()[SERIES_COLUMNS]


def _why_no_change(measure: str, table: pd.DataFrame, year: int, crossed: list[Break]) -> str:
    """Say why no change is given in a year; nothing where it is."""
    if pd.isna(table["here"][year]):
        return why_not_taken(measure, year) or "no figure of the authority"
    if crossed:
        first = crossed[0]
        return f"the definition changed ({first.what})" if first.new_scale else first.what
    if pd.isna(table["change"][year]):
        gone = [y for y in (year - 2, year - 1) if pd.isna(table["here"].get(y))]
        return f"no figure of {' and '.join(map(str, gone))} to set it against"
    few = "too few authorities to know how such a change varies"
    return few if pd.isna(table["spread"][year]) else ""


def _describe_own(panel: Panel, measure: str, members: list[int]) -> list[tuple[object, ...]]:
    cohort = MEASURES[measure].cohort
    if measure not in panel.values.columns or cohort not in panel.values.columns:
        return []
    values, pupils = (panel.wide(name).reindex(index=members) for name in (measure, cohort))
    rows: list[tuple[object, ...]] = []
    for year in values.columns[values.notna().any()]:
        shown, schools, counted = _mean_of_pupils(values[year], pupils[year], FEWEST)
        few = f"fewer than {FEWEST[0]} schools or {FEWEST[1]} pupils"
        release = str(panel.releases[measure].get(year, ""))
        reason = few if math.isnan(shown) else ""
        rows.append((measure, int(year), OWN, shown, schools, counted, release, reason))
    return rows


def _mean_of_pupils(
    values: pd.Series, pupils: pd.Series, fewest: tuple[int, int]
) -> tuple[float, int, int]:
    """Return schools' mean by pupils, none of too few, and how many schools and pupils it is of."""
    there = values.notna() & (pupils > 0)
    schools, counted = int(there.sum()), int(pupils[there].sum())
    few = schools < fewest[0] or counted < fewest[1]
    mean = float("nan") if few else float((values * pupils)[there].sum() / max(counted, 1))
    return mean, schools, counted


NATIONAL_GAP_COLUMNS = [
    "outcome", "year", "own", "england_own", "england_other", "gap", "n_schools", "n_pupils",
    "release", "reason",
]  # fmt: skip
KEPT, LEFT_OUT = "in the estimate", "left out"
LOST_COLUMNS = ["which", "n_schools", "year", "group_pupils", "all_pupils_result"]
GROUP = "disadvantaged"


def measure_national_gap(
    programme: Programme, inputs: Inputs, members: Iterable[int]
) -> pd.DataFrame:
    """Set a programme's disadvantaged pupils beside England's other pupils, before and after.

    The pupils of its schools that have the group's result in every year, each pupil counting
    alike, less *national other*: England's published figure for pupils who are not disadvantaged.
    One row per baseline year and the outcome year: `own`, `england_own` (the same group in
    England), `england_other`, `gap`, `n_schools`, `n_pupils`, `release`; `reason` where there is
    no gap. Empty for a programme that is not for
    disadvantaged pupils, or whose sources lack their results.
    """
    whole, panel = whole_of(programme.primary), inputs.panel
    outcome, other = f"{whole}.{GROUP}", f"{whole}.other"
    there = outcome in MEASURES and {outcome, MEASURES[outcome].cohort} <= set(panel.values.columns)
    if not there or GROUP not in (programme.whom, programme.primary.partition(".")[2]):
        return pd.DataFrame(columns=NATIONAL_GAP_COLUMNS)
    years = [*sorted(programme.baseline), inputs.year]
    results, pupils = (
        panel.wide(name).reindex(index=sorted(members), columns=years)
        for name in (outcome, MEASURES[outcome].cohort)
    )
    whole_set = (results.notna() & (pupils > 0)).all(axis=1)
    results, pupils = results[whole_set], pupils[whole_set]
    group, england = (published_levels(one, inputs.national) for one in (outcome, other))
    few = "fewer than {} schools or {} pupils in every year".format(*FEWEST_OF_GROUP)
    rows = []
    for year in years:
        own, schools, counted = _mean_of_pupils(results[year], pupils[year], FEWEST_OF_GROUP)
        reason = "" if year in england else "England's figure for other pupils is in no source"
        reason = few if math.isnan(own) else reason
        same, level = (one.get(year, float("nan")) for one in (group, england))
        release = str(panel.releases[outcome].get(year, ""))
        rows.append(
            (outcome, year, own, same, level, own - level, schools, counted, release, reason)
        )
    return pd.DataFrame(rows, columns=NATIONAL_GAP_COLUMNS)


def compare_lost(
    programme: Programme, inputs: Inputs, gaps: pd.DataFrame, members: Iterable[int]
) -> pd.DataFrame:
    """Compare the schools that lack a group's figure with those that the estimate rests on.

    `gaps` as `Gaps.table` of the outcome that leads. One row for either: `n_schools`, and in the
    last baseline `year` the mean number of pupils in the group where it is published, and the mean
    result of all pupils; neither of fewer than four schools. Empty where all pupils' results lead.
    """
    outcome, whole = programme.primary, whole_of(programme.primary)
    if outcome == whole:
        return pd.DataFrame(columns=LOST_COLUMNS)
    year, rows = max(programme.baseline), []
    own = gaps["gap"].reindex(sorted(members))
    none, there = pd.Series(dtype=float), inputs.panel.values.columns
    known = [
        inputs.panel.wide(name).get(year, none) if name in there else none
        for name in (MEASURES[outcome].cohort, whole)
    ]
    for which, schools in ((KEPT, own.index[own.notna()]), (LEFT_OUT, own.index[own.isna()])):
        few = len(schools) < FEWEST_SCHOOLS
        means = [float("nan") if few else float(one.reindex(schools).mean()) for one in known]
        rows.append((which, len(schools), year, *means))
    return pd.DataFrame(rows, columns=LOST_COLUMNS)
