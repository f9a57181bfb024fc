"""What Word's own accessibility checker asks of a file, rule by rule."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator

import docx
import pytest
from docx.document import Document as WordDocument
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import RGBColor

from pepstats.document.blocks import part_appendices
from pepstats.document.word import write_docx
from tests.document.test_paper_formats import PNG
from tests.paper_made_up import make_city, make_study, write_paper

LEAST_CONTRAST = 4.5
Rule = Callable[[WordDocument], Iterator[str]]
RULES: list[Rule] = []


def rule(check: Rule) -> Rule:
    RULES.append(check)
    return check


@rule
def pictures_have_words(word: WordDocument) -> Iterator[str]:
    for drawn in word.element.body.iter(qn("wp:docPr")):
        if len((drawn.get("descr") or "").split()) < 3:
            yield "a picture without alternative text"


@rule
def pictures_stand_in_the_line(word: WordDocument) -> Iterator[str]:
    if list(word.element.body.iter(qn("wp:anchor"))):
        yield "a picture that floats"


@rule
def tables_have_a_header_row_that_is_repeated(word: WordDocument) -> Iterator[str]:
    for table in word.tables:
        first, look = table.rows[0]._tr.trPr, table._tbl.tblPr.find(qn("w:tblLook"))
        if first is None or first.find(qn("w:tblHeader")) is None:
            yield "a table without a header row"
        elif look is None or look.get(qn("w:firstRow")) != "1":
            yield "a table whose look has no header row"
        elif not all(cell.text.strip() for cell in table.rows[0].cells):
            yield "a header cell that is empty"


@rule
def tables_have_a_title_and_a_description(word: WordDocument) -> Iterator[str]:
    for table in word.tables:
        for part in ("w:tblCaption", "w:tblDescription"):
            said = table._tbl.tblPr.find(qn(part))
            if said is None or not said.get(qn("w:val")):
                yield f"a table without {part}"


@rule
def tables_are_simple(word: WordDocument) -> Iterator[str]:
    for table in word.tables:
        if list(table._tbl.iter(qn("w:gridSpan"), qn("w:vMerge"))):
            yield "cells that are merged or split"
        if any(cell.findall(f".//{qn('w:tbl')}") for cell in table._tbl.iter(qn("w:tc"))):
            yield "a table within a table"


@rule
def no_empty_cells_lay_out_a_table(word: WordDocument) -> Iterator[str]:
    for table in word.tables:
        lines = [*table.rows, *table.columns]
        if not all(any(cell.text.strip() for cell in line.cells) for line in lines):
            yield "a row or column with nothing in it"


@rule
def headings_are_in_order_and_say_something(word: WordDocument) -> Iterator[str]:
    before = 0
    for line in word.paragraphs:
        if found := re.fullmatch(r"Heading (\d)", line.style.name):
            if int(found[1]) > before + 1:
                yield f"level {found[1]} below level {before}: {line.text}"
            if not line.text.strip():
                yield "a heading with nothing in it"
            before = int(found[1])


@rule
def nothing_blank_makes_room(word: WordDocument) -> Iterator[str]:
    for line in word.paragraphs:
        drawn = list(line._p.iter(qn("w:drawing")))
        if not line.text.strip() and not drawn:
            yield "a blank paragraph"
        if re.search(r" {3,}|\t{2,}", line.text):
            yield f"blanks that make room: {line.text[:40]}"


@rule
def the_language_and_the_title_are_set(word: WordDocument) -> Iterator[str]:
    languages = [one.get(qn("w:val")) for one in word.styles.element.iter(qn("w:lang"))]
    if not languages or set(languages) != {"en-GB"}:
        yield f"languages {languages}"
    if not word.core_properties.title:
        yield "no title"


@rule
def words_are_dark_enough(word: WordDocument) -> Iterator[str]:
    parts = (word.styles.element, word.element)
    for colour in {one.get(qn("w:val")) for part in parts for one in part.iter(qn("w:color"))}:
        if colour != "auto" and contrast(str(colour)) < LEAST_CONTRAST:
            yield f"words in {colour}"


@rule
def links_say_where_they_lead(word: WordDocument) -> Iterator[str]:
    for link in word.element.body.iter(qn("w:hyperlink")):
        text = "".join(run.text or "" for run in link.iter(qn("w:t")))
        if text.strip().casefold() in {"", "here", "click here", "link", "more"}:
            yield f"a link called {text!r}"


def contrast(colour: str) -> float:
    """Return how far a colour stands out from white, as WCAG counts it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    light = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 1.05 / (sum(a * b for a, b in zip((0.2126, 0.7152, 0.0722), light, strict=True)) + 0.05)


def used(word: WordDocument) -> WordDocument:
    """Leave of the styles those that a file uses, and those they rest on: the rest is Word's."""
    own = {style.style_id: style for style in word.styles}
    names = {line.get(qn("w:val")) for line in word.element.iter(qn("w:pStyle"), qn("w:rStyle"))}
    wanted = {"Normal"}
    for name in names & own.keys():
        style = own[name]
        while style is not None and style.style_id not in wanted:
            wanted.add(style.style_id)
            style = getattr(style, "base_style", None)
    for name in own.keys() - wanted:
        own[name].element.getparent().remove(own[name].element)
    return word


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    papers = {
        "final": write_paper(*make_study(release="final"), city=make_city()),
        "exempt": write_paper(*make_study(edition="exempt"), city=make_city()),
    }
    return {
        stem: write_docx(part)
        for name, paper in papers.items()
        for stem, part in part_appendices(paper, name).items()
    }


def test_there_are_papers_and_appendices_with_tables_and_pictures(files) -> None:
    assert set(files) == {"final", "final-appendices", "exempt", "exempt-appendices"}
    opened = [docx.Document(io.BytesIO(content)) for content in files.values()]
    assert sum(len(word.tables) for word in opened) > 20
    assert sum(len(word.inline_shapes) for word in opened) > 10


@pytest.mark.parametrize("check", RULES, ids=lambda check: check.__name__)
def test_every_file_passes(files, check: Rule) -> None:
    for name, content in files.items():
        assert list(check(used(docx.Document(io.BytesIO(content))))) == [], name


def spoil(word: WordDocument) -> None:
    """Break every rule once."""
    word.add_heading("Deep", level=3)
    word.add_heading("", level=1)
    word.add_paragraph("")
    word.add_paragraph("here\t\tand   there")
    word.add_paragraph().add_run("pale").font.color.rgb = RGBColor(0xBB, 0xBB, 0xBB)
    word.add_picture(io.BytesIO(PNG))
    merged = word.add_table(2, 2)
    merged.cell(0, 0).merge(merged.cell(0, 1))
    headed = word.add_table(1, 2)
    headed.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    floating = OxmlElement("wp:anchor")
    link = OxmlElement("w:hyperlink")
    word.add_paragraph("x")._p.extend([floating, link])
    word.core_properties.title = ""


@pytest.mark.parametrize("check", RULES, ids=lambda check: check.__name__)
def test_each_rule_sees_what_breaks_it(check: Rule) -> None:
    word = docx.Document()
    spoil(word)
    assert list(check(word))
