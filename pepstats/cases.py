"""Which schools stand for the rest, by a stated rule: not only the ones that did well."""

from __future__ import annotations

import pandas as pd

RULE = (
    "the school that rose most beyond its comparison schools, the one nearest the middle, "
    "and the one that fell most"
)


def choose_cases(gaps: pd.DataFrame) -> pd.DataFrame:
    """Choose three schools by the rule: the largest gap, the one nearest the middle, the smallest.

    `gaps` is of one outcome, index `school`. Index `school`, in that order: `why`, `gap`. Equal
    gaps are settled by the lower school number; a programme of fewer schools gives fewer cases.
    """
    known = gaps["gap"].dropna().sort_index().sort_values(kind="stable", ascending=False)
    if known.empty:
        return pd.DataFrame({"why": [], "gap": []}, index=pd.Index([], name="school"))
    middle = (known - known.median()).abs().sort_index().idxmin()
    chosen: dict[int, str] = {}
    for school, why in (
        (known.index[0], "rose most"),
        (middle, "nearest the middle"),
        (known.index[-1], "fell most"),
    ):
        chosen.setdefault(school, why)
    return pd.DataFrame({"why": chosen, "gap": known.reindex(list(chosen))}).rename_axis("school")
