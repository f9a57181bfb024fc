"""How far schools are from one another: Mahalanobis distance.

For alternative matchers, shown beside the headline. Nothing here knows an outcome after the start:
a table of what was known before it comes in, a table of distances comes out.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype

from pepstats.errors import DesignError

MOST_CELLS = 50_000_000


def spell_out(table: pd.DataFrame) -> pd.DataFrame:
    """Turn every column of words into one column of 0 and 1 for each word; numbers stay.

    Raises
    ------
    DesignError
        When a cell is missing, a number is infinite, or a column is the same in every school: all
        such columns are named at once.
    """
    table = table.sort_index()
    if not table.index.is_unique:
        twice = table.index[table.index.duplicated()].unique()
        raise DesignError(f"schools {_few(twice)} are listed twice. List each school once.")
    words = [name for name in table if not is_numeric_dtype(table[name])]
    numbers = [name for name in table if name not in words]
    broken = [name for name in words if table[name].isna().any()]
    broken += [name for name in numbers if not np.isfinite(table[name].to_numpy(float)).all()]
    if broken:
        raise DesignError(
            f"{', '.join(map(str, broken))}: some schools have no value. Leave those schools out "
            "of the pool, with the reason, or match on something else."
        )
    parts = [
        pd.get_dummies(table[name], prefix=str(name), prefix_sep=" = ", dtype=float)
        if name in words
        else table[[name]].astype(float)
        for name in table
    ]
    spelled = pd.concat(parts, axis=1) if parts else pd.DataFrame(index=table.index)
    spread = spelled.std(ddof=0)
    flat = [str(n) for n, s in spread.items() if not s > 1e-9 * (1 + abs(spelled[n].mean()))]
    if len(spelled) > 1 and flat:
        raise DesignError(
            f"{', '.join(flat)}: the same in every school, so none is nearer than another on it. "
            "Take it out of what is matched on."
        )
    return spelled


def measure_mahalanobis(table: pd.DataFrame, members: Iterable[int]) -> pd.DataFrame:
    """Give the Mahalanobis distance from each member to every other school.

    `table` has index `school` and what schools are compared on; words become one column each. The
    covariance is pooled within members and others (as MatchIt takes it), its inverse generalised,
    so that columns that repeat one another count once. One row per member, one column per other
    school, both sorted; no unit.

    Raises
    ------
    DesignError
        When the table has gaps or constant columns, or has no two schools on one of the sides.
    """
    schools = table.index.sort_values()
    return _between(turn(table, members), schools, mark_members(schools, members))


def turn(table: pd.DataFrame, members: Iterable[int]) -> NDArray[np.float64]:
    """Give each school a place such that plain distances between places are Mahalanobis distances.

    One row per school, sorted by number; as many columns as the table has that say something new.
    Arguments and errors as `measure_mahalanobis`.
    """
    spelled = spell_out(table)
    values = spelled.to_numpy()
    root = _root_of_inverse(_pooled_covariance(values, mark_members(spelled.index, members)))
    turned: NDArray[np.float64] = (values - values.mean(axis=0)) @ root
    return turned


def measure_plain(places: pd.DataFrame, members: Iterable[int]) -> pd.DataFrame:
    """Give the straight distance from each member to every other school, columns as they stand.

    One row per member, one column per other school, both sorted.
    """
    places = places.sort_index()
    return _between(places.to_numpy(float), places.index, mark_members(places.index, members))


def mark_members(schools: pd.Index, members: Iterable[int]) -> NDArray[np.bool_]:
    """Say which schools are members; refuse a member that is not there, or an empty side."""
    chosen = sorted(set(members))
    strangers = [m for m in chosen if m not in schools]
    if strangers:
        raise DesignError(f"schools {_few(strangers)} are members but not in the table.")
    inside = np.asarray(schools.isin(chosen), dtype=bool)
    if not inside.any() or inside.all():
        side = "member" if not inside.any() else "school that is not a member"
        raise DesignError(f"There is no {side} in the table, so there is nobody to compare.")
    return inside


def _pooled_covariance(
    values: NDArray[np.float64], inside: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Covariance around each side's own mean; a side of one school adds nothing to it."""
    if len(values) < 3:
        raise DesignError("Distances need at least three schools: two of one side.")
    own = np.where(inside[:, None], values[inside].mean(axis=0), values[~inside].mean(axis=0))
    around = values - own
    pooled: NDArray[np.float64] = around.T @ around / (len(values) - 2)
    return pooled


def _root_of_inverse(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give W with W W' the generalised inverse, found on the scale of correlations."""
    spread = np.sqrt(np.diag(covariance))
    scale = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1.0), 0.0)
    values, vectors = np.linalg.eigh(covariance * scale[:, None] * scale)
    kept = values > 1e-9 * max(values.max(initial=0.0), 1e-300)
    turned: NDArray[np.float64] = scale[:, None] * vectors[:, kept] / np.sqrt(values[kept])
    return turned


def _between(
    points: NDArray[np.float64], schools: pd.Index, inside: NDArray[np.bool_]
) -> pd.DataFrame:
    from scipy.spatial.distance import cdist

    cells = int(inside.sum()) * int((~inside).sum())
    if cells > MOST_CELLS:
        raise DesignError(
            f"{int(inside.sum()):,} members and {int((~inside).sum()):,} other schools make "
            f"{cells:,} distances; at most {MOST_CELLS:,} are held. Use `matching.match_schools`."
        )
    return pd.DataFrame(
        cdist(points[inside], points[~inside]),
        index=schools[inside].rename("school"),
        columns=schools[~inside].rename("comparison"),
    )


def _few(schools: Iterable[object]) -> str:
    listed = [str(s) for s in schools]
    return ", ".join(listed[:5]) + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")
