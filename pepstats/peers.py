"""The same comparison as other evaluators would make it: check rows, never the headline.

Each function takes a frame of school and year and gives a small frozen result. One that cannot be
had says why, in `reason`, and gives no number. Doubly robust and synthetic differences are
diff-diff's, imported only when asked for.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pepstats.clustered import compare_means, fit_clustered
from pepstats.errors import DesignError
from pepstats.honest import bound_relative
from pepstats.matching import Match
from pepstats.panel import Panel
from pepstats.setting import Row

FEWEST = 2
"""With one school on a side nothing says how sure an estimate is."""
MOST_DONORS = 1_000
"""Of more comparison schools a synthetic one takes longer than all other checks together."""


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


def lay_out(
    panel: Panel,
    outcome: str,
    years: Iterable[int],
    members: Iterable[int],
    counts: Match | pd.Series,
) -> pd.DataFrame:
    """Lay the schools to be compared out by year: only those with a result in every year.

    `counts` says who is compared with the members and how much each counts: a match, or weights of
    the other schools (index `school`, from `weighting`). Sorted; `school`, `year`, `value`,
    `member`, `weight` (a member counts 1; the others together as much as the members).
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


def compare_matched(frame: pd.DataFrame, *, starts: int, clusters: str = "school") -> Row:
    """Difference in differences of matched schools, errors clustered and made fit for few (CR2).

    `frame` as from `lay_out`; `clusters` names the column of what moves together. Before is the
    mean of the years before `starts`, after that of the rest.
    """
    check = "matched difference in differences, small-sample errors"
    n, m = _count(frame)
    why = _why_not(frame, starts, clusters, weights=["weight"])
    if why:
        return Row(check, n_schools=n, n_comparison=m, reason=why)
    try:
        found = _change(frame, starts) if clusters == "school" else _panel(frame, starts, clusters)
    except DesignError as error:
        return Row(check, n_schools=n, n_comparison=m, reason=str(error))
    if not np.isfinite(found["se"]):
        return Row(check, n_schools=n, n_comparison=m,
                   reason="the schools' changes have no spread")  # fmt: skip
    return Row(
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
    why = _why_not(frame, starts, clusters, weights=["weight"])
    if not why and base not in earlier:
        why = f"the reference year {base} is not a year before the start that the schools have"
    others = [y for y in years if y != base]
    design = pd.DataFrame({"constant": 1.0, "member": frame["member"].astype(float)})
    for y in others:
        design[f"in {y}"] = (frame["year"] == y).astype(float)
        design[f"{y}"] = design[f"in {y}"] * design["member"]
    if not why:
        try:
            fit = fit_clustered(design, frame["value"], frame[clusters],
                                of=[f"{y}" for y in others], weights=frame["weight"])  # fmt: skip
        except DesignError as error:
            why = str(error)
    if why:
        return EventStudy(none, none, base, starts, n, m, why)
    index = pd.Index(others, name="year")
    return EventStudy(
        fit.table.set_axis(index),
        fit.covariance.set_axis(index).set_axis(others, axis=1),
        base, starts, n, m,
    )  # fmt: skip


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
) -> Row:
    """Doubly robust difference in differences (Callaway and Sant'Anna 2021), by diff-diff.

    `frame` has `school`, `year`, `value`, `member` and the covariates, which count as they were
    before the start; a column `starts` may give schools their own first year (0: never). The
    reference is each school's last year before. Schools count alike, whatever `weight` says.
    """
    check = "doubly robust difference in differences"
    n, m = _count(frame)
    why = _why_not(frame, starts, "school", covariates)
    if why:
        return Row(check, n_schools=n, n_comparison=m, reason=why)
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
    except (ValueError, np.linalg.LinAlgError) as error:
        return Row(check, n_schools=n, n_comparison=m, reason=f"diff-diff refuses: {error}")
    ends = tuple(float(x) for x in found.overall_conf_int)
    return _row(check, found.overall_att, ends, found.overall_p_value, n, m, ", ".join(covariates))


def compare_synthetic(
    frame: pd.DataFrame, *, starts: int, rng: np.random.Generator, draws: int = 200
) -> Row:
    """Synthetic difference in differences (Arkhangelsky and others 2021), by diff-diff.

    `frame` has `school`, `year`, `value`, `member`; comparison schools are those in it, weighted
    anew (`weight` is not used). The interval is from placebo groups of comparison schools, so
    there must be more of them than members.
    """
    check = "synthetic difference in differences"
    n, m = _count(frame)
    why = _why_not(frame, starts, "school")
    if not why and m <= n:
        why = f"it needs more comparison schools ({m}) than members ({n})"
    if not why and m > MOST_DONORS:
        why = f"{m:,} comparison schools are too many for a check row; {MOST_DONORS:,} are not"
    if not why and frame.loc[frame["year"] < starts, "year"].nunique() < FEWEST:
        why = "it needs two years before the start"
    if why:
        return Row(check, n_schools=n, n_comparison=m, reason=why)
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
    except (ValueError, np.linalg.LinAlgError) as error:
        return Row(check, n_schools=n, n_comparison=m, reason=f"diff-diff refuses: {error}")
    ends = tuple(float(x) for x in found.conf_int)
    return _row(check, found.att, ends, found.p_value, n, m, f"{draws} placebo groups")


def _change(frame: pd.DataFrame, starts: int) -> pd.Series:
    """Compare schools' own changes: the same as the panel's regression, at any size."""
    after = frame["year"] >= starts
    by_school = frame.sort_values("school").groupby("school")
    first = by_school[["member", "weight"]].first()
    change = frame[after].groupby("school")["value"].mean()
    change = change - frame[~after].groupby("school")["value"].mean()
    return compare_means(change, first["member"], first["weight"]).iloc[0]


def _panel(frame: pd.DataFrame, starts: int, clusters: str) -> pd.Series:
    member, after = frame["member"].astype(float), (frame["year"] >= starts).astype(float)
    design = pd.DataFrame(
        {"constant": 1.0, "member": member, "after": after, "effect": member * after}
    )
    fit = fit_clustered(
        design, frame["value"], frame[clusters], of=["effect"], weights=frame["weight"]
    )
    return fit.table.loc["effect"]


def _row(
    check: str, estimate: float, ends: tuple[float, ...], p: float, n: int, m: int, note: str
) -> Row:
    if not np.isfinite([estimate, *ends, p]).all():
        return Row(check, n_schools=n, n_comparison=m, reason="no interval could be had")
    return Row(check, float(estimate), ends[0], ends[1], float(p), n, m, note)


def _count(frame: pd.DataFrame) -> tuple[int, int]:
    schools = frame.drop_duplicates("school")
    inside = int(schools["member"].astype(bool).sum())
    return inside, len(schools) - inside


def _why_not(
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
