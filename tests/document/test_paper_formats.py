from __future__ import annotations

import builtins
import datetime
import io
import re
import time
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import docx
import pytest
from docx.oxml.ns import qn

from pepstats.document import blocks as document_blocks
from pepstats.document import compose as document_compose
from pepstats.document import html
from pepstats.document.blocks import (
    Document,
    Entry,
    PaperPicture,
    PaperTable,
    Quote,
    figure,
    text_of,
)
from pepstats.document.word import write_docx
from pepstats.errors import DesignError, RunError
from pepstats.plots.style import new_figure, to_png

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63f8ffff"
    "ff7f0009fb03fd2a86e38a0000000049454e44ae426082"
)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>'
TEXT = """\
<!-- a note to officers: 99% -->
Meeting: {meeting.body}
Subject: Support in 2017/18

# Purpose of report

First *words*, with a [link](https://example.org).

# Recommendations

It is recommended that members:

1. **Note {gap.headline}**
2. Endorse it

# Evidence

{table gap.effects}

{figure gap.lines}

## Apart

Words again.

- one
- two

> To be completed by the City Solicitor.

{quotes gap.said}

# Appendices

- Appendix 1: More

# Appendix 1: More

The end. {fact 70% (guidance, 2017)}
"""
ENTRIES = {
    "meeting.body": Entry("Board", "Board", "reports/x.yml"),
    "gap.headline": Entry(2.1, "a rise of 2.1 points", "effects.csv"),
}
TABLES = {
    "gap.effects": PaperTable("Effects", ("Outcome", "Size"), (("Reading", figure(2.1, 1)),)),
    "gap.numbers": PaperTable("Numbers", ("Year", "Value"), (("2018", "57"),)),
}
FIGURES = {
    "gap.lines": PaperPicture(SVG, PNG, "Two lines that part in 2018", "Lines", "gap.numbers")
}
QUOTES = {"gap.said": (Quote("It helped us <b>plan</b>", "Head teacher"),)}


def compose(text: str = TEXT, **changed: object) -> Document:
    known = {"entries": ENTRIES, "tables": TABLES, "figures": FIGURES, "quotes": QUOTES}
    settings = {
        "source": "reports/x.md",
        "title": "Support in 2017/18",
        "date": datetime.date(2018, 10, 2),
        "author": "An Officer",
        "marks": ("Invented data",),
    }
    given = {**known, **settings, **changed}
    source = str(given.pop("source"))
    contents = document_compose.Contents(**{name: given.pop(name) for name in known})
    return document_compose.compose_paper(text, source, contents, document_compose.Cover(**given))


def test_paragraphs_are_numbered_in_their_topics_and_the_appendices_are_not() -> None:
    paper = compose()
    numbers = [b.number for b in paper.blocks if b.kind in ("heading", "paragraph")]
    assert numbers == ["1", "1.1", "2", "2.1", "3", "", "3.1", "", "", "", ""]
    assert [b.style for b in paper.blocks if b.kind == "list"] == ["roman", "bullets", "bullets"]


def test_a_table_behind_a_picture_that_is_not_shown_is_put_at_the_end() -> None:
    paper = compose()
    assert [(b.name, b.number) for b in paper.blocks if b.kind == "table"] == [
        ("gap.effects", 1),
        ("gap.numbers", 2),
    ]
    assert text_of(paper.blocks[-2].words) == "Figures behind the pictures"


def test_changing_one_entry_changes_the_paper_and_nothing_else() -> None:
    moved = {**ENTRIES, "gap.headline": Entry(3.4, "a rise of 3.4 points", "effects.csv")}
    before, after = html.to_html(compose()), html.to_html(compose(entries=moved))
    assert before != after
    assert before.replace("a rise of 2.1 points", "a rise of 3.4 points") == after


def test_what_is_to_be_completed_is_listed() -> None:
    assert compose().to_complete == ("To be completed by the City Solicitor.",)


def test_a_block_hole_inside_a_sentence_is_refused() -> None:
    with pytest.raises(DesignError, match=r"line 3: `\{table gap.effects\}` stands alone"):
        compose("# A\n\nSee {table gap.effects} here\n")
    with pytest.raises(DesignError, match="stands alone"):
        compose("# A\n\n- {table gap.effects}\n")


def test_a_line_above_the_first_heading_must_say_what_it_is() -> None:
    with pytest.raises(
        DesignError, match=r"line 1: above the first heading each line is `Meeting: ...`"
    ):
        compose("Just words\n\n# A\n")


def test_a_paragraph_whose_holes_are_empty_is_left_out_and_takes_no_number() -> None:
    entries = {**ENTRIES, "gap.headline": Entry(None, "", "")}
    text = "# A\n\n{gap.headline}\n\n{gap.headline} {meeting.body}\n\nLast.\n"
    paper = compose(text, entries=entries)
    said = [(b.number, text_of(b.words)) for b in paper.blocks if b.kind == "paragraph"]
    assert said == [("1.1", "Board"), ("1.2", "Last.")]
    assert "gap.headline" in paper.used


def test_what_is_not_shown_has_one_line_in_a_list_and_a_bare_heading_is_left_out() -> None:
    bare = {**TABLES, "gap.effects": PaperTable("Effects", ("A",), (), empty="Not published.")}
    drawn = {"gap.lines": PaperPicture(b"", b"", "Not published.", "Lines", "gap.numbers")}
    text = "# A\n\nWords.\n\n## B\n\n{table gap.effects}\n\n# C\n\n## D\n\n{figure gap.lines}\n"
    paper = compose(
        text + "\n{quotes gap.said}\n", tables=bare, figures=drawn, quotes={"gap.said": ()}
    )
    assert [text_of(b.words) for b in paper.blocks if b.kind == "heading"] == [
        "A", "Tables and pictures that are not shown",
    ]  # fmt: skip
    assert not [b for b in paper.blocks if b.kind in ("table", "figure")]
    [line] = paper.blocks[-1].items
    assert text_of(line[0].words) == "Not published: Effects; Lines (picture)."


def test_the_appendices_are_files_of_their_own_that_lead_to_the_paper_and_back() -> None:
    files = html.write_formats({"report": compose()})
    assert set(files) == {"report.html", "report-appendices.html", "report.docx",
                          "report-appendices.docx", "report.xlsx"}  # fmt: skip
    page, rest = str(files["report.html"]), str(files["report-appendices.html"])
    assert "The end." in rest and "The end." not in page
    assert 'href="report-appendices.html"' in page and 'href="report.html"' in rest
    assert 'href="report-appendices.html#table-2"' in page and 'id="table-2"' in rest
    word = docx.Document(io.BytesIO(files["report.docx"]))
    targets = {link.target_ref for link in word.part.rels.values() if link.is_external}
    assert "report-appendices.docx" in targets
    assert "The end." not in "".join(line.text for line in word.paragraphs)


# HTML --------------------------------------------------------------------------------------------


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, *names: str) -> list[dict[str, str | None]]:
        return [attrs for tag, attrs in self.tags if tag in names]


def test_the_page_has_a_language_one_h1_ordered_headings_and_landmarks() -> None:
    page = Page(html.to_html(compose()))
    assert page.all("html") == [{"lang": "en-GB"}]
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))
    for landmark in ("header", "nav", "main"):
        assert len(page.all(landmark)) == 1
    assert page.all("a")[0]["href"] == "#main" and page.all("main")[0]["id"] == "main"


def test_tables_have_captions_and_scopes_and_pictures_meaningful_words() -> None:
    page = Page(html.to_html(compose()))
    assert len(page.all("caption")) == len(page.all("table")) == 2
    assert all(th["scope"] in ("col", "row") for th in page.all("th"))
    assert [img["alt"] for img in page.all("img")] == ["Two lines that part in 2018"]
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    inside = {a["href"] for a in page.all("a") if str(a["href"]).startswith("#")}
    assert {link[1:] for link in inside if link} <= set(ids)


def test_the_page_asks_nothing_of_the_network() -> None:
    page = Page(html.to_html(compose()))
    assert all(str(img["src"]).startswith("data:image/svg+xml;base64,") for img in page.all("img"))
    assert not page.all("script", "link", "iframe", "object")
    assert "default-src 'none'" in html.to_html(compose())


HOSTILE = (
    '</style><script>alert(1)</script>"><img src=x onerror=alert(1)>'
    "\u202e=cmd|calc{{7*7}}{% x %}\x00"
)


def test_text_from_other_hands_is_never_html() -> None:
    entries = {name: Entry("", HOSTILE, "") for name in ENTRIES}
    tables = {
        name: PaperTable(HOSTILE, (HOSTILE, "b"), ((HOSTILE, HOSTILE),), note=HOSTILE)
        for name in TABLES
    }
    figures = {"gap.lines": PaperPicture(SVG, PNG, HOSTILE, HOSTILE, "gap.numbers")}
    quotes = {"gap.said": (Quote(HOSTILE, HOSTILE),)}
    paper = compose(
        entries=entries,
        tables=tables,
        figures=figures,
        quotes=quotes,
        title=HOSTILE,
        marks=(HOSTILE,),
    )
    text = html.to_html(paper)
    page = Page(text)
    assert not page.all("script")
    assert all("onerror" not in attrs for _, attrs in page.tags)
    assert len(page.all("img")) == 1
    assert text.count("</style>") == 1


def test_html_in_the_officers_own_text_is_shown_not_obeyed() -> None:
    text = html.to_html(compose("# A\n\n<script>alert('x')</script> <b>bold</b> &lt;\n"))
    assert "&lt;script&gt;" in text and "<script" not in text and "&amp;lt;" in text


# Word --------------------------------------------------------------------------------------------


def read(paper: Document) -> docx.document.Document:
    return docx.Document(io.BytesIO(write_docx(paper)))


def test_the_word_file_is_the_same_bytes_each_time() -> None:
    first, second = write_docx(compose()), write_docx(compose())
    assert first == second
    with zipfile.ZipFile(io.BytesIO(first)) as packed:
        assert {info.date_time for info in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_word_file_has_title_language_and_real_headings() -> None:
    word = read(compose())
    assert word.core_properties.title == "Support in 2017/18"
    assert word.core_properties.language == "en-GB"
    assert word.core_properties.created.date() == datetime.date(2018, 10, 2)
    languages = {lang.get(qn("w:val")) for lang in word.styles.element.iter(qn("w:lang"))}
    assert languages == {"en-GB"}
    headings = [
        (p.style.name, p.text) for p in word.paragraphs if p.style.name.startswith("Heading")
    ]
    assert headings[:3] == [
        ("Heading 1", "Purpose of report"),
        ("Heading 1", "Recommendations"),
        ("Heading 1", "Evidence"),
    ]
    assert ("Heading 2", "Apart") in headings


def test_word_numbers_topics_paragraphs_and_recommendations_itself() -> None:
    word = read(compose())
    numbering = word.part.numbering_part.element

    def numbered(text: str) -> tuple[str, str]:
        line = next(p for p in word.paragraphs if p.text.startswith(text))
        numbers = line._p.pPr.numPr
        num = next(n for n in numbering.findall(qn("w:num")) if n.numId == numbers.numId.val)
        kind = next(
            a
            for a in numbering.findall(qn("w:abstractNum"))
            if a.get(qn("w:abstractNumId")) == str(num.abstractNumId.val)
        )
        level = kind.findall(qn("w:lvl"))[numbers.ilvl.val]
        return level.find(qn("w:numFmt")).get(qn("w:val")), level.find(qn("w:lvlText")).get(
            qn("w:val")
        )

    assert numbered("Purpose of report") == ("decimal", "%1.")
    assert numbered("First words") == ("decimal", "%1.%2")
    assert numbered("Note a rise") == ("lowerRoman", "(%1)")
    assert numbered("one")[0] == "bullet"
    appendix = next(
        p
        for p in word.paragraphs
        if p.text.startswith("Appendix 1: More") and "Heading" in p.style.name
    )
    assert appendix._p.pPr.numPr.numId.val == 0


def test_word_tables_repeat_their_headings_and_pictures_have_words() -> None:
    word = read(compose())
    assert len(word.tables) == 2
    for table in word.tables:
        assert table.rows[0]._tr.trPr.find(qn("w:tblHeader")) is not None
        widths = [int(g.get(qn("w:w"))) for g in table._tbl.tblGrid.findall(qn("w:gridCol"))]
        assert all(width > 500 for width in widths)
    assert [shape._inline.docPr.get("descr") for shape in word.inline_shapes] == [
        "Two lines that part in 2018"
    ]


def test_a_tall_picture_is_made_to_fit_a_page_of_the_word_file() -> None:

    tall = PaperPicture(SVG, to_png(new_figure(12.0)), "Many rows", "Rows", "gap.numbers")
    [shape] = read(compose(figures={"gap.lines": tall})).inline_shapes
    assert shape.height.cm == pytest.approx(22.0, abs=0.01)
    assert shape.width / shape.height == pytest.approx(5 / 12, abs=0.01)


def test_every_page_of_the_word_file_carries_the_marks() -> None:
    word = read(compose(marks=("EXEMPT", "Invented data")))
    assert "EXEMPT. Invented data" in word.sections[0].header.paragraphs[0].text
    fields = [e.text for e in word.sections[0].footer._element.iter(qn("w:instrText"))]
    assert fields == [" PAGE ", " NUMPAGES "]


def test_hostile_text_opens_cleanly_in_word() -> None:
    entries = {name: Entry("", HOSTILE + "\ud800", "") for name in ENTRIES}
    word = read(compose(entries=entries))
    assert any("<script>" in p.text for p in word.paragraphs)


@pytest.fixture
def council(tmp_path: Path) -> Path:
    """A council's own Word file, with its words, looks, head and foot."""
    own = docx.Document()
    own.add_paragraph("Old words that must go")
    own.sections[0].left_margin = docx.shared.Cm(4)
    own.styles["Heading 1"].font.name = "Gill Sans"
    own.sections[0].header.paragraphs[0].text = "Fablemouth City Council"
    own.sections[0].footer.paragraphs[0].text = "www.fablemouth.example"
    own.save(str(tmp_path / "council.docx"))
    return tmp_path / "council.docx"


def opened(template: Path) -> tuple[bytes, str]:
    return template.read_bytes(), template.name


def test_a_councils_own_template_gives_its_styles_head_and_foot(council: Path) -> None:
    paper = compose(marks=("EXEMPT",))
    word = docx.Document(io.BytesIO(write_docx(paper, opened(council))))
    assert word.sections[0].left_margin.cm == pytest.approx(4, abs=0.01)
    assert word.styles["Heading 1"].font.name == "Gill Sans"
    assert not any("Old words" in p.text for p in word.paragraphs)
    head = [p.text for p in word.sections[0].header.paragraphs]
    assert head == ["Fablemouth City Council", "EXEMPT"]
    assert word.sections[0].footer.paragraphs[0].text == "www.fablemouth.example"
    assert any(p.style.name == "Heading 1" and p.text == "Evidence" for p in word.paragraphs)
    assert write_docx(paper, opened(council)) == write_docx(paper, opened(council))


def test_marks_stand_on_the_first_page_too_where_it_has_a_head_of_its_own(council: Path) -> None:
    own = docx.Document(str(council))
    own.sections[0].different_first_page_header_footer = True
    own.save(str(council))
    word = docx.Document(io.BytesIO(write_docx(compose(marks=("EXEMPT",)), opened(council))))
    assert "EXEMPT" in [p.text for p in word.sections[0].first_page_header.paragraphs]


def repacked(path: Path, **added: bytes) -> Path:
    """Give a copy of a Word file with parts put in or in the place of others."""
    copy = path.with_name("hostile.docx")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in added:
                new.writestr(name, old.read(name))
        for name, content in added.items():
            new.writestr(name, content)
    return copy


ENTITIES = (
    b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">&b;'
)
OUTSIDE = (
    b'<?xml version="1.0"?><Relationships '
    b'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
    b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/image" '
    b'Target="http://example.org/x.png" TargetMode="External"/></Relationships>'
)


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ({"word/vbaProject.bin": b"x"}, "can be run"),
        ({"word/embeddings/oleObject1.bin": b"x"}, "can be run"),
        ({"word/document.xml": ENTITIES}, "not a Word file that can be used"),
        ({"word/document.xml": b""}, "not a Word file that can be used"),
        ({"word/_rels/header9.xml.rels": b"", "word/_rels/styles.xml.rels": OUTSIDE},
         "reaches outside itself, to http://example.org/x.png"),
        ({"word/media/bomb.bin": b"0" * 50_000_001}, "so not a template"),
        ({"[Content_Types].xml": b"<x/>"}, "not a Word file that can be used"),
    ],
)  # fmt: skip
def test_a_hostile_template_is_refused_in_one_message(
    council: Path, added: dict[str, bytes], said: str
) -> None:
    with pytest.raises(DesignError, match=said) as refused:
        write_docx(compose(), opened(repacked(council, **added)))
    assert "hostile.docx" in str(refused.value) and "\n" not in str(refused.value)


def test_what_is_no_word_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "not.docx").write_text("no")
    with pytest.raises(DesignError, match="not a Word file"):
        write_docx(compose(), opened(tmp_path / "not.docx"))


def test_no_word_of_a_table_is_broken_across_lines() -> None:
    heads = ("In 100 made-up programmes", "Estimate", "What it rests on")
    row = ("+0.16 (\u22120.06\u00a0to\u00a00.41)", "12", "words " * 40)
    paper = compose(tables={**TABLES, "gap.effects": PaperTable("Wide", heads, (row,))})
    word = read(paper)
    widths = [int(g.get(qn("w:w"))) / 567 for g in word.tables[0]._tbl.tblGrid]
    assert widths[0] > 0.185 * len("(\u22120.06\u00a0to\u00a00.41)") + 0.5
    assert widths[0] > 0.2 * len("programmes")


# PDF ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lack",
    [ModuleNotFoundError("No module named 'weasyprint'"), OSError("cannot load library 'pango'")],
)
def test_a_pdf_that_cannot_be_made_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, lack: Exception
) -> None:
    def refuse(name: str, *rest: object) -> object:
        if name == "weasyprint":
            raise lack
        return real(name, *rest)

    real = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(
        RunError, match=r"install `pepstats\[pdf\]` and the Pango library, or leave"
    ):
        html.to_pdf("<p>A paper</p>")


def test_a_pdf_is_tagged_and_the_same_bytes_each_time_where_one_can_be_made() -> None:
    page = html.to_html(compose())
    try:
        made = html.to_pdf(page)
    except RunError as error:
        pytest.skip(str(error))
    assert made.startswith(b"%PDF-")
    time.sleep(1.1)  # fonts hold the second they were cut in, if they are let
    assert made == html.to_pdf(page)


def test_an_entry_that_says_nothing_leaves_no_second_space() -> None:
    parts = ["", "One. ", "", " ", "Two.", " ", "", " ", "Three."]
    spans = (document_blocks.Span(text=text) for text in parts)
    assert "".join(span.text for span in document_compose.trim(spans)) == "One. Two. Three."
