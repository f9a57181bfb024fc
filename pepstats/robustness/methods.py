"""The same comparison as other evaluators would make it: check rows, never the headline.

A method lays out a frame of school and year and calls a library that is kept by others: clustered
errors, entropy balancing and doubly robust differences are diff-diff's; synthetic ones are ours,
since theirs are stopped on the way (`synthetic`). One that cannot be used raises `DesignError` and
gives no number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from statistics import NormalDist

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from pepstats.errors import DesignError
from pepstats.formatting import AGREED, format_signed
from pepstats.matching import Match, positions
from pepstats.robustness.choices import ONE_YEAR, first_choice, match_again
from pepstats.robustness.headline import CheckRow, Headline
from pepstats.robustness.standard_errors import asking_diff_diff, compare_means, fit_clustered
from pepstats.robustness.synthetic import estimate_synthetic
from pepstats.schools import Panel

FEWEST = 2
"""With one school on a side nothing says how sure an estimate is."""

MOST_DONORS = 1_000
"""Of more comparison schools a synthetic one takes longer than all other checks together."""

CLOSE = 1e-8
"""Largest difference left between the means, in standard deviations, that counts as balanced."""

SYNTHETIC_DRAWS = 50
"""Placebo groups behind the synthetic comparison's interval; 200 take as long as all the rest."""


@dataclass(frozen=True)
class EventStudy:
    """How far apart the groups were in each year, against how far apart in the reference year.

    Attributes
    ----------
    table
        Index `year`; `estimate`, `se`, `df`, `low`, `high`, `p`: CR2 with Satterthwaite's degrees
        of freedom; the reference year is left out.
    covariance
        CR2 covariance of the estimates.
    """

    table: pd.DataFrame = field(repr=False)
    covariance: pd.DataFrame = field(repr=False)
    reference: int
    starts: int
    n_schools: int
    n_comparison: int


def share_out(match: Match, members: Iterable[int], usable: Iterable[int]) -> pd.Series:
    """Return what each school counts: a member 1, shared alike among its comparison schools.

    None but `usable` ones; a member that is not, or has none that are, has no part.
    """
    fine = match.schools.isin(list(usable))
    row = np.flatnonzero(match.schools.isin(list(members)) & fine)
    at = match.places[row]
    there = (at >= 0) & fine[np.where(at >= 0, at, 0)]
    served = there.any(axis=1)
    part = np.zeros(len(match.schools))
    np.add.at(part, at[there], (there / np.maximum(there.sum(axis=1, keepdims=True), 1))[there])
    part[row[served]] = 1.0
    return pd.Series(part, index=match.schools, name="weight")[lambda s: s > 0]


def lay_out_frame(
    panel: Panel,
    outcome: str,
    years: Iterable[int],
    members: Iterable[int],
    counts: Match | pd.Series,
) -> pd.DataFrame:
    """Lay the schools to be compared out by year: only those with a result in every year.

    `counts` says who is compared with the members and how much each counts: a match, or weights of
    the other schools (index `school`, from `weigh_to_balance`). Sorted; `school`, `year`,
    `value`, `member`, `weight` (a member counts 1; the others together as much as the members).
    """
    wanted, chosen = sorted(set(years)), list(members)
    wide = panel.wide(outcome).reindex(columns=wanted)
    whole = wide[wide.notna().all(axis=1)]
    if isinstance(counts, Match):
        weight = share_out(counts, chosen, whole.index)
    else:
        own = whole.index[whole.index.isin(chosen)]
        others = counts[counts.index.isin(whole.index) & ~counts.index.isin(chosen) & (counts > 0)]
        total = float(others.sum()) or 1.0
        weight = pd.concat([pd.Series(1.0, index=own), others * (len(own) / total)])
    kept = whole.loc[weight.index.sort_values()]
    frame = kept.rename_axis("school").reset_index()
    frame = frame.melt(id_vars="school", var_name="year", value_name="value")
    frame = frame.sort_values(["school", "year"], ignore_index=True).astype({"year": "int64"})
    return frame.assign(
        member=frame["school"].isin(chosen), weight=frame["school"].map(weight).astype(float)
    )


def compare_matched(frame: pd.DataFrame, *, starts: int) -> CheckRow:
    """Estimate by difference in differences of matched schools, errors fit for few of them (CR2).

    `frame` as from `lay_out_frame`. Before is the mean of the years before `starts`, after that of
    the rest; schools' own changes give the same as the panel's regression, at any size.
    """
    _need_comparable(frame)
    after, by_school = frame["year"] >= starts, frame.sort_values("school").groupby("school")
    first = by_school[["member", "weight"]].first()
    change = frame[after].groupby("school")["value"].mean()
    change = change - frame[~after].groupby("school")["value"].mean()
    found = compare_means(change, first["member"], first["weight"])
    if not np.isfinite(found["se"]):
        raise DesignError("the schools' changes have no spread")
    note = f"{found['df']:.1f} degrees of freedom"
    return _row(frame, found["estimate"], (found["low"], found["high"]), found["p"], note)


def study_years(frame: pd.DataFrame, *, starts: int) -> EventStudy:
    """Compare the groups year by year against the last year before the start."""
    _need_comparable(frame)
    years = sorted(int(y) for y in frame["year"].unique())
    reference = max(y for y in years if y < starts)
    others = [y for y in years if y != reference]
    design = pd.DataFrame({"constant": 1.0, "member": frame["member"].astype(float)})
    for y in others:
        design[f"in {y}"] = (frame["year"] == y).astype(float)
        design[f"{y}"] = design[f"in {y}"] * design["member"]
    table, covariance = fit_clustered(
        design, frame["value"], frame["school"], of=[f"{y}" for y in others],
        weights=frame["weight"],
    )  # fmt: skip
    index = pd.Index(others, name="year")
    covariance = covariance.set_axis(index).set_axis(others, axis=1)
    return EventStudy(table.set_axis(index), covariance, reference, starts, *_count(frame))


def compare_doubly_robust(
    frame: pd.DataFrame, *, starts: int, covariates: Sequence[str] = ()
) -> CheckRow:
    """Estimate by doubly robust difference in differences (Callaway, Sant'Anna 2021): diff-diff.

    Covariates count as they were before the start; a column `starts` of `frame` may give schools
    their own first year (0: never). Schools count alike, whatever `weight` says.
    """
    from diff_diff import CallawaySantAnna

    _need_comparable(frame)
    first = frame.get("starts", frame["member"] * starts)
    plain = frame[["school", "year", "value", *covariates]].assign(first=first.astype(int))
    with asking_diff_diff():
        found = CallawaySantAnna(estimation_method="dr").fit(
            plain, outcome="value", unit="school", time="year", first_treat="first",
            covariates=list(covariates) or None,
        )  # fmt: skip
    ends, note = found.overall_conf_int, ", ".join(covariates)
    return _row(frame, found.overall_att, ends, found.overall_p_value, note)


def compare_synthetic(
    frame: pd.DataFrame, *, starts: int, rng: np.random.Generator, draws: int = SYNTHETIC_DRAWS
) -> CheckRow:
    """Estimate by synthetic difference in differences (Arkhangelsky and others 2021).

    The frame's comparison schools are weighted anew (`weight` is not used). The interval is from
    placebo groups of them, so there must be more of them than members.
    """
    n, m = _need_comparable(frame)
    if m <= n:
        raise DesignError(f"it needs more comparison schools ({m}) than members ({n})")
    if m > MOST_DONORS:
        raise DesignError(
            f"{m:,} comparison schools are too many for a check row; {MOST_DONORS:,} are not"
        )
    if frame.loc[frame["year"] < starts, "year"].nunique() < FEWEST:
        raise DesignError("it needs two years before the start")
    wide = frame.pivot(index="year", columns="school", values="value").sort_index()
    inside = wide.columns.isin(frame.loc[frame["member"].astype(bool), "school"])
    found = estimate_synthetic(
        wide.to_numpy(float), inside, int((wide.index < starts).sum()), draws=draws,
        rng=np.random.default_rng(int(rng.integers(2**31))),
    )  # fmt: skip
    wide_by = NormalDist().inv_cdf(0.975) * found.error
    ends = (found.estimate - wide_by, found.estimate + wide_by)
    far = np.round(np.abs(found.placebo), AGREED) >= np.round(abs(found.estimate), AGREED)
    p = max(float(far.mean()), 1 / (draws + 1))
    return _row(frame, found.estimate, ends, p, f"{draws} placebo groups")


def weigh_to_balance(table: pd.DataFrame, members: Iterable[int]) -> pd.Series:
    """Weigh the schools that are not members so that their means equal the members'.

    Entropy balancing (Hainmueller 2012), by diff-diff: of all weights that give those means, those
    nearest to equal. `table` has index `school` and what is to be balanced; words become one column
    each. Refused where the members' means lie outside what the others span, or at its very edge.
    """
    from diff_diff.balancing import BalanceError, entropy_balance

    words = [name for name in table if not is_numeric_dtype(table[name])]
    spelled = pd.get_dummies(table.sort_index(), columns=words, dtype=float).astype(float)
    inside = np.asarray(spelled.index.isin(list(members)), dtype=bool)
    if inside.all() or not inside.any():
        raise DesignError("members and other schools are needed, and one side has none")
    values, target = spelled[~inside].to_numpy(), spelled[inside].mean().to_numpy()
    spread = values.std(axis=0)
    away = (values - target) / np.where(spread > 0, spread, np.maximum(np.abs(target), 1.0))
    for close in (CLOSE / 100, CLOSE):
        try:
            found, _ = entropy_balance(away, np.zeros(away.shape[1]), tol=close)
        except BalanceError:
            continue
        schools = spelled.index[~inside].rename("school")
        return pd.Series(found, index=schools, name="weight")
    raise DesignError(
        "No weights on the comparison schools give the members' means. Balance fewer things, leave "
        "out the members that are like no one, or widen the pool."
    )


def _row(
    frame: pd.DataFrame, estimate: float, ends: tuple[float, float], p: float, note: str
) -> CheckRow:
    low, high = ends
    if not np.isfinite([estimate, low, high, p]).all():
        raise DesignError("no interval could be had")
    return CheckRow("", float(estimate), float(low), float(high), float(p), *_count(frame), note)


def _count(frame: pd.DataFrame) -> tuple[int, int]:
    """Count the members and the comparison schools of a frame."""
    schools = frame.drop_duplicates("school")
    inside = int(schools["member"].astype(bool).sum())
    return inside, len(schools) - inside


def _need_comparable(frame: pd.DataFrame) -> tuple[int, int]:
    """Refuse a frame that cannot be compared, and say why; or count its schools."""
    n, m = _count(frame)
    if n < FEWEST or m < FEWEST:
        raise DesignError(
            f"{n} members and {m} comparison schools have every year; {FEWEST} of each are needed"
        )
    return n, m


def matched_did(headline: Headline) -> CheckRow:
    """Compare the members' change with that of the headline's comparison schools."""
    return compare_matched(_frame(headline, headline.match), starts=headline.year)


def balanced_did(headline: Headline) -> CheckRow:
    """Weigh all schools elsewhere until their means are the members', then compare changes."""
    keys = headline.pool.schools[list(headline.programme.match.exact)]
    table = _matched_on(headline).join(keys)
    table = table.loc[:, (table != table.iloc[0]).any()]
    weights = weigh_to_balance(table, table.index.intersection(list(headline.chosen)))
    row = compare_matched(_frame(headline, weights), starts=headline.year)
    worth = 1 / (weights**2).sum()  # Kish
    return replace(
        row, note=f"all schools elsewhere, weighted: worth {worth:.0f} that count equally"
    )


def doubly_robust_did(headline: Headline) -> CheckRow:
    """Compare with all schools elsewhere, what schools are matched on held alike in two ways."""
    before = _matched_on(headline)
    frame = _frame(headline, pd.Series(1.0, index=before.index))
    named = {name: f"before_{place}" for place, name in enumerate(before)}
    frame = frame.join(before.rename(columns=named), on="school")
    row = compare_doubly_robust(frame, starts=headline.year, covariates=list(named.values()))
    return replace(row, note=f"given {', '.join(before)}")


def synthetic_did(headline: Headline) -> CheckRow:
    """Compare the members with a weighted mean of their comparison schools."""
    rng = headline.rng("synthetic difference in differences")
    return compare_synthetic(_frame(headline, headline.match), starts=headline.year, rng=rng)


def event_study(headline: Headline) -> CheckRow:
    """Compare by year, the first baseline year not matched on: its earlier years in the note."""
    study = study_held_out(headline)
    last = study.table.loc[headline.year]
    early = study.table[study.table.index < study.reference]
    said = [
        f"{y}: {format_signed(e)} ({format_signed(low)} to {format_signed(high)})"
        for y, e, low, high in early[["estimate", "low", "high"]].itertuples()
    ]
    return CheckRow(
        f"event study, {min(study.table.index)} kept out of the matching",
        float(last["estimate"]), float(last["low"]), float(last["high"]), float(last["p"]),
        study.n_schools, study.n_comparison,
        f"against {study.reference}; before the start {', '.join(said)}",
    )  # fmt: skip


def study_held_out(headline: Headline) -> EventStudy:
    """Follow the schools by year, the first baseline year not matched on but a test of likeness."""
    first = first_choice(headline)
    if len(first.baseline) < 2:
        raise DesignError(ONE_YEAR)
    _, match = match_again(replace(first, baseline=first.baseline[1:]), headline)
    results = headline.panel.wide(headline.outcome)
    years = [y for y in results if headline.year >= y >= first.baseline[0]]
    known = [y for y in years if results[y].notna().any()]
    frame = lay_out_frame(headline.panel, headline.outcome, known, headline.chosen, match)
    return study_years(frame, starts=headline.programme.starts)


def _frame(headline: Headline, counts: Match | pd.Series) -> pd.DataFrame:
    years = [*headline.programme.baseline, headline.year]
    return lay_out_frame(headline.panel, headline.outcome, years, headline.chosen, counts)


def _matched_on(headline: Headline) -> pd.DataFrame:
    """Return what is matched on, of the members and all schools they may be compared with."""
    pool, table = headline.pool, headline.pool.schools
    elsewhere = headline.free & (table["la"] != headline.home).to_numpy()
    return positions(
        table.loc[table.index.isin(headline.chosen) | elsewhere, list(pool.scales.index)]
    )
