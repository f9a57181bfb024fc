"""A small England with many programmes drawn in it, for the tests of sweeps."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from pepstats.impact import Inputs
from pepstats.programmes import Sweep, evaluate_programmes, find_programmes
from pepstats.programmes.listed import FoundProgrammes
from pepstats.programmes.sweep import Standing
from pepstats.schools import Panel, Schools
from pepstats.settings import Entered, Member, Programme
from tests.worlds import YEAR, small_england

NOWHERE = Path("no-such-folder")
OUTCOME = "rwm_expected"


@dataclass(frozen=True)
class Many:
    """An England's inputs, who its schools are, and a programme that the others are like."""

    inputs: Inputs
    followed: Schools
    like: Programme

    def urn(self, school: int) -> int:
        return int(self.followed.register.loc[school, "urn"])

    def schools_in(self, at: int, count: int) -> list[int]:
        """Some schools with results in the authority that comes so far down by size."""
        there = self.inputs.panel.wide(OUTCOME).dropna().index
        la = self.followed.register["la"].reindex(there)
        city = la.value_counts(sort=True).index[at]
        return [int(school) for school in la.index[la == city][:count]]

    def enter(self, slug: str, schools: list[int], kind: str = "", **changed: object) -> Entered:
        members = tuple(Member(urn=self.urn(school)) for school in schools)
        own = {"slug": slug, "title": slug.title(), "members": members, **changed}
        return Entered(slug, slug.title(), "list.csv", self.like.model_copy(update=own), kind)

    def drawn(self, count: int, size: int = 8) -> list[Entered]:
        kinds = ("reading", "maths")
        return [self.enter(f"drawn-{n}", self.schools_in(n, size), kinds[n % 2])
                for n in range(count)]  # fmt: skip

    def find(self, entered: list[Entered]) -> FoundProgrammes:
        return find_programmes(entered, self.followed, NOWHERE)

    def sweep(self, entered: list[Entered], panel: Panel | None = None) -> Sweep:
        inputs = self.inputs if panel is None else Inputs(
            panel, self.inputs.register, YEAR, self.inputs.members)  # fmt: skip
        return evaluate_programmes(self.find(entered), inputs)


@cache
def many_programmes(effect: float = 0.0) -> Many:
    small = small_england(seed=11, effect=effect)
    content = small.programmes["send-in-mainstream"].model_dump()
    own = {"outcomes": (OUTCOME,), "must_not_move": (), "placebo": {"draws": 1000}}
    like = Programme.model_validate({**content, **own})
    known = pd.Series({int(urn): int(school) for school, urns in small.register["urns"].items()
                       for urn in str(urns).split()})  # fmt: skip
    register = small.register
    rows = pd.DataFrame(columns=["urn", "year", "school", "has_results", "how"])
    followed = Schools(register, rows, known, pd.DataFrame(), {})
    inputs = Inputs(small.panel, register, YEAR, pd.DataFrame())
    return Many(inputs, followed, like)


def standing(
    slug: str, estimate: float, *, home: int, spread: float = 3.0, schools: range = range(18)
) -> Standing:
    """A programme's estimate beside draws from a normal distribution, in forty cities."""
    rng = np.random.default_rng([home, len(slug)])
    shares = pd.Series(1 / len(schools), index=list(schools))
    city = (np.arange(1200) % 40 + 1).astype(np.int32)
    chance, variance = rng.normal(0, spread, 1200), shares * 0 + 60.0
    return Standing(
        slug, OUTCOME, "percentage points", estimate, chance, city, 40, home, shares, variance, 1.5
    )
