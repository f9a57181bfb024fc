"""Small invented worlds for tests: an England in memory, and its programmes."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from pepstats.impact import Design, Evaluation, Inputs, design_comparison, evaluate_design
from pepstats.invented.england import England, build_england
from pepstats.schools import Panel
from pepstats.settings.programme import Programme, load_programme
from tests.invented_panel import tabulate_panel

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
YEAR = 2018


@dataclass(frozen=True)
class Small:
    """An England with its panel, register and each programme's schools."""

    panel: Panel
    register: pd.DataFrame
    programmes: dict[str, Programme]
    members: dict[str, list[int]]

    @property
    def barred(self) -> list[int]:
        return sorted({s for listed in self.members.values() for s in listed})


def panel_of_england(
    england: England, measures: Iterable[str] | None = None
) -> tuple[Panel, pd.DataFrame]:
    """The panel and the register that reading an invented England's files would give."""
    tables, register = tabulate_panel(england, measures)
    return Panel(**tables), register


@cache
def small_england(seed: int = 7, schools: int = 1200, effect: float = 1.0) -> Small:
    england = build_england(schools=schools, seed=seed, effect=effect)
    programmes = {
        slug: load_programme(slug, ROOT / "data")
        for slug in ("closing-the-gap", "send-in-mainstream")
    }
    of_all = {"whom": "all", "outcomes": programmes["send-in-mainstream"].outcomes}
    programmes = {slug: one.model_copy(update=of_all) for slug, one in programmes.items()}
    wanted = {*of_all["outcomes"], "cohort"}
    panel, register = panel_of_england(england, wanted)
    school_of = {int(u): s for s, urns in register["urns"].items() for u in str(urns).split()}
    listed = england.members.assign(number=england.members["urn"].map(school_of))
    members = {
        slug: sorted(listed.loc[listed["programme"] == slug, "number"]) for slug in programmes
    }
    return Small(panel, register, programmes, members)


def evaluate_small(
    small: Small,
    slug: str,
    panel: Panel | None = None,
    national: pd.DataFrame | None = None,
    programme: Programme | None = None,
    design: Design | None = None,
) -> Evaluation:
    """Evaluate a programme of a small England, in its own year, with some of it changed."""
    asked, seen, own = (
        programme or small.programmes[slug],
        panel or small.panel,
        small.members[slug],
    )
    members = pd.DataFrame({"dose": float("nan"), "also_in": 0}, pd.Index(own, name="school"))
    inputs = Inputs(seen, small.register, YEAR, members, national)
    drawn = design or design_comparison(asked, seen, small.register, own, small.barred)
    return evaluate_design(asked, drawn, inputs)
