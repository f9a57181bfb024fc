"""What the finding would be if something unseen were as bad as it could be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pepstats.errors import DesignError


@dataclass(frozen=True)
class Extremes:
    """An estimate with every hidden result at its worst, and at its best.

    Attributes
    ----------
    estimate, worst, best
        From the results there are; with the hidden ones as low, and as high, as they can be. In the
        outcome's unit.
    schools
        Index `school`: each member without a gap, its `reason`, and its `lowest` and `highest`
        possible gap; missing where it has no comparison schools either, so that it stays out.
    n_seen, n_hidden, n_out
        Members with a gap, without one but bounded, and out altogether.
    reason
        Why there are no extremes; empty where there are.
    """

    estimate: float
    worst: float
    best: float
    schools: pd.DataFrame = field(repr=False)
    n_seen: int
    n_hidden: int
    n_out: int
    reason: str = ""


def correct_contamination(
    estimate: float,
    low: float,
    high: float,
    *,
    shares: Sequence[float],
) -> pd.DataFrame:
    """Say what the effect would be if some comparison schools had had such support too.

    If a share q of the comparison schools gained as much from it as the members, the estimate is
    too low by q times the effect. One row per `share`: `bias`, `estimate`, `low`, `high`, in the
    outcome's unit.
    """
    wrong = [q for q in shares if not 0 <= q < 1]
    if wrong:
        raise DesignError(f"a share of comparison schools lies from 0 to below 1, not {wrong}.")
    rows = [
        (share, -share * estimate / (1 - share), *(n / (1 - share) for n in (estimate, low, high)))
        for share in shares
    ]
    return pd.DataFrame(rows, columns=["share", "bias", "estimate", "low", "high"])


def bound_hidden_results(
    gaps: pd.DataFrame, members: Iterable[int], *, limits: tuple[float, float] | None = None
) -> Extremes:
    """Bound an estimate by the worst and the best that members' hidden results could be.

    `gaps` is `Gaps.table`: index `school`; `own`, `comparison`, `gap`, `weight`, `reason`. A hidden
    result lies between `limits` (0 and 100 for a percentage), by default the range of all schools
    there; its school counts as much as the median member does, though it is likely to be small. The
    hidden gap is own minus comparison, with nothing taken out for what the match left unlike.
    """
    columns = ["comparison", "gap", "weight", "reason"]
    table = gaps[columns].reindex(pd.Index(sorted(set(members)), name="school"))
    table["reason"] = table["reason"].where(table.index.isin(gaps.index), "not in the pool")
    seen, hidden = table[table["gap"].notna()], table[table["gap"].isna()]
    known = gaps["own"].dropna()
    why = "" if len(seen) else "no member has a gap"
    if not why and limits is None and known.empty:
        why = "no school has a result, so nothing says how far one could be off"
    ends = limits if limits is not None else (known.min(), known.max())
    if limits is not None and not limits[0] < limits[1]:
        raise DesignError(f"`limits` are {limits}: the lowest result comes first.")
    low, high = (float(end) - hidden["comparison"] for end in ends)
    listed = hidden[["reason"]].assign(lowest=low, highest=high).sort_index()
    bounded = listed[listed["lowest"].notna()]
    counts = (len(seen), len(bounded), len(listed) - len(bounded))
    if why:
        nothing = float("nan")
        return Extremes(nothing, nothing, nothing, listed, *counts, why)
    weight = seen["weight"].to_numpy(float)
    typical = float(np.median(weight))

    def mean(added: pd.Series) -> float:
        top = float((seen["gap"] * weight).sum()) + typical * float(added.sum())
        return top / (float(weight.sum()) + typical * len(added))

    none = pd.Series(dtype=float)
    return Extremes(mean(none), mean(bounded["lowest"]), mean(bounded["highest"]), listed, *counts)
