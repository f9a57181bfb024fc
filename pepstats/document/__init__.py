"""A document of blocks, and its HTML, Word and workbook forms."""

from pepstats.document.blocks import Document, Entry, PaperPicture, PaperTable, Quote, make_table
from pepstats.document.compose import Contents, Cover, compose_paper, find_typed_results
from pepstats.document.html import write_formats
from pepstats.document.templates import html_templates

__all__ = [
    "Contents",
    "Cover",
    "Document",
    "Entry",
    "PaperPicture",
    "PaperTable",
    "Quote",
    "compose_paper",
    "find_typed_results",
    "html_templates",
    "make_table",
    "write_formats",
]
