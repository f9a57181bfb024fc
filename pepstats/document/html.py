"""The paper in the formats a council uses, all from one source, each the same bytes every time."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from pepstats import paths
from pepstats.document.blocks import Document
from pepstats.errors import RunError


@cache
def html_templates() -> Any:
    """Return the templates of HTML pages, every hole of which is escaped."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(paths.TEMPLATES), autoescape=True, trim_blocks=True,
        lstrip_blocks=True, undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    environment.filters |= {"data_uri": _data_uri, "css_text": css_text}
    return environment


def to_html(document: Document) -> str:
    """Lay a paper out as one HTML page that asks nothing of the network."""
    css = html_templates().get_template("paper.css").render(document=document)
    return str(html_templates().get_template("paper.html").render(document=document, css=css))


def to_pdf(page: str) -> bytes:
    """Lay a paper's HTML out as a tagged PDF (PDF/UA-1), where the machine can make one.

    Raises `RunError` where it cannot: weasyprint comes with the extra `pdf`, and needs the Pango
    library of the machine.
    """
    other = "or leave `pdf` out of `formats` and print the HTML to PDF"
    try:
        import weasyprint
        from weasyprint.urls import URLFetcher
    except ModuleNotFoundError:
        raise RunError(
            f"`formats` asks for a PDF, and what makes one is not installed: install "
            f"`pepstats[pdf]`, {other}."
        ) from None
    except OSError:
        raise RunError(
            f"`formats` asks for a PDF, and this machine has no Pango library: install it, {other}."
        ) from None
    only_inside = URLFetcher(allowed_protocols=["data"], fail_on_errors=True)
    paper = weasyprint.HTML(string=page, url_fetcher=only_inside)
    with _no_time_in_fonts():
        return bytes(paper.write_pdf(pdf_variant="pdf/ua-1"))


@contextmanager
def _no_time_in_fonts() -> Iterator[None]:
    """Keep the second at which a font was cut to size out of it: the same paper, the same bytes."""
    before = os.environ.get("SOURCE_DATE_EPOCH")
    os.environ["SOURCE_DATE_EPOCH"] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ["SOURCE_DATE_EPOCH"]
        else:
            os.environ["SOURCE_DATE_EPOCH"] = before


def css_text(text: str) -> str:
    """Write text as a CSS string that cannot end its own quotes or the style it stands in."""
    return '"' + re.sub(r"[^\w .,:;()/–-]", lambda m: f"\\{ord(m.group()):x} ", text) + '"'


def _data_uri(svg: bytes) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode("ascii")


def write_formats(
    editions: Mapping[str, Document],
    formats: Collection[str] = ("word", "workbook"),
    *,
    template: Path | None = None,
) -> dict[str, str | bytes]:
    """Lay each edition out as a web page and in the formats asked for, by file name.

    `template` is a council's own Word file, whose styles and margins are taken. A paper that shows
    no table has no workbook.
    Raises `RunError` where a PDF is asked for and this machine cannot make one.
    """
    # python-docx is imported only where a paper is written
    from pepstats.document.word import write_docx
    from pepstats.document.workbook import list_tables, write_workbook

    files: dict[str, str | bytes] = {}
    for name, paper in editions.items():
        files[f"{name}.html"] = page = to_html(paper)
        if "word" in formats:
            files[f"{name}.docx"] = write_docx(paper, template)
        if "workbook" in formats and any(list_tables(paper)):
            files[f"{name}.xlsx"] = write_workbook(paper)
        if "pdf" in formats:
            files[f"{name}.pdf"] = to_pdf(page)
    return files
