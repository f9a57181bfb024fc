"""What the headline would be if something unseen were at work, and how much of it that takes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from pepstats import bounds, codes, matchers, pairing, peers, sensitivity
from pepstats.errors import DesignError
from pepstats.honest import breaks_down_at
from pepstats.matching import list_limits
from pepstats.setting import Row, Setting, plain

SHARES = {"1 in 10": 0.1, "1 in 4": 0.25}
HIDDEN_ODDS = 1.5
"""How much likelier a hidden reason may make one of two alike schools to be picked."""


def doubt_effect(setting: Setting, study: peers.EventStudy | str) -> list[Row]:
    """Bound the headline by what cannot be seen: four doubts, one row or two each.

    `study` is the event study that drift is judged by, or why there is none.
    """
    rows = [
        *suppose_contamination(setting), *suppose_extremes(setting), suppose_selection(setting),
        suppose_drift(setting, study),
    ]  # fmt: skip
    return [replace(row, kind="doubt") for row in rows]


def suppose_contamination(setting: Setting) -> list[Row]:
    """Suppose that some comparison schools had had such support too, and gained as much by it."""
    effect, rows = setting.effect, []
    for words, share in SHARES.items():
        name = f"{words} comparison schools had such support too"
        try:
            setting.need_others()
        except DesignError as error:
            rows.append(Row(name, reason=plain(error)))
            continue
        found = bounds.correct_contamination(
            effect.estimate, effect.low, effect.high, shares=[share]
        ).iloc[0]
        rows.append(Row(
            name, float(found["estimate"]), float(found["low"]), float(found["high"]),
            n_schools=effect.n_schools, n_comparison=effect.n_comparison,
            note="if it moved them as far as the programme's schools",
        ))  # fmt: skip
    return rows


def suppose_extremes(setting: Setting) -> list[Row]:
    """Put members' results that are not published at their worst and their best."""
    names = ("unpublished results as low as they could be",
             "unpublished results as high as they could be")  # fmt: skip
    percent = codes.MEASURES[setting.outcome].percent
    found = bounds.bound_hidden_results(
        setting.gaps.table, setting.chosen, limits=(0.0, 100.0) if percent else None
    )
    reason = found.reason
    if not reason and not found.n_hidden:
        reason = "no school that can be compared has a result unpublished"
        if found.n_out:
            reason += f"; {found.n_out} cannot be compared at all"
    if reason:
        return [Row(name, reason=reason) for name in names]
    effect = setting.effect
    rows = []
    for name, at in zip(names, (found.worst, found.best), strict=True):
        moved = at - effect.estimate
        rows.append(Row(
            name, at, effect.low + moved, effect.high + moved,
            n_schools=found.n_seen + found.n_hidden, n_comparison=effect.n_comparison,
            note=f"{found.n_hidden} schools, each anywhere from the lowest to the highest there is",
        ))  # fmt: skip
    return rows


def suppose_selection(setting: Setting) -> Row:
    """Suppose a hidden reason for being picked: Rosenbaum's bounds over sets of schools.

    Each member and its comparison schools, none used twice, are compared by their change from
    before. The interval is that of the effect no bias of `HIDDEN_ODDS` can contradict; the note
    says what odds the finding bears.
    """
    name = f"a hidden reason to be picked, at odds of {HIDDEN_ODDS:g} to 1"
    try:
        setting.need_others()
        rule = setting.programme.match
        _, pairs = matchers.match_members(
            setting.pool, rule, setting.programme.pool, setting.chosen, setting.match,
            way="optimal", measure="weighted", barred=setting.barred,
            calipers=list_limits(rule, setting.pool.schools),
        )  # fmt: skip
        sets = sensitivity.lay_out_sets(pairs.pairs, _changes(setting))
        estimate, low, high = sensitivity.invert_sets(sets, gamma=HIDDEN_ODDS)
    except DesignError as error:
        return Row(name, reason=plain(error))
    side = 1.0 if estimate >= 0 else -1.0
    strongest = sensitivity.bears(
        lambda gamma: float(sensitivity.bound_sets(side * sets, gammas=[gamma])["p_most"].iloc[0])
    )
    return Row(
        name, estimate, low, high, n_schools=int((~np.isnan(sets[:, 0])).sum()),
        n_comparison=len(pairs.pairs), note=_bears_words(strongest, pairs),
    )  # fmt: skip


def _changes(setting: Setting) -> pd.Series:
    results = setting.panel.wide(setting.outcome).reindex(index=setting.pool.schools.index)
    before = results[sorted(setting.programme.baseline)].mean(axis=1, skipna=False)
    return results[setting.year] - before


def _bears_words(strongest: float, pairs: pairing.Pairing) -> str:
    how = f"changes within sets that share no school, {pairs.how.split(',')[0]}"
    if np.isnan(strongest):
        return f"{how}; not told from chance even without one"
    if np.isinf(strongest):
        return f"{how}; the direction stands at any odds tried"
    return f"{how}; the direction stands up to odds of {strongest:.2f} to 1"


def suppose_drift(setting: Setting, study: peers.EventStudy | str) -> Row:
    """Suppose the schools would have drifted apart by as much again as they did before the start.

    Relative magnitudes of Rambachan and Roth (2023), at once the largest step before.
    """
    name = "drifting apart as fast as before the start"
    if isinstance(study, str):
        return Row(name, reason=study)
    allowed = peers.allow_for_drift(study, rng=setting.rng("drift"))
    if why := str(allowed["reason"].iloc[0]):
        return Row(name, reason=why)
    at = allowed.set_index("at_most")
    first = int(min(year for year in study.table.index if year >= study.starts))
    stands = breaks_down_at(at[["low", "high"]])
    words = "even with no drift" if np.isnan(stands) else f"beyond {stands:g} times that"
    return Row(
        name, float(study.table.loc[first, "estimate"]), float(at.loc[1.0, "low"]),
        float(at.loc[1.0, "high"]), n_schools=study.n_schools, n_comparison=study.n_comparison,
        note=f"event study of {first}; its interval takes in nought {words}",
    )  # fmt: skip
