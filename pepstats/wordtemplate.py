"""A council's own Word file as the look of a paper: opened with care, emptied of its words."""

from __future__ import annotations

import zipfile
from pathlib import Path

import docx
from docx.document import Document as WordDocument
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml.ns import qn

from pepstats.errors import DesignError

ATTACHED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/attachedTemplate"
LARGEST = 50_000_000  # bytes unpacked; a template with its logos is a few
RUNS = ("vbaproject", "activex", "embeddings", "oleobject")
"""What in a Word file can be run, by a word of its part's name."""
NEEDED = ("Normal", "Title", "Heading 1", "Heading 2")


def open_template(path: Path) -> WordDocument:
    """Open a council's Word file without its words: its styles, margins, head and foot stay.

    Raises `DesignError` for what is no Word file, is too large, can run something or reaches
    outside itself, or lacks a style that a paper needs.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            parts = packed.infolist()
        if sum(part.file_size for part in parts) > LARGEST:
            raise DesignError(f"{path}: more than {LARGEST:,} bytes unpacked, so not a template.")
        word = docx.Document(str(path))
        _check(word, [part.filename for part in parts], path)
        body = word.element.body
    except DesignError:
        raise
    except Exception as error:  # whatever a broken or hostile file makes its reader raise
        reason = f"{type(error).__name__}: {error}".rstrip(": .")
        raise DesignError(
            f"{path}: not a Word file that can be used ({reason}). Save it from Word as .docx."
        ) from error
    for element in list(body):
        if element.tag != qn("w:sectPr"):
            body.remove(element)
    return word


def _check(word: WordDocument, names: list[str], path: Path) -> None:
    if running := sorted(n for n in names if any(one in n.casefold() for one in RUNS)):
        raise DesignError(
            f"{path}: has something in it that can be run ({running[0]}). Save it without."
        )
    allowed = {RELATIONSHIP_TYPE.HYPERLINK, ATTACHED}
    package = word.part.package
    for part in (package, *package.iter_parts()):
        for name, link in list(part.rels.items()):
            if not link.is_external:
                continue
            if link.reltype not in allowed:
                raise DesignError(
                    f"{path}: reaches outside itself, to {link.target_ref}. Put what it shows into "
                    "the file and save it again."
                )
            if link.reltype == ATTACHED:
                for mark in list(word.settings.element.iter(qn("w:attachedTemplate"))):
                    mark.getparent().remove(mark)
                part.rels.pop(name)
    there = {style.name for style in word.styles}
    if missing := [name for name in NEEDED if name not in there]:
        raise DesignError(
            f"{path}: has no style called {', '.join(missing)}. Use each once in Word and save it."
        )
