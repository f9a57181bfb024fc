"""The paper in the formats a council uses, all from one source, each the same bytes every time."""

from __future__ import annotations

from collections.abc import Mapping

from pepstats.blocks import Document
from pepstats.document import to_docx, to_html
from pepstats.workbook import write_workbook


def lay_out(editions: Mapping[str, Document]) -> dict[str, str | bytes]:
    """Lay each edition out as a web page, a Word file and a data workbook, by file name."""
    files: dict[str, str | bytes] = {}
    for name, paper in editions.items():
        files[f"{name}.html"] = to_html(paper)
        files[f"{name}.docx"] = to_docx(paper)
        files[f"{name}.xlsx"] = write_workbook(paper)
    return files
