"""From colours to a score and a rating: points, weights, and what by itself gives a rating."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pepstats.dashboard import Dashboard
from pepstats.england import Values
from pepstats.indicators import Colours, Scene

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


def colour_all(scene: Scene, rows: Rows, figures: Values) -> tuple[Values, Colours]:
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
