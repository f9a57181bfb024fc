from __future__ import annotations

import datetime
from pathlib import Path

import docx
import pytest

from pepstats.document import html
from pepstats.document.blocks import Document
from pepstats.errors import DesignError, RunError
from pepstats.settings.report import FORMATS, Report, check_named_files
from tests.paper_made_up import make_report

PAPER = Document("A paper", (), (), (), datetime.date(2018, 10, 2), "An officer")


def test_the_web_page_is_always_made_and_the_rest_as_asked() -> None:
    editions = {"report": PAPER, "report-exempt": PAPER}
    assert set(html.write_formats(editions, [])) == {"report.html", "report-exempt.html"}
    files = html.write_formats({"report": PAPER}, ["word"])
    assert set(files) == {"report.html", "report.docx"}


def test_officers_text_without_a_table_has_no_workbook_and_stops_nothing() -> None:
    assert set(html.write_formats({"report": PAPER}, ["workbook"])) == {"report.html"}


def test_a_pdf_is_made_only_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(page: str) -> bytes:
        raise RunError("This machine cannot make a PDF.")

    monkeypatch.setattr(html, "to_pdf", cannot)
    assert "report.pdf" not in html.write_formats({"report": PAPER})
    with pytest.raises(RunError, match="cannot make a PDF"):
        html.write_formats({"report": PAPER}, ["pdf"])


def test_by_default_everything_but_the_slow_pdf_is_written() -> None:
    assert set(FORMATS) - set(Report.model_fields["formats"].default) == {"pdf"}


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("formats", ["wrod"], "Did you mean `word`"),
        ("template", "council.doc", "template"),
        ("disclosure", {"safe_threshold": 1}, "greater than or equal to 2"),
        ("actions", [{"answer": "x"}], "asked"),
    ],
)
def test_a_wrong_setting_of_a_paper_is_refused(key: str, value: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make_report(**{key: value})


def test_a_template_that_is_not_there_is_named_before_anything_runs(tmp_path: Path) -> None:
    asked = make_report(template="council.docx")
    with pytest.raises(DesignError, match=r"`template`: council.docx"):
        check_named_files(asked, tmp_path)
    docx.Document().save(str(tmp_path / "council.docx"))
    (tmp_path / "shown.csv").write_text("table,row,column,count\n", "utf-8")
    check_named_files(asked, tmp_path)
