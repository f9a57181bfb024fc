"""One published file from its name to what it holds: results, or one tidy table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

from pepstats.errors import SourceError
from pepstats.settings import SourceLine
from pepstats.sources.cells import Cells
from pepstats.sources.files import Source, find_source, read_text
from pepstats.sources.layouts import RESULTS
from pepstats.sources.long_files import is_long, read_long
from pepstats.sources.registers import (
    Tidied,
    account_for,
    tidy_links,
    tidy_ofsted,
    tidy_register,
    tidy_trusts,
)
from pepstats.sources.results import Results, clean_results
from pepstats.sources.series import tidy_la_series, tidy_local_results, tidy_national

PARSERS: dict[str, Callable[[Cells, Source], Tidied]] = {
    "register": tidy_register,
    "links": tidy_links,
    "trusts": tidy_trusts,
    "ofsted": tidy_ofsted,
    "la_series": tidy_la_series,
    "national": tidy_national,
    "local_results": tidy_local_results,
}
"""How each kind of file that is no results file becomes one tidy table."""


def parse_source(source: Source) -> list[Results] | list[Tidied]:
    """Parse a file that was found: results of schools, else one table with its account.

    A long file of results is one for each year that it has; every other file is one. A kind that
    has no tidy table is the cells as published, as text; index `row`.
    """
    raw = read_text(source)
    if source.kind in RESULTS and is_long(raw):
        return read_long(raw, source)
    if source.kind in RESULTS:
        return [clean_results(raw, source)]
    if source.kind in PARSERS:
        return [PARSERS[source.kind](raw, source)]
    return [account_for(raw, source, raw.frame(), {})]


def join_tables(parsed: Iterable[Results | Tidied]) -> dict[str, pd.DataFrame]:
    """Join the tidy tables of each kind into one."""
    found: dict[str, list[pd.DataFrame]] = defaultdict(list)
    for one in parsed:
        if isinstance(one, Tidied):
            found[one.source.kind].append(one.values)
    return {
        kind: pd.concat(parts, ignore_index=parts[0].index.name is None)
        for kind, parts in found.items()
    }


def read_published(file: str | Path, year: int | None = None) -> Results | Tidied:
    """Read one published file, whatever kind its header says it is.

    Parameters
    ----------
    file : str or Path
        Where the file lies.
    year : int, optional
        The year to read (2025 for 2024/25) of a file that has several.

    Returns
    -------
    Results or Tidied
        Of a results file `values` (index `urn`, one column per measure, in published units), their
        `reasons` where there is none, `identity` and `aggregates` (the file's own authority and
        England rows); of any other kind its table as `values`. `ledger` accounts for every row.

    Raises
    ------
    SourceError
        Where the file is missing, of no known kind or of several years, or has a cell that cannot
        be.

    Examples
    --------
    >>> results = pepstats.read(study.sources[0].path)
    >>> bool((results.values.notna() ^ results.reasons.notna()).all().all())
    True
    """
    path = Path(file).resolve()
    one, *more = parse_source(find_source(SourceLine(file=str(path), year=year), path.parent))
    if more:
        years = ", ".join(str(each.source.year) for each in (one, *more))
        raise SourceError(f"{path.name}: has several years ({years}). Give the `year` to read.")
    return one
