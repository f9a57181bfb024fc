"""Each school's priority, 1 to 3, by the agreed criteria, and how sure the rating is."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from pepstats import explain, scoring
from pepstats.dashboard import Dashboard, load_dashboard
from pepstats.england import Values
from pepstats.errors import DesignError
from pepstats.indicators import Scene, set_scene
from pepstats.panel import Panel
from pepstats.scoring import Rating, Rows

__all__ = ["Ratings", "load_dashboard", "rate"]

RANK_SHARE = 0.95
SURE = 0.8


@dataclass(frozen=True)
class Ratings:
    """Who needs help first, why, and how sure that is.

    Attributes
    ----------
    ratings
        One row per `school`: `name`, `la`, `phase`, `governance`, `trust`; `score` (0 to 2),
        `coverage` (share, by weight, of the indicators that apply to the school and that the study
        has a source for) and `coverage_of_all` (of all that apply); `rating` (1 highest to 3,
        missing with `no_rating` saying why); `p1`, `p2`, `p3` (how often it would be rated so);
        `rank`, `rank_low`, `rank_high` among the `rank_of` rated schools of its authority (1 is
        the highest priority; 95% of draws lie between); `reasons`; `would_change` (which single
        indicator, of another colour, would change the rating); `one_pupil` (the rating with one
        pupil more or fewer at the expected standard, where it differs).
    contributions
        One row per (`school`, `indicator`): `heading`, `label`, `theme`, `value` (a difference
        where the indicator compares), `low`, `high` (95% interval), `published` (the figure as
        published), `comparison`, `rag`, `shape`, `signal` (strength, normal or challenge by the
        interval), `points`, `weight`, `counted`, `year`, `release`, `reason` (why there is none).
    no_source
        Indicators of the dashboard that no school of the study has a value for.
    """

    dashboard: Dashboard
    year: int
    draws: int
    ratings: pd.DataFrame
    contributions: pd.DataFrame
    no_source: tuple[str, ...] = field(default=())


def rate(
    panel: Panel,
    register: pd.DataFrame,
    dashboard: Dashboard,
    year: int,
    *,
    ofsted: pd.DataFrame | None = None,
    england: pd.DataFrame | None = None,
    schools: pd.Index | None = None,
    rng: np.random.Generator,
    draws: int = 1000,
) -> Ratings:
    """Rate schools by the dashboard's criteria, and say how sure each rating is.

    `ofsted` is keyed `school` with `outcome` (1 to 4), `inspected` (date) and, where known,
    `previous` (the outcome before): see `eligibility.attach_inspections`. `england` holds published
    values (`measure`, `year`, `value`); without it England is the panel's own schools. `schools`
    limits who is rated, never who they are compared with. Each draw takes likely true values of
    every figure, given its pupils and the other schools, and weights moved by up to
    `dashboard.weights_move`, and rates all again. An authority has its own draws, so rating another
    one too moves nothing.

    Raises `DesignError` where the register or the inspections list a school twice, a school to rate
    is unknown, the year is not in the panel, or nothing of the dashboard has a source.
    """
    register = _checked(register, panel, year, draws)
    _check_schools(register, schools, ofsted)
    scene = set_scene(panel, register, dashboard, year, ofsted=ofsted, england=england)
    asked = np.ones(len(register), bool) if schools is None else register.index.isin(schools)
    rows = np.flatnonzero(asked)
    everyone = np.arange(len(register))
    values, colours = scoring.colour_all(scene, everyone, scene.drawn.figures)
    sourced = np.asarray((colours >= 0).any(axis=1), dtype=bool)
    if not sourced.any():
        raise DesignError(
            f"{dashboard.line}: none of its indicators has a value in {year}. Add sources to the "
            "report, or rate another year."
        )
    values, colours = values[:, rows], colours[:, rows]
    weights = scoring.weights_of(dashboard)
    score, rating = scoring.rate_all(dashboard, values, colours)
    table = register.iloc[rows][["name", "la", "phase", "governance", "trust"]].copy()
    table["score"] = score
    applies = scene.applies[:, rows]
    counted = (colours >= 0).T @ weights
    table["coverage"] = _share(counted, (applies & sourced[:, None]).T @ weights)
    table["coverage_of_all"] = _share(counted, applies.T @ weights)
    rated = (table["coverage"] >= dashboard.least_coverage - scoring.CLOSE).to_numpy()
    table["rating"] = pd.Series(rating, index=table.index).where(rated).astype("Int64")
    table["no_rating"] = _why_not_rated(table, dashboard)
    entropy = int(rng.integers(2**63))
    chances = _chances(scene, rows, score, rating, rated, draws, entropy)
    table[list(chances)] = pd.DataFrame(chances, index=table.index)
    table["reasons"] = explain.reasons(dashboard, values, colours, rated)
    table["would_change"] = explain.would_change(dashboard, values, colours, rating, rated)
    table["one_pupil"] = explain.one_pupil(scene, rows, rating, rated)
    return Ratings(
        dashboard, year, draws, table, explain.contributions(scene, panel, rows, values, colours),
        tuple(i.id for i, s in zip(dashboard.indicators, sourced, strict=True) if not s),
    )  # fmt: skip


def count_unsure(ratings: pd.DataFrame) -> int:
    """Count rated schools that would be rated otherwise in more than 20 of 100 draws."""
    there = ratings[ratings["rating"].notna()]
    own = there[["p1", "p2", "p3"]].to_numpy(dtype=float)
    as_rated = own[np.arange(len(there)), there["rating"].astype(int).to_numpy() - 1]
    return int((as_rated < SURE).sum())


def _checked(register: pd.DataFrame, panel: Panel, year: int, draws: int) -> pd.DataFrame:
    twice = register.index[register.index.duplicated()].unique().tolist()
    if twice:
        raise DesignError(f"the register lists a school twice: {twice}. Each school is one row.")
    if year not in panel.releases.index:
        known = sorted(panel.releases.index.tolist())
        raise DesignError(f"no results of {year} to rate by; the panel has {known}.")
    if draws < 1:
        raise DesignError(f"draws is {draws}; how sure a rating is needs at least one.")
    return register.sort_index()


def _check_schools(
    register: pd.DataFrame, schools: pd.Index | None, ofsted: pd.DataFrame | None
) -> None:
    strangers = [] if schools is None else sorted(set(schools) - set(register.index))
    if strangers:
        raise DesignError(f"schools to rate that are not in the register: {strangers[:10]}.")
    if ofsted is not None and not ofsted.index.is_unique:
        twice = ofsted.index[ofsted.index.duplicated()].unique().tolist()
        raise DesignError(f"the inspections list a school twice: {twice[:10]}. Keep the latest.")


def _share(part: Values, whole: Values) -> Values:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def _why_not_rated(table: pd.DataFrame, dashboard: Dashboard) -> pd.Series:
    special = ~table["phase"].isin(["primary", "secondary", "all-through"])
    share = (100 * table["coverage"]).round().astype(int).astype(str)
    least = f"{dashboard.least_coverage:.0%}"
    told = "only " + share + f"% of the weights that could apply has a value, and {least} is needed"
    told = told.where(table["coverage"] > 0, "no indicator has a value")
    told = told.where(~special, "special schools are not rated by these criteria")
    return told.where(table["rating"].isna(), "")


def _chances(
    scene: Scene,
    rows: Rows,
    scores: Values,
    ratings: Rating,
    rated: npt.NDArray[np.bool_],
    draws: int,
    entropy: int,
) -> dict[str, Values]:
    """Rate the schools of each authority again under likely true values and moved weights."""
    dashboard = scene.dashboard
    move = np.random.default_rng([entropy, 0])
    weights = scoring.weights_of(dashboard)[:, None].astype(np.float32)
    weights = weights * move.uniform(1 - dashboard.weights_move, 1 + dashboard.weights_move,
                                     (len(weights), draws)).astype(np.float32)  # fmt: skip
    names = ("p1", "p2", "p3", "rank", "rank_low", "rank_high", "rank_of")
    found = {name: np.full(len(rows), np.nan) for name in names}
    las = scene.register["la"].to_numpy()[rows]
    phases = scene.register["phase"].to_numpy()[rows].astype(str)
    for la in np.unique(las[rated]):
        own = np.flatnonzero((las == la) & rated)
        rng = np.random.default_rng([entropy, 1, int(la)])
        order = np.empty((len(own), draws), dtype=np.float32)
        for phase in np.unique(phases[own]):
            some = np.flatnonzero(phases[own] == phase)
            some_rows = rows[own[some]]
            score, rating = _draw(scene, some_rows, weights, draws, rng)
            for number in (1, 2, 3):
                found[f"p{number}"][own[some]] = (rating == number).mean(axis=1)
            order[some] = rating - score / 8  # by rating, then by score
        plain = ratings[own] - scores[own] / 8
        found["rank"][own] = _ranks(plain[:, None])[:, 0]
        ranks = _ranks(order)
        tail = (1 - RANK_SHARE) / 2
        ends = np.quantile(ranks, [tail, 1 - tail], axis=1, method="closest_observation")
        found["rank_low"][own], found["rank_high"][own] = ends
        found["rank_of"][own] = len(own)
    return found


def _draw(
    scene: Scene, rows: Rows, weights: Values, draws: int, rng: np.random.Generator
) -> tuple[Values, Rating]:
    figures = scene.drawn.draw(rows, draws, rng)
    tally = scoring.Tally(scene.dashboard)
    for number, (value, colour) in enumerate(scene.colour(rows, figures)):
        tally.add(number, value, colour, weights[number])
    score, rating = tally.result()
    shape = (len(rows), draws)
    return np.broadcast_to(score, shape), np.broadcast_to(rating, shape)


def _ranks(order: Values) -> Values:
    """Rank schools within each draw, smallest first; equal ones share the better rank."""
    place = np.argsort(order, axis=0, kind="stable")
    placed = np.take_along_axis(order, place, axis=0)
    new = np.vstack([np.ones((1, order.shape[1]), bool), placed[1:] > placed[:-1]])
    first = np.maximum.accumulate(np.where(new, np.arange(1, len(order) + 1)[:, None], 0), axis=0)
    ranks = np.empty(order.shape)
    np.put_along_axis(ranks, place, first.astype(float), axis=0)
    return ranks
