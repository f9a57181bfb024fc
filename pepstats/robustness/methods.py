"""The same comparison as other evaluators would make it: check rows, never the headline.

Each function takes a frame of school and year and gives a small frozen result. One that cannot be
had says why, in `reason`, and gives no number. Clustered errors, entropy balancing, doubly robust
and synthetic differences are diff-diff's, imported only when asked for.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from diff_diff.linalg import LinearRegression
from numpy.typing import NDArray

from pepstats.errors import DesignError, as_reason
from pepstats.formatting import format_signed
from pepstats.matching import Match, mark_members, positions, spell_out
from pepstats.robustness.choices import ONE_YEAR, Choice, MadeDraws, first_choice, match_again
from pepstats.robustness.drift import bound_relative
from pepstats.robustness.headline import CheckRow, Headline
from pepstats.schools import Panel

FEWEST = 2
"""With one school on a side nothing says how sure an estimate is."""

MOST_DONORS = 1_000
"""Of more comparison schools a synthetic one takes longer than all other checks together."""

MOST_CELLS = 60_000_000
"""Of more rows times clusters a regression's square tables take longer, and more memory."""

CLOSE = 1e-8
"""Largest difference left between the means, in standard deviations, that counts as balanced."""

UNSOLVED = "the equations have no solution with these schools"


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
    reason
        Why there is no study; empty where there is one.
    """

    table: pd.DataFrame = field(repr=False)
    covariance: pd.DataFrame = field(repr=False)
    reference: int
    starts: int
    n_schools: int
    n_comparison: int
    reason: str = ""


def share_out(match: Match, members: Iterable[int], usable: Iterable[int]) -> pd.Series:
    """Give each comparison school the part it has in standing for members, adding to their number.

    A member counts 1, shared alike among its comparison schools that are `usable`; a member that
    is not usable, or has none that are, has no part. Index `school`: members 1, others their part.
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


def compare_matched(frame: pd.DataFrame, *, starts: int, clusters: str = "school") -> CheckRow:
    """Difference in differences of matched schools, errors clustered and made fit for few (CR2).

    `frame` as from `lay_out`; `clusters` names the column of what moves together. Before is the
    mean of the years before `starts`, after that of the rest.
    """
    check = "matched difference in differences, small-sample errors"
    n, m = _count(frame)
    why = _why_not_studied(frame, starts, clusters, weights=["weight"])
    if why:
        return CheckRow(check, n_schools=n, n_comparison=m, reason=why)
    try:
        found = _change(frame, starts) if clusters == "school" else _panel(frame, starts, clusters)
    except DesignError as error:
        return CheckRow(check, n_schools=n, n_comparison=m, reason=str(error))
    if not np.isfinite(found["se"]):
        return CheckRow(check, n_schools=n, n_comparison=m,
                   reason="the schools' changes have no spread")  # fmt: skip
    return CheckRow(
        check, float(found["estimate"]), float(found["low"]), float(found["high"]),
        float(found["p"]), n, m, note=f"{found['df']:.1f} degrees of freedom",
    )  # fmt: skip


def study_years(
    frame: pd.DataFrame, *, starts: int, reference: int | None = None, clusters: str = "school"
) -> EventStudy:
    """Compare the groups year by year against a reference year, by default the last before."""
    years = sorted(int(y) for y in frame["year"].unique())
    earlier = [y for y in years if y < starts]
    base = reference if reference is not None else max(earlier, default=starts - 1)
    n, m = _count(frame)
    none = pd.DataFrame(columns=["estimate", "se", "df", "low", "high", "p"], dtype=float)
    why = _why_not_studied(frame, starts, clusters, weights=["weight"])
    if not why and base not in earlier:
        why = f"the reference year {base} is not a year before the start that the schools have"
    others = [y for y in years if y != base]
    design = pd.DataFrame({"constant": 1.0, "member": frame["member"].astype(float)})
    for y in others:
        design[f"in {y}"] = (frame["year"] == y).astype(float)
        design[f"{y}"] = design[f"in {y}"] * design["member"]
    if not why:
        try:
            table, covariance = fit_clustered(
                design, frame["value"], frame[clusters], of=[f"{y}" for y in others],
                weights=frame["weight"],
            )  # fmt: skip
        except DesignError as error:
            why = str(error)
    if why:
        return EventStudy(none, none, base, starts, n, m, why)
    index = pd.Index(others, name="year")
    covariance = covariance.set_axis(index).set_axis(others, axis=1)
    return EventStudy(table.set_axis(index), covariance, base, starts, n, m)


def allow_for_drift(
    study: EventStudy,
    *,
    rng: np.random.Generator,
    times: Sequence[float] = (0, 0.5, 1, 1.5, 2),
) -> pd.DataFrame:
    """Give the interval of the first later year for each amount of drift allowed (HonestDiD).

    One row per `at_most` (times the largest step before); `low`, `high`; `reason` where there is
    none. Normal limits, as the authors take them.
    """
    columns = ["at_most", "low", "high", "reason"]
    later = [int(y) for y in study.table.index if y >= study.starts]
    earlier = [int(y) for y in study.table.index if y < study.reference]
    used = [*earlier, *later]
    why = study.reason
    if not why and not (earlier and later):
        why = "there is no year before the reference year, or none after it"
    steps = np.diff([*earlier, study.reference, *later])
    if not why and (steps != 1).any():
        why = "years are missing in between, so one year's drift cannot be told"
    if why:
        return pd.DataFrame([(np.nan, np.nan, np.nan, why)], columns=columns)
    beta = study.table.loc[used, "estimate"].to_numpy(float)
    sigma = study.covariance.loc[used, used].to_numpy(float)
    try:
        found = bound_relative(beta, sigma, len(earlier), times=times, rng=rng)
    except DesignError as error:
        return pd.DataFrame([(np.nan, np.nan, np.nan, str(error))], columns=columns)
    return found.reset_index().assign(reason="")[columns]


def compare_doubly_robust(
    frame: pd.DataFrame, *, starts: int, covariates: Sequence[str] = ()
) -> CheckRow:
    """Doubly robust difference in differences (Callaway and Sant'Anna 2021), by diff-diff.

    `frame` has `school`, `year`, `value`, `member` and the covariates, which count as they were
    before the start; a column `starts` may give schools their own first year (0: never). The
    reference is each school's last year before. Schools count alike, whatever `weight` says.
    """
    check = "doubly robust difference in differences"
    n, m = _count(frame)
    why = _why_not_studied(frame, starts, "school", covariates)
    if why:
        return CheckRow(check, n_schools=n, n_comparison=m, reason=why)
    from diff_diff import CallawaySantAnna

    first = frame.get("starts", frame["member"] * starts)
    plain = frame[["school", "year", "value", *covariates]].assign(first=first.astype(int))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what matters of them comes out as a missing interval
            found = CallawaySantAnna(estimation_method="dr").fit(
                plain, outcome="value", unit="school", time="year", first_treat="first",
                covariates=list(covariates) or None,
            )  # fmt: skip
    except (ValueError, np.linalg.LinAlgError):
        return CheckRow(check, n_schools=n, n_comparison=m, reason=UNSOLVED)
    ends = tuple(float(x) for x in found.overall_conf_int)
    return _row(check, found.overall_att, ends, found.overall_p_value, n, m, ", ".join(covariates))


def compare_synthetic(
    frame: pd.DataFrame, *, starts: int, rng: np.random.Generator, draws: int = 200
) -> CheckRow:
    """Synthetic difference in differences (Arkhangelsky and others 2021), by diff-diff.

    `frame` has `school`, `year`, `value`, `member`; comparison schools are those in it, weighted
    anew (`weight` is not used). The interval is from placebo groups of comparison schools, so
    there must be more of them than members.
    """
    check = "synthetic difference in differences"
    n, m = _count(frame)
    why = _why_not_studied(frame, starts, "school")
    if not why and m <= n:
        why = f"it needs more comparison schools ({m}) than members ({n})"
    if not why and m > MOST_DONORS:
        why = f"{m:,} comparison schools are too many for a check row; {MOST_DONORS:,} are not"
    if not why and frame.loc[frame["year"] < starts, "year"].nunique() < FEWEST:
        why = "it needs two years before the start"
    if why:
        return CheckRow(check, n_schools=n, n_comparison=m, reason=why)
    from diff_diff import SyntheticDiD

    plain = frame[["school", "year", "value"]].assign(member=frame["member"].astype(int))
    after = sorted(int(y) for y in plain["year"].unique() if y >= starts)
    seed = int(rng.integers(2**31))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as above
            found = SyntheticDiD(variance_method="placebo", n_bootstrap=draws, seed=seed).fit(
                plain, outcome="value", treatment="member", unit="school", time="year",
                post_periods=after,
            )  # fmt: skip
    except (ValueError, np.linalg.LinAlgError):
        return CheckRow(check, n_schools=n, n_comparison=m, reason=UNSOLVED)
    ends = tuple(float(x) for x in found.conf_int)
    return _row(check, found.att, ends, found.p_value, n, m, f"{draws} placebo groups")


def fit_clustered(
    design: pd.DataFrame,
    outcome: pd.Series,
    clusters: pd.Series,
    *,
    of: Sequence[str],
    weights: pd.Series | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Regress an outcome on the columns of `design`, errors running together within clusters.

    Bias-reduced cluster-robust variance (CR2) and Satterthwaite's degrees of freedom (Bell and
    McCaffrey 2002; Pustejovsky and Tipton 2018), by diff-diff. The four have one index. Weights
    count how much a row matters; errors are taken as equally large whatever they are.

    Returns
    -------
    tuple
        By coefficient in `of`: `estimate`, `se`, `df`, `low`, `high` (95%), `p`; their covariance.

    Raises
    ------
    DesignError
        When a cell is missing, when fewer than two clusters are there, or when a coefficient asked
        about cannot be told apart from the rest of the design.
    """
    _check_rows(design, outcome, clusters, weights, of)
    fit = _solve(design, outcome, clusters, weights)
    at = [design.columns.get_loc(name) for name in of]
    smallest = 1e-12 * (1 + float(np.abs(outcome).max()))
    rows = []
    for found in (fit.get_inference(place) for place in at):
        spread = (found.se, found.df, *found.conf_int, found.p_value)
        rows.append((found.coefficient, *(spread if found.se > smallest else [np.nan] * 5)))
    index = pd.Index(list(of), name="coefficient")
    table = pd.DataFrame(rows, index=index, columns=["estimate", "se", "df", "low", "high", "p"])
    return table, pd.DataFrame(fit.vcov_[np.ix_(at, at)], index=index, columns=list(of))


def _solve(
    design: pd.DataFrame, outcome: pd.Series, clusters: pd.Series, weights: pd.Series | None
) -> LinearRegression:
    from diff_diff.linalg import LinearRegression

    regression = LinearRegression(
        include_intercept=False, vcov_type="hc2_bm", rank_deficient_action="silent",
        cluster_ids=pd.factorize(clusters, sort=True)[0],
        weights=None if weights is None else weights.to_numpy(float),
    )  # fmt: skip
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are about coefficients that are not asked about
            return regression.fit(design.to_numpy(float), outcome.to_numpy(float))
    except (ValueError, np.linalg.LinAlgError):
        raise DesignError(f"{UNSOLVED}.") from None


def compare_means(values: pd.Series, member: pd.Series, weights: pd.Series) -> pd.Series:
    """Compare two weighted means of independent schools: `fit_clustered` of one row per school.

    The same figures as a regression on `member` with a constant, each school its own cluster, in
    closed form: of England's 14,000 schools the regression's square tables would take 4 GB.
    """
    from scipy.stats import t as t_distribution

    y, w = values.to_numpy(float), weights.to_numpy(float)
    inside = member.to_numpy(bool)
    if not (np.isfinite(y).all() and np.isfinite(w).all() and (w >= 0).all()):
        raise DesignError("Every school needs a value, and a weight from nought up.")
    mean, variance, trace, square = np.zeros(2), 0.0, 0.0, 0.0
    for place, side in enumerate((inside, ~inside)):
        if np.count_nonzero(w[side]) < 2:
            raise DesignError("A side of one school has no spread, so nothing can be compared.")
        part = w[side] / w[side].sum()
        mean[place] = part @ y[side]
        overlap = float((part**2).sum())
        lift = part**2 / (1 - 2 * part + overlap)  # squared adjusted leverage of each school
        variance += float(lift @ (y[side] - mean[place]) ** 2)
        trace += overlap
        # sum over pairs of lift_i lift_j (overlap - part_i - part_j) squared, the diagonal apart
        a, b, c = float(lift.sum()), float(lift @ part), float(lift @ part**2)
        square += overlap**2 * a**2 + 2 * a * c + 2 * b**2 - 4 * overlap * a * b
        square += float(lift**2 @ ((1 - 2 * part + overlap) ** 2 - (overlap - 2 * part) ** 2))
    estimate, se = float(mean[0] - mean[1]), float(np.sqrt(variance))
    sure = se > 1e-12 * (1 + np.abs(y).max())
    df, se = (trace**2 / square, se) if sure else (np.nan, np.nan)
    reach = float(t_distribution.ppf(0.975, df)) * se
    p = float(2 * t_distribution.sf(abs(estimate) / se, df))
    return pd.Series({"estimate": estimate, "se": se, "df": df, "low": estimate - reach,
                      "high": estimate + reach, "p": p})  # fmt: skip


def weigh_to_balance(table: pd.DataFrame, members: Iterable[int]) -> pd.Series:
    """Weigh the schools that are not members so that their means equal the members'.

    Entropy balancing (Hainmueller 2012), by diff-diff: of all weights that give those means, those
    nearest to equal. `table` has index `school` and what is to be balanced; words become one column
    each. Index `school`: from 0 up, adding to 1; every school that is not a member has one.

    Raises
    ------
    DesignError
        When the table has gaps or constant columns; and when no weights give the members' means
        (they lie outside what the others span): named with the nearest that can be had.
    """
    from diff_diff.balancing import BalanceError, entropy_balance

    spelled = spell_out(table)
    inside = mark_members(spelled.index, members)
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
    raise DesignError(_nearest_balance(away, list(spelled.columns)))


def _nearest_balance(away: NDArray[np.float64], names: list[str]) -> str:
    """Say how near the members' means weights can come: the least sum of differences, by LP."""
    from scipy.optimize import linprog

    n, p = away.shape
    cost = np.concatenate([np.zeros(n), np.ones(2 * p)])
    sums = np.hstack([away.T, np.eye(p), -np.eye(p)])
    equal = np.vstack([sums, np.concatenate([np.ones(n), np.zeros(2 * p)])])
    found = linprog(cost, A_eq=equal, b_eq=np.concatenate([np.zeros(p), [1.0]]), method="highs")
    if found.x is None or not found.success:
        return "No weights give the members' means, and the nearest could not be found."
    left = found.x[:n] @ away
    worst = [i for i in np.argsort(-np.abs(left), kind="stable")[:5] if abs(left[i]) > 1e-6]
    if not worst:
        return (
            "Only weights on a few schools at the edge give the members' means exactly, and "
            "entropy balancing needs room around them. Balance fewer things, or widen the pool."
        )
    told = ", ".join(f"{names[i]} {-left[i]:+.2f}" for i in worst)
    return (
        "No weights on the comparison schools give the members' means. The nearest still leaves "
        f"the members apart by (in standard deviations): {told}. Balance fewer things, leave out "
        "the members that are like no one, or widen the pool."
    )


def _change(frame: pd.DataFrame, starts: int) -> pd.Series:
    """Compare schools' own changes: the same as the panel's regression, at any size."""
    after = frame["year"] >= starts
    by_school = frame.sort_values("school").groupby("school")
    first = by_school[["member", "weight"]].first()
    change = frame[after].groupby("school")["value"].mean()
    change = change - frame[~after].groupby("school")["value"].mean()
    return compare_means(change, first["member"], first["weight"])


def _panel(frame: pd.DataFrame, starts: int, clusters: str) -> pd.Series:
    member, after = frame["member"].astype(float), (frame["year"] >= starts).astype(float)
    design = pd.DataFrame(
        {"constant": 1.0, "member": member, "after": after, "effect": member * after}
    )
    table, _ = fit_clustered(
        design, frame["value"], frame[clusters], of=["effect"], weights=frame["weight"]
    )
    return table.loc["effect"]


def _check_rows(
    design: pd.DataFrame,
    outcome: pd.Series,
    clusters: pd.Series,
    weights: pd.Series | None,
    of: Sequence[str],
) -> None:
    """Refuse rows that no regression can use, and a coefficient that nothing pins down."""
    beside = {"outcome": outcome, "clusters": clusters, "weights": weights}
    given = {what: other for what, other in beside.items() if other is not None}
    for what, other in given.items():
        if not other.index.equals(design.index):
            raise DesignError(f"`{what}` has other rows than the design.")
    weight = np.ones(len(outcome)) if weights is None else weights.to_numpy(float)
    x, numbers = design.to_numpy(float), outcome.to_numpy(float)
    if not all(np.isfinite(part).all() for part in (x, numbers, weight)):
        raise DesignError("A regression needs every cell: leave schools with gaps out, and say so.")
    if clusters.isna().any() or (weight < 0).any():
        raise DesignError("A cluster is missing, or a weight is below nought.")
    if clusters.nunique() < 2:
        raise DesignError("All rows are in one cluster, so nothing says how sure the estimate is.")
    if len(x) * clusters.nunique() * max(len(of), 1) > MOST_CELLS:
        raise DesignError(
            f"{len(x):,} rows in {clusters.nunique():,} clusters are too many for a check row."
        )
    x = x * np.sqrt(weight)[:, None]
    size = np.sqrt((x**2).sum(axis=0))
    x, rank = x / np.where(size > 0, size, 1.0), np.linalg.matrix_rank
    at = {name: design.columns.get_loc(name) for name in of}
    loose = [name for name, place in at.items() if rank(x) == rank(np.delete(x, place, axis=1))]
    if loose:
        raise DesignError(
            f"{', '.join(map(str, loose))} cannot be told apart from the rest of the regression: "
            "a column repeats another, or never varies."
        )


def _row(
    check: str, estimate: float, ends: tuple[float, ...], p: float, n: int, m: int, note: str
) -> CheckRow:
    if not np.isfinite([estimate, *ends, p]).all():
        return CheckRow(check, n_schools=n, n_comparison=m, reason="no interval could be had")
    return CheckRow(check, float(estimate), ends[0], ends[1], float(p), n, m, note)


def _count(frame: pd.DataFrame) -> tuple[int, int]:
    schools = frame.drop_duplicates("school")
    inside = int(schools["member"].astype(bool).sum())
    return inside, len(schools) - inside


def _why_not_studied(
    frame: pd.DataFrame,
    starts: int,
    clusters: str,
    covariates: Sequence[str] = (),
    weights: Sequence[str] = (),
) -> str:
    """Say why a frame cannot be compared; empty where it can."""
    needed = ("school", "year", "value", "member", clusters, *covariates, *weights)
    absent = [c for c in needed if c not in frame]
    if absent:
        raise DesignError(f"the frame has no column {', '.join(absent)}.")
    n, m = _count(frame)
    if n < FEWEST or m < FEWEST:
        return (
            f"{n} members and {m} comparison schools have every year; {FEWEST} of each are needed"
        )
    if not np.isfinite(frame[["value", *covariates, *weights]].to_numpy(float)).all():
        return "a value is missing"
    years = frame["year"].nunique()
    if (
        frame.duplicated(["school", "year"]).any()
        or (frame.groupby("school")["year"].size() != years).any()
    ):
        return "some schools do not have every year once"
    if not (frame["year"] < starts).any() or not (frame["year"] >= starts).any():
        return f"there are no years on both sides of {starts}"
    flat = [c for c in covariates if frame[c].nunique() < FEWEST]
    if flat:
        return f"{', '.join(flat)} is the same in every school"
    sides = frame.drop_duplicates(["member", clusters]).groupby("member").size()
    if clusters != "school" and sides.get(True, 0) < FEWEST:
        return f"all members are in one cluster by `{clusters}`, so nothing says how sure it is"
    return ""


SYNTHETIC_DRAWS = 50
"""Placebo groups behind the synthetic comparison's interval; 200 take as long as all the rest."""


def compare_by_methods(setting: Headline) -> list[CheckRow]:
    """Estimate the programme by each method; one that cannot be used says why."""
    ways: dict[str, Callable[[Headline], CheckRow]] = {
        "matched difference in differences": _matched,
        "entropy balancing": _balanced,
        "doubly robust difference in differences": _doubly_robust,
        "synthetic difference in differences": _synthetic,
    }
    why = _why_not(setting)
    return [
        CheckRow(name, reason=why) if why else _name(way(setting), name)
        for name, way in ways.items()
    ]


def study_held_out(setting: Headline, made: MadeDraws) -> EventStudy:
    """Follow members and comparison schools by year, the first baseline year not matched on.

    So that the years before the start are a test of likeness, and not true by construction.
    """
    setting.need_others()
    choice = hold_out(setting)
    _, match = match_again(choice, setting, made)
    results = setting.panel.wide(setting.outcome)
    years = [y for y in results if choice.year >= y >= min(setting.programme.baseline)]
    known = [y for y in years if results[y].notna().any()]
    frame = lay_out_frame(setting.panel, setting.outcome, known, setting.chosen, match)
    return study_years(frame, starts=setting.programme.starts)


def hold_out(setting: Headline) -> Choice:
    """Give the headline's choice with its first baseline year kept out of the matching."""
    first = first_choice(setting)
    if len(first.baseline) < 2:
        raise DesignError(ONE_YEAR)
    return replace(first, baseline=first.baseline[1:])


def row_of_study(study: EventStudy, year: int) -> CheckRow:
    """Give the last year of an event study as a check, its earlier years in the note."""
    name = f"event study, {min(study.table.index, default='a year')} kept out of the matching"
    if study.reason:
        return CheckRow(name, reason=study.reason)
    last = study.table.loc[year]
    early = study.table[study.table.index < study.reference]
    said = [
        f"{y}: {format_signed(e)} ({format_signed(low)} to {format_signed(high)})"
        for y, e, low, high in early[["estimate", "low", "high"]].itertuples()
    ]
    return CheckRow(
        name, float(last["estimate"]), float(last["low"]), float(last["high"]), float(last["p"]),
        study.n_schools, study.n_comparison,
        f"against {study.reference}; before the start {', '.join(said)}",
    )  # fmt: skip


def _why_not(setting: Headline) -> str:
    try:
        setting.need_others()
    except DesignError as error:
        return as_reason(error)
    return ""


def _name(row: CheckRow, name: str) -> CheckRow:
    return replace(row, check=name, kind="method")


def _years(setting: Headline) -> list[int]:
    return [*sorted(setting.programme.baseline), setting.year]


def _frame(setting: Headline, counts: Match | pd.Series) -> pd.DataFrame:
    return lay_out_frame(
        setting.panel, setting.outcome, _years(setting), setting.chosen, counts
    )  # fmt: skip


def _matched(setting: Headline) -> CheckRow:
    return compare_matched(_frame(setting, setting.match), starts=setting.year)


def _balanced(setting: Headline) -> CheckRow:
    """Weigh all schools elsewhere until their means are the members', then compare changes."""
    keys = setting.pool.schools[list(setting.programme.match.exact)]
    table = _alike(setting).join(keys)
    table = table.loc[:, (table != table.iloc[0]).any()]
    try:
        weights = weigh_to_balance(table, table.index.intersection(list(setting.chosen)))
    except DesignError as error:
        return CheckRow("", reason=as_reason(error))
    row = compare_matched(_frame(setting, weights), starts=setting.year)
    worth = 1 / (weights**2).sum()  # Kish
    note = f"all schools elsewhere, weighted: worth {worth:.0f} that count alike"
    return replace(row, note=note if not row.reason else "")


def _doubly_robust(setting: Headline) -> CheckRow:
    """Compare with all schools elsewhere, what schools are matched on held alike in two ways."""
    before = _alike(setting)
    frame = _frame(setting, pd.Series(1.0, index=before.index))
    named = {name: f"before_{place}" for place, name in enumerate(before)}
    frame = frame.join(before.rename(columns=named), on="school")
    row = compare_doubly_robust(
        frame, starts=setting.year, covariates=list(named.values())
    )  # fmt: skip
    return replace(row, note=f"given {', '.join(before)}" if not row.reason else "")


def _synthetic(setting: Headline) -> CheckRow:
    return compare_synthetic(
        _frame(setting, setting.match), starts=setting.year, draws=SYNTHETIC_DRAWS,
        rng=setting.rng("synthetic difference in differences"),
    )  # fmt: skip


def _alike(setting: Headline) -> pd.DataFrame:
    """Give what schools are matched on, for the members and all schools they may be set against."""
    pool = setting.pool
    inside = pool.schools.index.isin(setting.chosen)
    free = ~pool.schools.index.isin(setting.barred) & (pool.schools["la"] != setting.home)
    where = setting.programme.pool
    free &= ~pool.schools.index.isin(where.exclude)
    if where.authorities is not None:
        free &= pool.schools["la"].isin(where.authorities)
    return positions(pool.schools.loc[inside | free, list(pool.scales.index)])
