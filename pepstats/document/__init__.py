"""A document of blocks, and its HTML, Word and workbook forms."""

from pepstats.document.blocks import (
    DASH,
    Cell,
    Document,
    Entry,
    PaperPicture,
    PaperTable,
    Quote,
    figure,
    interval,
    make_table,
    with_error,
    with_interval,
    words_of,
)
from pepstats.document.compose import (
    Contents,
    Cover,
    check_holes,
    compose_paper,
    find_typed_results,
    read_officers_text,
)
from pepstats.document.html import write_formats
from pepstats.document.templates import html_templates

__all__ = [
    "Cell",
    "Contents",
    "Cover",
    "DASH",
    "Document",
    "Entry",
    "PaperPicture",
    "PaperTable",
    "Quote",
    "check_holes",
    "compose_paper",
    "figure",
    "find_typed_results",
    "html_templates",
    "interval",
    "make_table",
    "read_officers_text",
    "with_error",
    "with_interval",
    "words_of",
    "write_formats",
]
