"""From colours to a score and a rating: points, weights, and what by itself gives a rating."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pepstats.errors import DesignError
from pepstats.priority.dashboard import COLOURS, DERIVED, Band, Dashboard, Indicator
from pepstats.priority.indicators import Colours, Indicators, Values, find_indicators
from pepstats.priority.uncertainty import NORMAL_95
from pepstats.schools import Panel

CLOSE = 1e-6  # a score that is 1.2 but for the last bit of a float is 1.2

Rows = npt.NDArray[np.intp]

Rating = npt.NDArray[np.int8]


class Tally:
    """Points and weights added up one indicator at a time, so that draws need little memory."""

    def __init__(self, dashboard: Dashboard) -> None:
        """Start with nothing counted."""
        self.dashboard = dashboard
        self.points: Values = np.zeros(1, dtype=np.float32)  # as wide as the weights added
        self.weight: Values = np.zeros(1, dtype=np.float32)
        self.forced: Rating = np.full(1, 3, dtype=np.int8)

    def add(self, number: int, value: Values, colour: Colours, weight: Values) -> None:
        """Count one indicator where it has a colour, and any rating it gives by itself."""
        indicator = self.dashboard.indicators[number]
        there = colour >= 0
        self.points = self.points + np.where(there, colour, 0) * weight
        self.weight = self.weight + there * weight
        for override in self.dashboard.overrides:
            if override.indicator == indicator.id:
                by_itself = there & override.when.holds(value, _numbers_only)
                self.forced = np.where(
                    by_itself, np.minimum(self.forced, override.rating), self.forced
                )

    def result(self) -> tuple[Values, Rating]:
        """Give the score (missing where nothing counted) and the rating, 1 to 3."""
        nothing = np.full(self.points.shape, np.nan, self.points.dtype)
        score = np.divide(self.points, self.weight, out=nothing, where=self.weight > 0)
        rating = 3 - (score >= self.dashboard.rating_2_from - CLOSE).astype(np.int8)
        rating -= score >= self.dashboard.rating_1_from - CLOSE
        return score, np.minimum(rating, self.forced).astype(np.int8)


def _numbers_only(limit: float | str) -> float:
    return float(limit)


def weights_of(dashboard: Dashboard) -> Values:
    """Give the weight of each indicator, in the dashboard's order."""
    return np.array([indicator.weight for indicator in dashboard.indicators], dtype=float)


def colour_all(scene: Indicators, rows: Rows, figures: Values) -> tuple[Values, Colours]:
    """Give values and colours, indicator by school, of figures (school by cell) as they are."""
    pairs = list(scene.colour(rows, figures[:, :, None]))
    shape = (len(rows), 1)
    values = np.array([np.broadcast_to(v, shape)[:, 0] for v, _ in pairs], dtype=float)
    return values, np.array([np.broadcast_to(c, shape)[:, 0] for _, c in pairs], dtype=np.int8)


def rate_all(dashboard: Dashboard, values: Values, colours: Colours) -> tuple[Values, Rating]:
    """Score and rate values and colours, indicator by school."""
    tally = Tally(dashboard)
    for number, weight in enumerate(weights_of(dashboard)):
        tally.add(number, values[number], colours[number], weight)
    return tally.result()


Texts = npt.NDArray[np.object_]

Bools = npt.NDArray[np.bool_]

SHAPES = {"red": "▲", "amber": "◆", "green": "●", "": ""}
"""A shape beside each colour, so that no one needs to see the colour."""

NOT_HERE = "does not apply here"


def reasons(dashboard: Dashboard, values: Values, colours: Colours, rated: Bools) -> Texts:
    """Say in words what a rating rests on: what gives it by itself, then what is red and amber."""
    told: list[list[str]] = [[] for _ in rated]
    for rating in (1, 2):
        for place, labels in _given_by_itself(dashboard, rating, values, colours).items():
            if rated[place]:
                told[place].append(f"At least priority {rating} by itself: {'; '.join(labels)}")
    for colour in ("red", "amber"):
        code = COLOURS.index(colour)
        for school in np.flatnonzero(rated):
            labels = [
                dashboard.indicators[n].label for n in np.flatnonzero(colours[:, school] == code)
            ]
            if labels:
                told[school].append(f"{colour.capitalize()}: {'; '.join(labels)}")
    words = [". ".join(parts) if parts else "Nothing red or amber" for parts in told]
    return np.where(rated, np.array(words, dtype=object), "")


def _given_by_itself(
    dashboard: Dashboard, rating: int, values: Values, colours: Colours
) -> dict[int, list[str]]:
    """Give the indicators that by themselves give each school at least a rating, and no higher."""
    ids = [indicator.id for indicator in dashboard.indicators]
    found: dict[int, list[str]] = {}
    higher: set[tuple[int, str]] = set()
    for override in sorted(dashboard.overrides, key=lambda one: one.rating):
        number = ids.index(override.indicator)
        label = dashboard.indicators[number].label
        holds = override.when.holds(values[number], float) & (colours[number] >= 0)
        for school in map(int, np.flatnonzero(holds)):
            if override.rating == rating and (school, label) not in higher:
                found.setdefault(school, []).append(label)
            higher.add((school, label))
    return found


def would_change(
    dashboard: Dashboard, values: Values, colours: Colours, rating: Rating, rated: Bools
) -> Texts:
    """Name the single indicators that, one or two colours on, would give another rating."""
    found: list[dict[int, list[str]]] = [{} for _ in rated]
    for number, indicator in enumerate(dashboard.indicators):
        bands = [_band(indicator, code) for code in (0, 1, 2)]
        examples = np.array([_example(band) for band in bands])
        there = np.array([band is not None for band in bands])
        for direction in (-1, 1):
            open_yet = rated & (colours[number] >= 0)
            for step in (1, 2):
                to = colours[number] + direction * step
                ask = open_yet & (to >= 0) & (to <= 2) & there[np.clip(to, 0, 2)]
                changed, painted = values.copy(), colours.copy()
                changed[number] = np.where(ask, examples[np.clip(to, 0, 2)], values[number])
                painted[number] = np.where(ask, to, colours[number])
                _, other = rate_all(dashboard, changed, painted)
                differs = ask & (other != rating)
                open_yet &= ~differs
                for school in np.flatnonzero(differs):
                    text = f"{indicator.label} were {COLOURS[int(to[school])]}"
                    found[school].setdefault(int(other[school]), []).append(text)
    told = [
        "; ".join(f"{to} if {' or '.join(ways)}" for to, ways in sorted(each.items()))
        for each in found
    ]
    return np.array(told, dtype=object)


def _band(indicator: Indicator, code: int) -> Band | None:
    band = getattr(indicator, COLOURS[code])
    return band if isinstance(band, Band) else None


def _example(band: Band | None) -> float:
    """Give a value in the band, nearest to the middle of the dashboard's scale."""
    if band is None:
        return np.nan
    if isinstance(band.low, float):
        return band.low if band.from_ is not None else band.low + 1e-6
    if isinstance(band.high, float):
        return band.high if band.upto is not None else band.high - 1e-6
    return np.nan


def one_pupil(scene: Indicators, rows: Rows, rating: Rating, rated: Bools) -> Texts:
    """Give the rating with one pupil more or fewer at the expected standard, where it differs."""
    told = np.full(len(rows), "", dtype=object)
    cell = ("rwm_expected", scene.year)
    if cell not in scene.cells:
        return told
    place = scene.cells.index(cell)
    for pupils, words in ((1, "one pupil more"), (-1, "one pupil fewer")):
        figures = scene.drawn.figures[rows].copy()
        share = 100 / scene.cohorts[rows, place]
        figures[:, place] = np.clip(figures[:, place] + pupils * share, 0, 100)
        values, colours = colour_all(scene, rows, figures)
        _, other = rate_all(scene.dashboard, values, colours)
        for school in np.flatnonzero(rated & (other != rating)):
            joint = "; " if told[school] else ""
            told[school] = (
                f"{told[school]}{joint}{other[school]} with {words} at the expected standard"
            )
    return told


def contributions(
    scene: Indicators, panel: Panel, rows: Rows, values: Values, colours: Colours
) -> pd.DataFrame:
    """Lay out what each indicator says of each school, keyed (school, indicator)."""
    parts = [
        _contribution(scene, panel, rows, number, values[number], colours[number])
        for number in range(len(scene.dashboard.indicators))
    ]
    table = pd.concat(parts, ignore_index=True)
    order = {i.id: number for number, i in enumerate(scene.dashboard.indicators)}
    table["order"] = table["indicator"].map(order)
    table = table.sort_values(["school", "order"], kind="stable").drop(columns="order")
    return table.set_index(["school", "indicator"])


def _contribution(
    scene: Indicators, panel: Panel, rows: Rows, number: int, value: Values, colour: Colours
) -> pd.DataFrame:
    indicator = scene.dashboard.indicators[number]
    there = colour >= 0
    rag = np.where(there, np.array(COLOURS, dtype=object)[np.clip(colour, 0, 2)], "")
    low, high, against, published = _interval(scene, indicator, rows, value)
    worse = (high < against) if indicator.worse == "low" else (low > against)
    better = (low > against) if indicator.worse == "low" else (high < against)
    signal = np.where(worse, "challenge", np.where(better, "strength", "normal"))
    signal = np.where(there & np.isfinite(low), signal, "")
    why = np.where(scene.applies[number, rows], scene.missing[number][rows], NOT_HERE)
    table: dict[str, Any] = {
        "school": scene.register.index.to_numpy()[rows], "indicator": indicator.id,
        "heading": indicator.heading, "label": indicator.label, "theme": indicator.theme,
        "value": np.where(there, value, np.nan), "low": low, "high": high,
        "published": published, "comparison": scene.levels[indicator.id].comparison[rows],
        "rag": rag, "shape": [SHAPES[word] for word in rag], "signal": signal,
        "points": np.where(there, colour, np.nan), "weight": indicator.weight, "counted": there,
        "year": scene.year - indicator.behind,
        "release": _release(panel, indicator, scene.year - indicator.behind),
        "reason": np.where(there, "", why),
    }  # fmt: skip
    return pd.DataFrame(table)


def _interval(
    scene: Indicators, indicator: Indicator, rows: Rows, value: Values
) -> tuple[Values, Values, Values, Values]:
    """Give a value's 95% limits, what they are held against, and the figure as published."""
    nothing = np.full(len(rows), np.nan)
    year = scene.year - indicator.behind
    cell = (indicator.of, year)
    if indicator.of in DERIVED or cell not in scene.cells:
        return nothing, nothing, nothing, value if indicator.of in DERIVED else nothing
    place = scene.cells.index(cell)
    error = scene.drawn.errors[rows, place]
    against = scene.levels[indicator.id].comparison[rows]
    if indicator.shown == "trend":
        first = (indicator.of, year - 2)
        if first not in scene.cells:
            return nothing, nothing, nothing, nothing
        error = np.hypot(error, scene.drawn.errors[rows, scene.cells.index(first)]) / 2
    if indicator.shown == "trend" or indicator.compare:
        against = np.zeros(len(rows))
    reach = NORMAL_95 * error
    return value - reach, value + reach, against, scene.drawn.figures[rows, place]


def _release(panel: Panel, indicator: Indicator, year: int) -> str:
    """Give the release an indicator rests on; floor and coasting rest on the published results."""
    measure = {"floor": "rwm_expected", "coasting": "rwm_expected"}.get(indicator.of, indicator.of)
    if measure not in panel.releases.columns or year not in panel.releases.index:
        return ""
    release = panel.releases.loc[year, measure]
    return str(release) if isinstance(release, str) else ""


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


def rate_schools(
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
    scene = find_indicators(panel, register, dashboard, year, ofsted=ofsted, england=england)
    asked = np.ones(len(register), bool) if schools is None else register.index.isin(schools)
    rows = np.flatnonzero(asked)
    everyone = np.arange(len(register))
    values, colours = colour_all(scene, everyone, scene.drawn.figures)
    sourced = np.asarray((colours >= 0).any(axis=1), dtype=bool)
    if not sourced.any():
        raise DesignError(
            f"{dashboard.line}: none of its indicators has a value in {year}. Add sources to the "
            "report, or rate another year."
        )
    values, colours = values[:, rows], colours[:, rows]
    weights = weights_of(dashboard)
    score, rating = rate_all(dashboard, values, colours)
    table = register.iloc[rows][["name", "la", "phase", "governance", "trust"]].copy()
    table["score"] = score
    applies = scene.applies[:, rows]
    counted = (colours >= 0).T @ weights
    table["coverage"] = _share(counted, (applies & sourced[:, None]).T @ weights)
    table["coverage_of_all"] = _share(counted, applies.T @ weights)
    rated = (table["coverage"] >= dashboard.least_coverage - CLOSE).to_numpy()
    table["rating"] = pd.Series(rating, index=table.index).where(rated).astype("Int64")
    table["no_rating"] = _why_not_rated(table, dashboard)
    entropy = int(rng.integers(2**63))
    chances = _chances(scene, rows, score, rating, rated, draws, entropy)
    table[list(chances)] = pd.DataFrame(chances, index=table.index)
    table["reasons"] = reasons(dashboard, values, colours, rated)
    table["would_change"] = would_change(dashboard, values, colours, rating, rated)
    table["one_pupil"] = one_pupil(scene, rows, rating, rated)
    return Ratings(
        dashboard, year, draws, table, contributions(scene, panel, rows, values, colours),
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
    scene: Indicators,
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
    weights = weights_of(dashboard)[:, None].astype(np.float32)
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
    scene: Indicators, rows: Rows, weights: Values, draws: int, rng: np.random.Generator
) -> tuple[Values, Rating]:
    figures = scene.drawn.draw(rows, draws, rng)
    tally = Tally(scene.dashboard)
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
