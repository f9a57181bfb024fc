"""The paper in the formats a council uses, all from one source, each the same bytes every time."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from pepstats.document.blocks import LEADS, Document, part_appendices
from pepstats.document.templates import html_templates
from pepstats.errors import RunError
from pepstats.formatting import plain_text


def to_html(document: Document) -> str:
    """Lay a paper out as one HTML page that asks nothing of the network."""
    css = html_templates().get_template("paper.css").render(document=document)
    page = html_templates().get_template("paper.html")
    return str(page.render(document=document, css=css, leads=LEADS))


def to_pdf(page: str) -> bytes:
    """Lay a paper's HTML out as a tagged PDF (PDF/UA-1), where the machine can make one.

    Raises `RunError` where it cannot: weasyprint comes with the extra `pdf`, and needs the Pango
    library of the machine.
    """
    try:
        import weasyprint
        from weasyprint.urls import URLFetcher
    except (ModuleNotFoundError, OSError):
        raise RunError(
            "`formats` asks for a PDF, and this machine cannot make one: install `pepstats[pdf]` "
            "and the Pango library, or leave `pdf` out of `formats` and print the HTML to PDF."
        ) from None
    os.environ.setdefault("SOURCE_DATE_EPOCH", "0")  # no time in its fonts: the same bytes
    only_inside = URLFetcher(allowed_protocols=["data"], fail_on_errors=True)
    paper = weasyprint.HTML(string=page, url_fetcher=only_inside)
    return bytes(paper.write_pdf(pdf_variant="pdf/ua-1"))


def plain_words(part: Any) -> Any:
    """Return a part of a paper, whatever it is made of, with every text in it plain."""
    if isinstance(part, str):
        return plain_text(part)
    if isinstance(part, tuple):
        return tuple(map(plain_words, part))
    if isinstance(part, dict):
        return {name: plain_words(value) for name, value in part.items()}
    if is_dataclass(part) and not isinstance(part, type):
        return replace(part, **{f.name: plain_words(getattr(part, f.name)) for f in fields(part)})
    return part


def write_formats(
    editions: Mapping[str, Document],
    formats: Collection[str] = ("word", "workbook"),
    *,
    template: tuple[bytes, str] | None = None,
) -> dict[str, str | bytes]:
    """Lay each edition out as a web page and in the formats asked for, by file name.

    The appendices are files of their own, but for the workbook, which has the tables of both.
    `template` is a council's own Word file, whose styles and margins are taken. A paper that shows
    no table has no workbook.
    Raises `RunError` where a PDF is asked for and this machine cannot make one.
    """
    # python-docx is imported only where a paper is written
    from pepstats.document.word import write_docx
    from pepstats.document.workbook import list_tables, write_workbook

    files: dict[str, str | bytes] = {}
    for name, paper in plain_words(dict(editions)).items():
        for stem, part in part_appendices(paper, name).items():
            files[f"{stem}.html"] = page = to_html(part)
            if "word" in formats:
                files[f"{stem}.docx"] = write_docx(part, template)
            if "pdf" in formats:
                files[f"{stem}.pdf"] = to_pdf(page)
        if "workbook" in formats and any(list_tables(paper)):
            files[f"{name}.xlsx"] = write_workbook(paper)
    return files
