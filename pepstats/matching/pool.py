"""matching.pool."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pepstats.errors import DesignError
from pepstats.measures import MEASURES
from pepstats.schools.panel import Panel
from pepstats.settings import PHASES, MatchRule

TIE = 9  # nearer than this many decimals is a tie: published figures are rounded

OTHER_THINGS_COUNT = 0.5
"""Weight in the distance of anything but an outcome's own earlier years.

Earlier results say most about later ones; on real England a cohort counted in full crowds them
out (the estimate's spread over made-up programmes is smaller at a half than at nought or one).
"""


@dataclass(frozen=True)
class Pool:
    """Schools that can be compared, what they are compared on, and who was left out by which rule.

    Attributes
    ----------
    schools
        Index `school`; `la`, the exact keys, then one column per matched variable, in published
        units (`rwm_expected 2017`, `cohort 2017`).
    flow
        One row per rule in the order applied: `step`, `left_out`, `kept`, `members_kept`.
    left_out
        Index `school`: the rule that left it out, as `reason`.
    scales
        Index variable: its `spread` over the pool and its `weight` in the distance.
    """

    schools: pd.DataFrame
    flow: pd.DataFrame
    left_out: pd.DataFrame
    scales: pd.DataFrame


def before_start(panel: Panel, starts: int) -> Panel:
    """Give the part of a panel from before a programme's first results: all matching may see."""
    early = panel.values.index.get_level_values("year") < starts
    return Panel(
        panel.values[early], panel.reasons[early], panel.releases[panel.releases.index < starts]
    )


def variables(
    near: Iterable[str], outcomes: Iterable[str], baseline: Iterable[int]
) -> list[tuple[str, int]]:
    """List what schools are matched on: every baseline year of an outcome, else the last one."""
    years, measured = sorted(baseline), set(outcomes)
    return [(m, y) for m in near for y in (years if m in measured else years[-1:])]


def find_pool(
    before: Panel,
    register: pd.DataFrame,
    rule: MatchRule,
    *,
    phase: str,
    outcomes: Iterable[str],
    baseline: Iterable[int],
    members: Iterable[int] = (),
) -> Pool:
    """Find the schools that can be compared, leaving others out by named rules, all counted."""
    baseline = sorted(baseline)
    if before.values.index.get_level_values("year").max() > baseline[-1]:
        raise DesignError(
            "The pool is found from years up to the baseline only; cut the panel first."
        )
    chosen = variables(rule.near, outcomes, baseline)
    missing = [m for m, _ in chosen if m not in before.values.columns]
    if missing:
        raise DesignError(
            f"`match.near`: no source of this study has {', '.join(sorted(set(missing)))}. "
            f"It has: {', '.join(c for c in before.values.columns if '.' not in c)}."
        )
    known = before.values.index.unique("year")
    gone = [str(year) for year in baseline if year not in known]
    if gone:
        raise DesignError(
            f"`baseline`: no source of this study has results of {', '.join(gone)}. It has: "
            f"{', '.join(map(str, known.sort_values()))}."
        )
    schools = register.sort_index().loc[:, ["la", *rule.exact]]
    columns = {f"{m} {y}": before.wide(m).reindex(schools.index)[y] for m, y in chosen}
    why_none = {
        f"{m} {y}": before.reasons[m].unstack("year").reindex(schools.index)[y] for m, y in chosen
    }
    reasons = pd.DataFrame(why_none, index=schools.index).fillna("not in the files")
    phases = register["phase"].reindex(schools.index)
    schools = schools.assign(**columns)

    steps = [
        (f"not a mainstream school with {phase} results", ~phases.isin(PHASES[phase])),
        ("authority not known", ~(schools["la"] > 0)),
        *(
            (f"{key} not known", schools[key].isna() | schools[key].eq("unknown"))
            for key in rule.exact
        ),
        *(
            (f"no {name}: {why}", schools[name].isna() & reasons[name].eq(why))
            for name in columns
            for why in sorted(reasons.loc[schools[name].isna(), name].unique())
        ),
    ]
    kept = pd.Series(True, index=schools.index)
    inside = pd.Series(schools.index.isin(list(members)), index=schools.index)
    flow = [("schools in the register", 0, len(kept), int(inside.sum()))]
    left_out = []
    for reason, out in steps:
        gone = kept & out
        if gone.any():
            kept &= ~out
            flow.append((reason, int(gone.sum()), int(kept.sum()), int((kept & inside).sum())))
            left_out.append(pd.DataFrame({"reason": reason}, index=schools.index[gone]))
    pool = schools[kept]
    return Pool(
        schools=pool,
        flow=pd.DataFrame(flow, columns=["step", "left_out", "kept", "members_kept"]),
        left_out=pd.concat(left_out).sort_index() if left_out else pd.DataFrame({"reason": []}),
        scales=_scales(pool[list(columns)], set(outcomes)),
    )


def _scales(matched: pd.DataFrame, outcomes: set[str]) -> pd.DataFrame:
    place = positions(matched)
    spread = place.std(ddof=1)
    flat = [name for name, s in spread.items() if not s > 1e-9 * (1 + abs(place[name].mean()))]
    if flat and len(matched) > 1:
        raise DesignError(
            f"`match.near`: {', '.join(flat)} is the same in every school of the pool, so none is "
            "nearer than another on it. Take it out of `match.near`."
        )
    weight = [1.0 if name.rsplit(" ", 1)[0] in outcomes else OTHER_THINGS_COUNT for name in matched]
    return pd.DataFrame({"spread": spread, "weight": weight}).rename_axis("variable")


def positions(matched: pd.DataFrame) -> pd.DataFrame:
    """Give matched variables on the scale distances are measured on: counts as logarithms."""
    counts = [c for c in matched if MEASURES[c.rsplit(" ", 1)[0]].unit == "pupils"]
    return matched.assign(**{c: np.log(matched[c].clip(lower=1)) for c in counts})
