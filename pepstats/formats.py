"""The paper in the formats a council uses, all from one source, each the same bytes every time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd

from pepstats.blocks import Document
from pepstats.document import to_docx, to_html, to_pdf
from pepstats.workbook import list_tables, write_workbook


def lay_out(
    editions: Mapping[str, Document],
    formats: Collection[str] = ("word", "workbook"),
    *,
    template: Path | None = None,
    data: tuple[pd.DataFrame, pd.DataFrame] | None = None,
) -> dict[str, str | bytes]:
    """Lay each edition out as a web page and in the formats asked for, by file name.

    `template` is a council's own Word file, whose styles and margins are taken; `data` the open
    data and the table that explains its columns. A paper that shows no table has no workbook.
    Raises `RunError` where a PDF is asked for and this machine cannot make one.
    """
    files: dict[str, str | bytes] = {}
    for name, paper in editions.items():
        files[f"{name}.html"] = page = to_html(paper)
        if "word" in formats:
            files[f"{name}.docx"] = to_docx(paper, template)
        if "workbook" in formats and any(list_tables(paper)):
            files[f"{name}.xlsx"] = write_workbook(paper)
        if "pdf" in formats:
            files[f"{name}.pdf"] = to_pdf(page)
    if data is not None and "open-data" in formats:
        for name, table in zip(("open-data", "open-data.meta"), data, strict=True):
            files[f"{name}.csv"] = table.to_csv(index=False, lineterminator="\n")
    return files
