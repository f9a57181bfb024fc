"""One published file from its name to what it holds: results, or one tidy table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from pepstats.paths import data_folder
from pepstats.settings import SourceLine
from pepstats.sources.cells import Cells
from pepstats.sources.files import Source, find_source, read_text
from pepstats.sources.layouts import RESULTS
from pepstats.sources.registers import (
    Tidied,
    tidy_links,
    tidy_ofsted,
    tidy_register,
    tidy_trusts,
)
from pepstats.sources.results import Ledger, Results, account_for_table, clean_results
from pepstats.sources.series import tidy_la_series, tidy_local_results, tidy_national

TABLE_READERS: dict[str, Callable[[Cells, Source], Tidied]] = {
    "register": tidy_register,
    "links": tidy_links,
    "trusts": tidy_trusts,
    "ofsted": tidy_ofsted,
    "la_series": tidy_la_series,
    "national": tidy_national,
    "local_results": tidy_local_results,
}
"""How each kind of file that is not of results by school becomes one tidy table."""


def parse_source(source: Source) -> Results | Tidied:
    """Parse a file that was found: results of schools, else one table with its account.

    A kind that has no tidy table is the cells as published, as text; index `row`.
    """
    raw = read_text(source)
    if source.kind in RESULTS:
        return clean_results(raw, source)
    if source.kind in TABLE_READERS:
        return TABLE_READERS[source.kind](raw, source)
    return Tidied(raw.frame(), account_for_table(raw, source, len(raw.rows), {}))


@dataclass(frozen=True)
class PublishedFile:
    """One published file as it was read.

    Attributes
    ----------
    source
        The file: its kind, year, release and SHA-256.
    values
        Of a results file: index `urn`, one column per measure. Of any other kind: its table.
    reasons, identity, aggregates
        Of a results file, else None: why there is no value (aligned with `values`), what the file
        says of each school, and the authority and England rows (index `level`, `la`).
    ledger
        The account of the file's rows and cells.
    """

    source: Source
    values: pd.DataFrame = field(repr=False)
    reasons: pd.DataFrame | None = field(repr=False)
    identity: pd.DataFrame | None = field(repr=False)
    aggregates: pd.DataFrame | None = field(repr=False)
    ledger: Ledger = field(repr=False)


def read_published(file: str, data: Path | None = None) -> PublishedFile:
    """Read one published file, whose kind and year its header tells.

    Parameters
    ----------
    file
        The file's path, relative to the data folder or absolute.
    data
        The data folder, the project's own where none is given.

    Returns
    -------
    PublishedFile
        Values and reasons of a results file, else one tidy table.

    Raises
    ------
    SourceError
        Where the file is missing, of no kind we know, or holds what cannot be: file, row, column.
    """
    source = find_source(SourceLine(file=file), data_folder(data))
    one = parse_source(source)
    if isinstance(one, Tidied):
        return PublishedFile(source, one.frame, None, None, None, one.ledger)
    return PublishedFile(source, one.values, one.reasons, one.identity, one.aggregates, one.ledger)
