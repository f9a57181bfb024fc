"""Text is text in every format: nothing of it runs, leads away or hides, and its words are kept."""

from __future__ import annotations

import io
import shutil
import zipfile
from html import unescape
from pathlib import Path

import docx
import pytest
from markdown_it import MarkdownIt
from python_calamine import CalamineWorkbook

from benchmarks.hostile_texts import (
    FILES,
    ROOT,
    TEXTS,
    Page,
    attack_settings,
    browse,
    count_in_files,
    count_in_office,
    list_places,
    make_paper,
    try_attack,
    unescaped,
    write_sheets,
)
from pepstats.document import write_formats
from pepstats.formatting import escape_markdown, plain_text
from pepstats.settings.yaml import read_yaml

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
EVERY = TEXTS[::4]  # each kind; all of them are in the benchmark


@pytest.fixture(scope="module")
def papers() -> dict[str, dict[str, str | bytes]]:
    return {text: write_formats({"report": make_paper(text)}) for text in EVERY}


def test_nothing_of_a_paper_runs_leads_away_or_hides(papers) -> None:
    for text, files in papers.items():
        assert set(files) == {"report.html", "report.docx", "report.xlsx"}
        assert not count_in_files(files), text


def test_the_words_are_kept_in_each_format(papers) -> None:
    for text, files in papers.items():
        words = " ".join(plain_text(text).split())
        page = " ".join(unescape(str(files["report.html"])).split())
        assert words in page, text
        word = docx.Document(io.BytesIO(files["report.docx"]))
        assert any(words in " ".join(line.text.split()) for line in word.paragraphs), text
        book = CalamineWorkbook.from_filelike(io.BytesIO(files["report.xlsx"]))
        rows = book.get_sheet_by_name("Table 1").to_python()
        assert any(words == " ".join(str(cell).split()) for row in rows for cell in row), text


def test_the_counts_count_what_runs() -> None:
    bad = '<a href="//x">x</a><script>1</script><p onclick="1"></p><style></style><style></style>'
    found = Page(f"{bad}<meta><meta><meta><meta><iframe srcdoc=x></iframe>\u202e").found
    assert found == {"links": 3, "scripts": 2, "styles": 1, "metas": 1, "hidden": 1}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as files:
        files.writestr("xl/worksheets/sheet1.xml", "<c><f>1+1</f></c>")
        files.writestr("xl/_rels/a.rels", '<Relationship TargetMode="External"/>')
        files.writestr("word/document.xml", "<w:instrText> HYPERLINK x</w:instrText>")
    assert count_in_office(packed.getvalue()) == {"cells_run": 2, "links": 1, "hidden": 0}


def test_no_school_no_trust_and_no_criterion_of_a_sheet_is_more_than_its_words() -> None:
    pages = write_sheets(EVERY)
    for name, html in pages.items():
        found = Page(html, scripts="-city" in name).found
        assert not any(found.values()), (name, found)
    together = unescape(" ".join(pages.values()))
    assert all(plain_text(text) in together for text in EVERY)


@pytest.mark.skipif(BROWSER is None, reason="no browser is found here")
def test_a_real_browser_runs_nothing_and_asks_for_nothing(papers, tmp_path: Path) -> None:
    shown = {f"{n}.html": str(files["report.html"]) for n, files in enumerate(papers.values())}
    shown |= write_sheets(EVERY)
    assert browse(tmp_path, shown, str(BROWSER)) == (0, 0)
    ran, asked = browse(tmp_path, unescaped(""), str(BROWSER))
    assert ran > 0 and asked > 0


@pytest.mark.parametrize("before", ["# ", "- ", ""])
def test_a_release_s_markdown_shows_each_text_word_for_word(before: str) -> None:
    for text in TEXTS:
        parsed = MarkdownIt("commonmark").parse(f"{before}{escape_markdown(text)}\n")
        inside = [one for token in parsed if token.type == "inline" for one in token.children]
        assert {one.type for one in inside} <= {"text", "text_special"}, text
        assert "".join(one.content for one in inside) == plain_text(text).strip()
        assert not {"html_block", "code_block", "fence"} & {token.type for token in parsed}


@pytest.mark.parametrize(
    ("value", "came"),
    [
        ('"\\u202eTitle\\u200b =1+1 <script>1</script>"', "harmless"),
        ('"\\0\\e[31m=cmd"', "harmless"),
        ('"\\ud800"', "refused"),
        ("|\n            two\n            lines", "harmless"),
        ("!!python/object/apply:os.system [id]", "refused"),
        ("&a [*a]", "refused"),
        (f"'{'y' * 300}'", "refused"),
        ("''", "refused"),
    ],
)
def test_a_setting_that_attacks_is_refused_in_one_message_or_is_only_words(
    tmp_path: Path, value: str, came: str
) -> None:
    for file in FILES:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    for file in (*FILES, "programmes/send-in-mainstream.yml"):
        shutil.copyfile(ROOT / "data" / file, tmp_path / file)
    assert try_attack(tmp_path, FILES[0], ("meeting", "report_by"), value) == came


def test_each_text_of_the_settings_is_attacked_and_none_breaks_or_runs(tmp_path: Path) -> None:
    assert sum(len(list(list_places(read_yaml(ROOT / "data" / file)))) for file in FILES) > 60
    came = attack_settings(tmp_path, 12)
    assert set(came) <= {"refused", "harmless"} and sum(came.values()) == 12
