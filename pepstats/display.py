"""What a notebook shows of a study or a result: a title, a sentence, tables and a picture."""

from __future__ import annotations

import html
from collections.abc import Mapping

import pandas as pd

from pepstats.plots import Picture, picture_gaps

MOST_ROWS = 12
"""A longer table is shown by its first rows, and the rest is counted."""


def html_of(
    title: str, sentence: str, tables: Mapping[str, pd.DataFrame], picture: Picture | None = None
) -> str:
    """Return a result as a notebook shows it, every word escaped; an empty table is left out."""
    parts = [f"<h3>{html.escape(title)}</h3>", f"<p>{html.escape(sentence)}</p>"]
    parts += [_html_of_table(name, table) for name, table in tables.items() if len(table)]
    if picture is not None:
        parts.append(picture._repr_html_())
    return "".join(parts)


def _html_of_table(name: str, table: pd.DataFrame) -> str:
    rows, named = table.head(MOST_ROWS), any(n is not None for n in table.index.names)
    more = len(table) - len(rows)
    rest = f" (the first {len(rows)} of {len(table):,} rows)" if more else ""
    shown = rows.round(2).to_html(index=named, na_rep="", border=0, escape=True)
    return f"<p><b>{html.escape(name)}</b>{rest}</p>{shown}"


def draw_lines(averages: pd.DataFrame, outcome: str, title: str, starts: int) -> Picture | None:
    """Draw a programme's schools and their comparison schools by year, in one outcome."""
    drawn = picture_gaps(averages[averages["outcome"] == outcome], {}, title=title, starts=starts)
    return drawn.get(f"gap-{outcome}")
