"""All programmes of a sweep together: did these gain on average, and do programmes of this kind."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.programmes.pooling import (
    FEWEST_OF_KIND,
    FEWEST_TO_SHRINK,
    Average,
    average_kind,
    average_these,
    draw_power,
    measure_discovery,
    shrink_programmes,
)
from pepstats.programmes.sweep import Standing, Sweep

Numbers = NDArray[np.float64]

THESE, KIND = "these programmes", "programmes of this kind"
EVERY_KIND = "all"
ANSWER_COLUMNS = [
    "outcome", "kind", "question", "programmes", "schools", "estimate", "low", "high", "unit", "p",
    "smallest", "tau", "tau_low", "tau_high", "reason",
]  # fmt: skip
EACH_COLUMNS = [
    "programme", "outcome", "n_schools", "estimate", "low", "high", "spread", "shrunk",
    "shrunk_low", "shrunk_high", "rank_low", "rank_high", "false_discovery", "stands_out",
]  # fmt: skip
STANDS_OUT = 0.10
"""A programme stands out where at most one in ten of those as far out would be there by chance."""


@dataclass(frozen=True)
class Pooled:
    """The programmes of a sweep in one outcome, taken together.

    Attributes
    ----------
    answers
        One row per `kind` of programme (all first) and `question`: `estimate`, `low`, `high`, `p`,
        the `smallest` average found four times in five, `tau` with its range, or the `reason` why
        there is no answer.
    each
        One row per programme: its estimate, moved towards the others (`shrunk`), likely ranks,
        its false discovery rate.
    power
        By number of `programmes`: the average found four times in five, of `these` and `of_kind`.
    best, overstated
        The programme with the largest estimate, and how much that is likely to overstate; missing
        where programmes are too few.
    by_chance
        Of those that stand out, how many chance would put there, and how many at most (95 in 100).
    """

    outcome: str
    unit: str
    answers: pd.DataFrame = field(repr=False)
    each: pd.DataFrame = field(repr=False)
    power: pd.DataFrame = field(repr=False)
    best: str
    overstated: float
    by_chance: tuple[float, float]


def pool_sweep(sweep: Sweep, outcome: str) -> Pooled:
    """Pool every programme of a sweep that has an estimate in one outcome.

    Each estimate is centred on its placebo draws' mean first. Programmes of one authority, and
    those that share schools, are not counted as independent.
    """
    standing = sweep.standing(outcome)
    kinds = dict(zip(sweep.account["programme"], sweep.account["kind"], strict=True))
    joint, covariance = join_draws(standing), find_covariance(standing)
    centred = np.array([one.estimate - float(np.nanmean(one.chance)) for one in standing])
    of = np.array([str(kinds[one.programme]) for one in standing])
    groups = {EVERY_KIND: np.ones(len(standing), dtype=bool)}
    groups |= {kind: of == kind for kind in sorted(set(of)) if kind and (of != kind).any()}
    rows = []
    for kind, inside in groups.items():
        rows += _answer(
            [one for one, taken in zip(standing, inside, strict=True) if taken],
            kind, centred[inside], joint[:, inside], covariance[np.ix_(inside, inside)],
        )  # fmt: skip
    answers = pd.DataFrame(rows, columns=ANSWER_COLUMNS)
    each, by_chance = _tabulate_each(sweep, standing, centred, joint, covariance)
    best = int(np.argmax(centred))
    overstated = float(centred[best] - each["shrunk"].iloc[best])
    return Pooled(outcome, standing[0].unit, answers, each, _tabulate_power(answers, standing),
                  standing[best].programme, overstated, by_chance)  # fmt: skip


def join_draws(standing: Sequence[Standing]) -> Numbers:
    """Return all programmes' placebo draws together, centred: one row per draw of them all.

    Programmes of one authority have each draw in the same city, good years and bad; those of
    different authorities in different ones. Within a city the schools of each are drawn anew.
    """
    count = min(len(one.chance) for one in standing)
    columns = []
    for one in standing:
        order = np.arange(count)
        city, shuffled = one.city[:count], _stream("schools", one.programme).random(count)
        order[np.lexsort((order, city))] = np.lexsort((shuffled, city))
        place = str(one.home or one.programme)
        drawn = one.chance[:count][order][_stream("cities", place).permutation(count)]
        columns.append(drawn - np.nanmean(drawn))
    joint: Numbers = np.nan_to_num(np.column_stack(columns))
    return joint


def _stream(*name: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(" ".join(("joint draws", *name)).encode()))


def find_covariance(standing: Sequence[Standing]) -> Numbers:
    """Return how programmes' estimates go together: by an authority's year, by shared schools.

    The diagonal is each one's own placebo variance.
    """
    spread = np.array([one.spread for one in standing])
    home = np.array([one.home for one in standing])
    year = np.sqrt([one.city_variance for one in standing])
    alike = (home[:, None] == home[None, :]) & (home[:, None] > 0)
    covariance: Numbers = np.where(alike, year[:, None] * year[None, :], 0.0)
    weights = pd.DataFrame({n: one.shares for n, one in enumerate(standing)}).fillna(0.0)
    variance = pd.concat([one.variance for one in standing]).groupby(level=0).mean()
    w = weights.to_numpy()
    covariance = covariance + (w * variance.reindex(weights.index).to_numpy()[:, None]).T @ w
    most = 0.98 * np.outer(spread, spread)
    covariance = np.clip(covariance, -most, most)
    np.fill_diagonal(covariance, spread**2)
    roots, turn = np.linalg.eigh(covariance)
    least = 1e-6 * float(roots.max())
    if roots.min() < least:
        covariance = (turn * np.maximum(roots, least)) @ turn.T
    return covariance


def _answer(
    standing: Sequence[Standing], kind: str, centred: Numbers, joint: Numbers, covariance: Numbers
) -> list[tuple[object, ...]]:
    """Average both questions of some programmes, or say why one has no answer."""
    first, count = standing[0], len(standing)
    schools = len({school for one in standing for school in one.shares.index})
    answers: dict[str, Average | str] = {
        THESE: "only one programme",
        KIND: f"fewer than {FEWEST_OF_KIND} programmes",
    }
    if count > 1:
        answers[THESE] = average_these(centred, joint, covariance)
    if count >= FEWEST_OF_KIND:
        answers[KIND] = average_kind(centred, covariance)
    rows: list[tuple[object, ...]] = []
    for question, one in answers.items():
        key = (first.outcome, kind, question, count, schools)
        if isinstance(one, str):
            rows.append((*key, *[np.nan] * 3, first.unit, *[np.nan] * 5, one))
        else:
            rows.append((*key, one.estimate, one.low, one.high, first.unit, one.p, one.smallest,
                         one.tau, one.tau_low, one.tau_high, ""))  # fmt: skip
    return rows


def _tabulate_each(
    sweep: Sweep,
    standing: Sequence[Standing],
    centred: Numbers,
    joint: Numbers,
    covariance: Numbers,
) -> tuple[pd.DataFrame, tuple[float, float]]:
    """Lay every programme out beside the others, and count what of it chance would bring."""
    effects = sweep.effects[sweep.effects["outcome"] == standing[0].outcome]
    wide = dict(zip(effects["programme"], effects["high"] - effects["estimate"], strict=True))
    cells = sweep.cells[sweep.cells["start"] == "all"] if len(sweep.cells) else sweep.cells
    wide |= {row["programme"]: row["high"] - row["estimate"] for row in cells.to_dict("records")}
    floors = np.array([1 / (1 + (one.cities or len(one.chance))) for one in standing])
    rate, far = measure_discovery(centred, joint, floors)
    out = rate <= STANDS_OUT
    table = pd.DataFrame({
        "programme": [one.programme for one in standing],
        "outcome": standing[0].outcome,
        "n_schools": [len(one.shares) for one in standing],
        "estimate": [one.estimate for one in standing],
        "low": [one.estimate - wide[one.programme] for one in standing],
        "high": [one.estimate + wide[one.programme] for one in standing],
        "spread": np.sqrt(np.diag(covariance)),
        "false_discovery": rate,
        "stands_out": out,
    })  # fmt: skip
    if len(standing) >= FEWEST_TO_SHRINK:
        shrunk = shrink_programmes(centred, covariance, _stream("ranks"))
        table = table.assign(
            shrunk=shrunk.mean, shrunk_low=shrunk.low, shrunk_high=shrunk.high,
            rank_low=shrunk.rank_low, rank_high=shrunk.rank_high,
        )  # fmt: skip
    line = far[out].min() if out.any() else np.inf
    beyond = (np.abs(joint) / np.nanstd(joint, axis=0, ddof=1) >= line).sum(axis=1)
    by_chance = (float(beyond.mean()), float(np.quantile(beyond, 0.95)))
    return table.reindex(columns=EACH_COLUMNS), by_chance


MOST_ON_LINE = 40


def _tabulate_power(answers: pd.DataFrame, standing: Sequence[Standing]) -> pd.DataFrame:
    """Work out the average found four times in five, by how many programmes are pooled."""
    last = max(20, min(len(standing), MOST_ON_LINE))
    programmes = np.arange(1, last + 1, dtype=float)
    spread = float(np.sqrt(np.median([one.spread**2 for one in standing])))
    known = answers.loc[answers["kind"].eq(EVERY_KIND) & answers["question"].eq(KIND), "tau"]
    tau = float(known.iloc[0]) if len(known) and np.isfinite(known.iloc[0]) else 0.0
    these, of_kind = draw_power(spread, tau, programmes)
    return pd.DataFrame({"programmes": programmes.astype(int), "these": these, "of_kind": of_kind})


def tabulate_answers(pooled: Mapping[str, Pooled]) -> pd.DataFrame:
    """Put the answers of every outcome into one table."""
    return pd.concat([one.answers for one in pooled.values()], ignore_index=True)
