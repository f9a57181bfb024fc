"""From colours to a score and a rating, what it rests on, how sure it is and how often it lasts.

P(rating) says how sure this year's rating is; a rating is used for the year to come, in which other
pupils are tested. Results of earlier years tell how often a rating lasts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pepstats.errors import DesignError
from pepstats.formatting import AGREED, in_ten, per_hundred, school_year
from pepstats.priority.dashboard import COLOURS, DERIVED, Band, Dashboard, Indicator
from pepstats.priority.indicators import (
    NOT_HERE,
    Bools,
    Colours,
    Indicators,
    RatingInputs,
    Rows,
    Texts,
    Values,
    find_indicators,
    find_reasons,
)
from pepstats.priority.uncertainty import NORMAL_95

CLOSE = 1e-6  # a score that is 1.2 but for the last bit of a float is 1.2
RANK_ENDS = (1 - 0.975, 0.975)
SURE = 0.8
"""A rating is borderline where less than this share of draws gives it."""

SHAPES = {"red": "▲", "amber": "◆", "green": "●", "": ""}
"""A shape beside each colour, so that no one needs to see the colour."""

NOTHING = "Nothing red or amber"
Rating = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Ratings:
    """Who needs help first, why, and how sure that is.

    Attributes
    ----------
    ratings
        One row per `school`: `name`, `la`, `phase`, `governance`, `trust`; `score` (0 to 2),
        `coverage` (share, by weight, of all indicators that apply to the school) and
        `coverage_of_sourced` (of those that the study's files can fill; under the dashboard's
        least, a school is not rated); `rating` (1 highest to 3,
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
    left_out
        Indicators that cannot exist in the year or in the study, each with the reason: they count
        neither way.
    """

    dashboard: Dashboard
    year: int
    draws: int
    ratings: pd.DataFrame
    contributions: pd.DataFrame
    no_source: tuple[str, ...] = field(default=())
    left_out: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Return the year and how many schools have each rating, on one line."""
        counts = self.count()["schools"].items()
        told = ", ".join(f"{schools} schools {rating}" for rating, schools in counts)
        return f"Ratings({self.year}: {told})"

    def _repr_html_(self) -> str:
        return str(self.count().reset_index().to_html(index=False, escape=True))

    def left_out_table(self) -> pd.DataFrame:
        """List the indicators left out; keyed `indicator`: `label`, `reason`."""
        labels = {one.id: one.label for one in self.dashboard.indicators}
        rows = [(name, labels[name], why) for name, why in self.left_out.items()]
        return pd.DataFrame(rows, columns=["indicator", "label", "reason"]).set_index("indicator")

    def count(self) -> pd.DataFrame:
        """Count the schools of each rating; keyed `rating`: `schools`, `borderline` (of them)."""
        unsure = chance_of(self.ratings, self.ratings["rating"]) < SURE
        groups = unsure.groupby(self.ratings["rating"].astype(object).fillna("not rated"))
        table = pd.DataFrame({"schools": groups.size(), "borderline": groups.sum()})
        return table.reindex([1, 2, 3, "not rated"], fill_value=0).rename_axis("rating")


def chance_of(ratings: pd.DataFrame, rating: pd.Series) -> pd.Series:
    """Return how often the draws give each school a rating; missing where that is missing."""
    asked = rating.astype(float).reindex(ratings.index)
    given = np.select(
        [asked == n for n in (1, 2, 3)], [ratings[f"p{n}"] for n in (1, 2, 3)], np.nan
    )
    return pd.Series(given, index=ratings.index)


def count_unsure(ratings: pd.DataFrame) -> int:
    """Count rated schools that would be rated otherwise in more than 20 of 100 draws."""
    return int((chance_of(ratings, ratings["rating"]) < SURE).sum())


@dataclass(frozen=True)
class _Rated:
    """Some schools rated once by their published figures; colours are indicator by school."""

    indicators: Indicators
    rows: Rows
    values: Values
    colours: Colours
    score: Values
    rating: Rating
    there: Bools  # whether enough of the indicators have a value to be rated at all


def rate_schools(
    inputs: RatingInputs,
    dashboard: Dashboard,
    year: int,
    *,
    rng: np.random.Generator,
    schools: pd.Index | None = None,
    draws: int = 1000,
) -> Ratings:
    """Rate schools by the dashboard's criteria, and say how sure each rating is.

    `schools` limits who is rated, never who they are compared with. Each draw takes likely true
    values of every figure, given its pupils and the other schools, and weights moved by up to
    `dashboard.weights_move`, and rates all again. An authority has its own draws, so rating another
    one too moves nothing.

    Raises `DesignError` where a school to rate is unknown, the year is not in the panel, or nothing
    of the dashboard has a source.
    """
    rated, table, sourced = _rate(inputs, dashboard, year, schools)
    chances = _draw_chances(rated, draws, entropy=int(rng.integers(2**63)))
    table[list(chances)] = pd.DataFrame(chances, index=table.index)
    table["reasons"] = _list_reasons(rated)
    table["would_change"] = _would_change(rated)
    table["one_pupil"] = _one_pupil(rated)
    left_out = _list_left_out(rated.indicators, rated.rows)
    without = tuple(one.id for one, has in zip(dashboard.indicators, sourced, strict=True)
                    if not has and one.id not in left_out)  # fmt: skip
    lines = pd.concat([_contribution(rated, number) for number in range(len(rated.values))])
    lines = lines.sort_values("school", kind="stable").set_index(["school", "indicator"])
    return Ratings(dashboard, year, draws, table, lines, without, left_out)


def _rate(
    inputs: RatingInputs, dashboard: Dashboard, year: int, schools: pd.Index | None
) -> tuple[_Rated, pd.DataFrame, Bools]:
    """Rate schools once; return that, a row for each, and which criteria have a source."""
    _check(inputs, year, schools)
    register = inputs.register.sort_index()
    inputs = dataclasses.replace(inputs, register=register)
    indicators = find_indicators(inputs, dashboard, year)
    everyone = np.arange(len(register))
    values, colours = colour_all(indicators, everyone, indicators.sampling.figures)
    sourced = np.asarray((colours >= 0).any(axis=1), dtype=bool)
    if not sourced.any():
        raise DesignError(
            f"{dashboard.line}: none of its indicators has a value in {year}. Add sources to the "
            "report, or rate another year."
        )
    rows = everyone if schools is None else np.flatnonzero(register.index.isin(schools))
    values, colours = values[:, rows], colours[:, rows]
    score, rating = rate_all(dashboard, zip(values, colours, strict=True))
    table = register.iloc[rows][["name", "la", "phase", "governance", "trust"]].copy()
    table["score"] = score
    weights, applies = weights_of(dashboard), indicators.applies[:, rows]
    counted = (colours >= 0).T @ weights
    table["coverage"] = _share(counted, applies.T @ weights)
    table["coverage_of_sourced"] = _share(counted, (applies & sourced[:, None]).T @ weights)
    there = (table["coverage_of_sourced"] >= dashboard.least_coverage - CLOSE).to_numpy()
    table["rating"] = pd.Series(rating, index=table.index).where(there).astype("Int64")
    table["no_rating"] = _why_not_rated(table, dashboard)
    return _Rated(indicators, rows, values, colours, score, rating, there), table, sourced


def _list_left_out(indicators: Indicators, rows: Rows) -> dict[str, str]:
    """List the indicators that are asked of no school, though they would apply to some: and why."""
    found, asked = {}, indicators.not_asked[:, rows]
    for one, told in zip(indicators.dashboard.indicators, asked, strict=True):
        whys = sorted(set(told) - {NOT_HERE})
        if whys and "" not in whys:
            found[one.id] = str(whys[0])
    return found


def share_sourced(inputs: RatingInputs, dashboard: Dashboard, year: int) -> dict[str, float]:
    """Return each indicator that has values, and the share of its schools that have one."""
    indicators = find_indicators(inputs, dashboard, year)
    figures = indicators.sampling.figures
    _, colours = colour_all(indicators, np.arange(len(figures)), figures)
    has = (colours >= 0).sum(axis=1) / np.maximum(indicators.applies.sum(axis=1), 1)
    return {one.id: float(share) for one, share in zip(dashboard.indicators, has, strict=True)
            if share > 0}  # fmt: skip


def _check(inputs: RatingInputs, year: int, schools: pd.Index | None) -> None:
    """Refuse a year without results, and a school that is not in the register."""
    if year not in inputs.panel.releases.index:
        known = sorted(inputs.panel.releases.index.tolist())
        raise DesignError(f"no results of {year} to rate by; the panel has {known}.")
    strangers = [] if schools is None else sorted(set(schools) - set(inputs.register.index))
    if strangers:
        raise DesignError(f"schools to rate that are not in the register: {strangers[:10]}.")


def _share(part: Values, whole: Values) -> Values:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def _why_not_rated(table: pd.DataFrame, dashboard: Dashboard) -> pd.Series:
    special = ~table["phase"].isin(["primary", "secondary", "all-through"])
    share = (100 * table["coverage_of_sourced"]).round().astype(int).astype(str)
    told = "it has figures for only " + share + "% of the criteria that this study's files can fill"
    told += f", by weight, and {dashboard.least_coverage:.0%} is needed"
    told = told.where(table["coverage"] > 0, "no indicator has a value")
    told = told.where(~special, "special schools are not rated by these criteria")
    return told.where(table["rating"].isna(), "")


def weights_of(dashboard: Dashboard) -> Values:
    """Return the weight of each indicator, in the dashboard's order."""
    return np.array([indicator.weight for indicator in dashboard.indicators], dtype=float)


def colour_all(indicators: Indicators, rows: Rows, figures: Values) -> tuple[Values, Colours]:
    """Return values and colours, indicator by school, of figures (school by cell) as they are."""
    pairs = list(indicators.colour(rows, figures[:, :, None]))
    shape = (len(rows), 1)
    values = np.array([np.broadcast_to(v, shape)[:, 0] for v, _ in pairs], dtype=float)
    return values, np.array([np.broadcast_to(c, shape)[:, 0] for _, c in pairs], dtype=np.int8)


def rate_all(
    dashboard: Dashboard, lines: Iterable[tuple[Values, Colours]], weights: Values | None = None
) -> tuple[Values, Rating]:
    """Return the score (missing where nothing counted) and the rating, 1 to 3.

    `lines` are each indicator's values and colours, by school, or by school and draw, added up one
    at a time, so that draws need little memory.
    """
    points: Values = np.zeros(1, dtype=np.float32)
    weight = points
    forced: Rating = np.full(1, 3, dtype=np.int8)
    each = weights_of(dashboard) if weights is None else weights
    for indicator, (value, colour), own in zip(dashboard.indicators, lines, each, strict=True):
        there = colour >= 0
        points = points + np.where(there, colour, 0) * own
        weight = weight + there * own
        for override in dashboard.overrides:
            if override.indicator == indicator.id:
                by_itself = there & override.when.holds(value, float)
                forced = np.where(by_itself, np.minimum(forced, override.rating), forced)
    nothing = np.full(points.shape, np.nan, points.dtype)
    score = np.divide(points, weight, out=nothing, where=weight > 0)
    rating = 3 - (score >= dashboard.rating_2_from - CLOSE).astype(np.int8)
    rating -= score >= dashboard.rating_1_from - CLOSE
    return score, np.minimum(rating, forced).astype(np.int8)


def _draw_chances(rated: _Rated, draws: int, entropy: int) -> dict[str, Values]:
    """Rate the schools of each authority again under likely true values and moved weights."""
    from scipy.stats import rankdata

    indicators, register = rated.indicators, rated.indicators.inputs.register
    move = indicators.dashboard.weights_move
    weights = weights_of(indicators.dashboard)[:, None].astype(np.float32)
    moved = np.random.default_rng([entropy, 0]).uniform(1 - move, 1 + move, (len(weights), draws))
    weights = weights * moved.astype(np.float32)
    names = ("p1", "p2", "p3", "rank", "rank_low", "rank_high", "rank_of")
    found = {name: np.full(len(rated.rows), np.nan) for name in names}
    las = register["la"].to_numpy()[rated.rows]
    phases = register["phase"].to_numpy()[rated.rows].astype(str)
    for la in np.unique(las[rated.there]):
        own = np.flatnonzero((las == la) & rated.there)
        rng = np.random.default_rng([entropy, 1, int(la)])
        order = np.empty((len(own), draws), dtype=np.float32)
        for phase in np.unique(phases[own]):
            some = np.flatnonzero(phases[own] == phase)
            rows = rated.rows[own[some]]
            figures = indicators.sampling.draw(rows, draws, rng)
            lines = indicators.colour(rows, figures)
            score, rating = rate_all(indicators.dashboard, lines, weights)
            for number in (1, 2, 3):
                found[f"p{number}"][own[some]] = (rating == number).mean(axis=1)
            order[some] = rating - score / 8  # by rating, then by score
        by = np.round(rated.rating[own] - rated.score[own] / 8, AGREED)
        found["rank"][own] = rankdata(by, method="min")
        ranks = rankdata(order, method="min", axis=0)
        ends = np.quantile(ranks, RANK_ENDS, axis=1, method="closest_observation")
        found["rank_low"][own], found["rank_high"][own] = ends
        found["rank_of"][own] = len(own)
    return found


def _list_reasons(rated: _Rated) -> Texts:
    """Write what a rating rests on: what gives it by itself, then what is red and amber."""
    dashboard, colours = rated.indicators.dashboard, rated.colours
    ids = [indicator.id for indicator in dashboard.indicators]
    by_itself = {rating: np.zeros(colours.shape, dtype=bool) for rating in (1, 2)}
    for override in dashboard.overrides:
        at = ids.index(override.indicator)
        holds = override.when.holds(rated.values[at], float) & (colours[at] >= 0)
        by_itself[override.rating][at] |= holds
    by_itself[2] &= ~by_itself[1]
    grounds = {f"At least priority {n} by itself": holds for n, holds in by_itself.items()}
    grounds |= {"Red": colours == COLOURS.index("red"), "Amber": colours == COLOURS.index("amber")}
    labels = np.array([indicator.label for indicator in dashboard.indicators], dtype=object)
    told = [
        ". ".join(
            f"{ground}: {'; '.join(labels[holds[:, school]])}"
            for ground, holds in grounds.items()
            if holds[:, school].any()
        )
        for school in range(len(rated.rows))
    ]
    return np.where(rated.there, np.array([words or NOTHING for words in told], dtype=object), "")


def _would_change(rated: _Rated) -> Texts:
    """Name the single indicators that, one or two colours on, would give another rating."""
    found: list[dict[int, list[str]]] = [{} for _ in rated.rows]
    for number, indicator in enumerate(rated.indicators.dashboard.indicators):
        value, colour = rated.values[number], rated.colours[number]
        examples = np.array([_example(indicator.bands.get(name)) for name in COLOURS])
        known = np.array([name in indicator.bands for name in COLOURS])
        for direction in (-1, 1):
            open_yet = rated.there & (colour >= 0)
            for step in (1, 2):
                to = colour + direction * step
                ask = open_yet & (to >= 0) & (to <= 2) & known[np.clip(to, 0, 2)]
                values, colours = rated.values.copy(), rated.colours.copy()
                values[number] = np.where(ask, examples[np.clip(to, 0, 2)], value)
                colours[number] = np.where(ask, to, colour)
                _, other = rate_all(rated.indicators.dashboard, zip(values, colours, strict=True))
                differs = ask & (other != rated.rating)
                open_yet &= ~differs
                for school in np.flatnonzero(differs):
                    text = f"{indicator.label} were {COLOURS[int(to[school])]}"
                    found[school].setdefault(int(other[school]), []).append(text)
    told = [
        "; ".join(f"{to} if {' or '.join(ways)}" for to, ways in sorted(each.items()))
        for each in found
    ]
    return np.array(told, dtype=object)


def _example(band: Band | None) -> float:
    """Return a value in the band, nearest to the middle of the dashboard's scale."""
    if band is not None and isinstance(band.low, float):
        return band.low if band.from_ is not None else band.low + 1e-6
    if band is not None and isinstance(band.high, float):
        return band.high if band.upto is not None else band.high - 1e-6
    return np.nan


def _one_pupil(rated: _Rated) -> Texts:
    """Return the rating with one pupil more or fewer at the expected standard, if it differs."""
    told = np.full(len(rated.rows), "", dtype=object)
    indicators, rows = rated.indicators, rated.rows
    cell = ("rwm_expected", indicators.year)
    if cell not in indicators.places:
        return told
    place, share = indicators.places[cell], 100 / indicators.inputs.cohort(*cell)[rows]
    for pupils, words in ((1, "one pupil more"), (-1, "one pupil fewer")):
        figures = indicators.sampling.figures[rows].copy()
        figures[:, place] = np.clip(figures[:, place] + pupils * share, 0, 100)
        lines = zip(*colour_all(indicators, rows, figures), strict=True)
        _, other = rate_all(rated.indicators.dashboard, lines)
        for school in np.flatnonzero(rated.there & (other != rated.rating)):
            joint = "; " if told[school] else ""
            told[school] += f"{joint}{other[school]} with {words} at the expected standard"
    return told


def _contribution(rated: _Rated, number: int) -> pd.DataFrame:
    """Lay out what an indicator says of each school."""
    indicators, rows = rated.indicators, rated.rows
    indicator = indicators.dashboard.indicators[number]
    value, colour = rated.values[number], rated.colours[number]
    year, there = indicators.year - indicator.behind, colour >= 0
    rag = np.where(there, np.array(COLOURS, dtype=object)[np.clip(colour, 0, 2)], "")
    low, high, against, published = _interval(rated, indicator, value)
    below, above = high < against, low > against
    worse, better = (below, above) if indicator.worse == "low" else (above, below)
    signal = np.where(worse, "challenge", np.where(better, "strength", "normal"))
    not_asked = indicators.not_asked[number, rows]
    why = find_reasons(indicators.inputs, indicator, indicators.year)[rows]
    why = np.where(not_asked == "", why, not_asked)
    table: dict[str, Any] = {
        "school": indicators.inputs.register.index.to_numpy()[rows], "indicator": indicator.id,
        "heading": indicator.heading, "label": indicator.label, "theme": indicator.theme,
        "value": np.where(there, value, np.nan), "low": low, "high": high,
        "published": published, "comparison": indicators.levels[indicator.id].comparison[rows],
        "rag": rag, "shape": [SHAPES[word] for word in rag],
        "signal": np.where(there & np.isfinite(low), signal, ""),
        "points": np.where(there, colour, np.nan), "weight": indicator.weight, "counted": there,
        "year": year, "release": _release(rated, indicator.of, year),
        "reason": np.where(there, "", why),
    }  # fmt: skip
    return pd.DataFrame(table)


def _interval(
    rated: _Rated, indicator: Indicator, value: Values
) -> tuple[Values, Values, Values, Values]:
    """Return a value's 95% limits, what they are held against, and the figure as published."""
    indicators, rows = rated.indicators, rated.rows
    figures = indicators.sampling.figures[rows]
    found = indicators.compare(indicator, rows, figures[:, :, None])
    if found is None:
        nothing = np.full(len(rows), np.nan)
        return nothing, nothing, nothing, value if indicator.of in DERIVED else nothing
    _, error, against = found
    reach = NORMAL_95 * error[:, 0]
    place = indicators.places[indicator.of, indicators.year - indicator.behind]
    return value - reach, value + reach, against[:, 0], figures[:, place]


def _release(rated: _Rated, of: str, year: int) -> str:
    """Return the release an indicator rests on; floor and coasting rest on published results."""
    releases = rated.indicators.inputs.panel.releases
    measure = "rwm_expected" if of in ("floor", "coasting") else of
    release = releases[measure].get(year) if measure in releases else None
    return release if isinstance(release, str) else ""


CERTAINTY = {"under 50": 0, "50 to 79": 50, "80 to 94": 80, "95 or more": 95}
"""Bands of P(rating), in 100, each with its lower end."""

ENOUGH = 100  # schools rated in both years
PUBLISHED = 0.1  # of the schools of a study: fewer have results where they are not published yet
FEW = 30  # schools of one rating, or of one band
POOLED = 5.0  # as many schools at the rating's own share steady the share of a band

NO_PAIR = (
    f"not known: this study has no two years in a row in which {ENOUGH} schools can be rated by "
    "the same criteria"
)
FOLLOWED_COLUMNS = ["year", "next_year", "schools", "chance", "same", "share"]


def follow_ratings(
    inputs: RatingInputs, dashboard: Dashboard, year: int, *, rng: np.random.Generator
) -> pd.DataFrame:
    """Count, by rating and certainty, the schools that had the same rating the year after.

    In the latest two years in a row, up to `year`, in which enough schools can be rated; both are
    rated by the criteria that are published in both, not of the authority's own schools alone.
    Two years in which these weigh too little to rate a school by are passed over. Keyed (`rating`,
    `certainty`, in 100): `year`, `next_year`, `schools` (rated in both), `chance` (mean P(rating)
    they were given), `same` (how many had the same rating again) and `share`, shrunk towards the
    share of the whole rating (a beta-binomial prior worth `POOLED` schools), missing where under
    `FEW` schools had the rating. Empty where there are no such years.
    """
    known = set(inputs.panel.releases.index)
    for last in sorted((y for y in known if y <= year and y - 1 in known), reverse=True):
        found = [share_sourced(inputs, dashboard, one) for one in (last - 1, last)]
        weight = {one.id: one.weight for one in dashboard.indicators}
        shared = {one for one in weight if all(side.get(one, 0) >= PUBLISHED for side in found)}
        asked = sum(weight[one] for one in found[1])
        held = sum(weight[one] for one in shared)
        if not shared or held < dashboard.least_coverage * asked - CLOSE:
            continue
        board = dashboard.model_copy(update={
            "indicators": tuple(one for one in dashboard.indicators if one.id in shared),
            "overrides": tuple(one for one in dashboard.overrides if one.indicator in shared),
        })  # fmt: skip
        after = _rate(inputs, board, last, None)[1]
        both = after.index[after["rating"].notna()]
        if len(both) < ENOUGH:
            continue
        rated, before, _ = _rate(inputs, board, last - 1, both)
        chances = _draw_chances(rated, 400, entropy=int(rng.integers(2**63)))
        before = before.assign(**chances)[before["rating"].notna()]
        if len(before) >= ENOUGH:
            return _count(before, after["rating"]).assign(year=last - 1, next_year=last)[
                FOLLOWED_COLUMNS
            ]
    index = pd.MultiIndex.from_tuples([], names=["rating", "certainty"])
    return pd.DataFrame(columns=FOLLOWED_COLUMNS, index=index)


def _count(before: pd.DataFrame, after: pd.Series) -> pd.DataFrame:
    chance = chance_of(before, before["rating"])
    same = before["rating"] == after.reindex(before.index)
    groups = pd.DataFrame({"chance": chance, "same": same.astype(int)}).groupby(
        [before["rating"].astype(int), _certainty_of(chance)]
    )
    table = groups.agg(schools=("same", "size"), chance=("chance", "mean"), same=("same", "sum"))
    order = pd.MultiIndex.from_product([(1, 2, 3), CERTAINTY], names=["rating", "certainty"])
    table = table.reindex(order)
    table[["schools", "same"]] = table[["schools", "same"]].fillna(0).astype(int)
    whole = table.groupby("rating")[["schools", "same"]].transform("sum")
    own = whole["same"] / whole["schools"]
    shrunk = (table["same"] + POOLED * own) / (table["schools"] + POOLED)
    return table.assign(share=shrunk.where(whole["schools"] >= FEW))


def _certainty_of(chance: pd.Series) -> pd.Series:
    """Return the band of each P(rating), as it is printed in so many of 100."""
    printed = chance.map(per_hundred, na_action="ignore").astype(float)
    bands = pd.cut(printed, [*CERTAINTY.values(), 101], right=False, labels=list(CERTAINTY))
    return bands.astype(object).rename("certainty")


def add_next_year(rated: Ratings, followed: pd.DataFrame) -> Ratings:
    """Add to each rating the chance of the same rating next year, as `follow_ratings` tells it.

    Adds `same_next_year` (the share), `same_next_year_of` (how many schools it rests on) and
    `next_year` (both in a sentence, or why there is no share; empty where a school is not rated) to
    `Ratings.ratings`.
    """
    table = rated.ratings.copy()
    bands = _certainty_of(chance_of(table, table["rating"]))
    keys = list(zip(table["rating"].fillna(0).astype(int), bands, strict=True))
    found = followed[["schools", "share"]].reindex(pd.MultiIndex.from_tuples(keys))
    there = found["share"].notna().to_numpy()
    table["same_next_year"] = found["share"].to_numpy(dtype=float)
    counted = pd.Series(found["schools"].to_numpy(dtype=float), index=table.index)
    table["same_next_year_of"] = counted.where(there).astype("Int64")
    table["next_year"] = [_say(followed, n, band) if n else "" for n, band in keys]
    return dataclasses.replace(rated, ratings=table)


def _say(followed: pd.DataFrame, rating: int, band: str) -> str:
    """Write how many schools of one rating and certainty had it again, or why that is not known."""
    if followed.empty:
        return NO_PAIR
    row = followed.loc[(rating, band)]
    whole = int(followed.loc[rating, "schools"].sum())
    first, then = school_year(int(row["year"])), school_year(int(row["next_year"]))
    if pd.isna(row["share"]):
        return f"not known: in {first} only {whole} schools were rated {rating}"
    few = row["schools"] < FEW
    more = f" (fewer than {FEW} schools, so all {whole:,} rated {rating} count too)" if few else ""
    return (
        f"of {'' if few else format(row['schools'], ',.0f') + ' '}schools rated {rating} with this "
        f"certainty ({band} of 100) in {first}, {in_ten(row['share'])} were rated {rating} again "
        f"in {then}{more}"
    )
