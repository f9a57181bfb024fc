from __future__ import annotations

import dataclasses
import io
from html import unescape

import docx
import pytest
from docx.oxml.ns import qn

from pepstats.document import write_formats
from pepstats.report.edition import Edition
from pepstats.report.paper import list_to_do
from pepstats.sources import NOT_CLEARED
from tests.paper_made_up import make_study, write_paper

SLUG = "closing-the-gap"


@pytest.mark.parametrize("edition", ["public", "exempt"])
def test_no_statement_is_printed_in_any_edition_that_nobody_has_cleared(edition: str) -> None:
    settings, programmes, results = make_study(edition=edition)
    said = results[SLUG].statements
    words = said.loc[said["statement"] != "", "statement"]
    cleared = said.loc[said["held"].isna() & (said["statement"] != ""), "statement"]
    shown = show(settings, programmes, results)
    assert len(cleared) == 3 and all(one in shown for one in cleared)
    assert not [one for one in words if one in shown and one not in set(cleared)]
    held = said.assign(held=said["held"].where(said["held"].notna(), NOT_CLEARED))
    uncleared = {**results, SLUG: dataclasses.replace(results[SLUG], statements=held)}
    shown = show(settings, programmes, uncleared)
    assert not [one for one in words if one in shown]
    paper = write_paper(settings, programmes, uncleared)
    needed = list_to_do(Edition(settings, programmes, uncleared), paper)
    rows = held.loc[held["statement"].isin(cleared), "row"]
    assert all(f"statement in row {row}: {NOT_CLEARED}" in needed for row in rows)


def show(*study: object) -> str:
    """Return all that a paper says in HTML and Word."""
    files = write_formats({"report": write_paper(*study)})
    word = docx.Document(io.BytesIO(files["report.docx"]))
    words = "".join(text.text or "" for text in word.element.body.iter(qn("w:t")))
    return unescape(files["report.html"]) + words
