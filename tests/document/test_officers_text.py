from __future__ import annotations

import pytest

from pepstats.document import Entry, PaperTable
from pepstats.document.compose import (
    Contents,
    check_holes,
    find_typed_results,
    read_officers_text,
)
from pepstats.errors import DesignError
from pepstats.impact import LADDER

FILLED = Entry(2.1, "a rise of 2.1 points", "effects.csv")
SHOWN = PaperTable("Effects", ("Outcome", "Size"), (("Reading", "2.1"),))

ALLOWED = [
    "On 3 July 2018 the Board asked; on 2nd February it met; the run is of 2018-10-02.",
    "In 2017/18 and 2016-17, from 2016 to 2018, and in 2016-2018.",
    "See paragraph 3.2, sections 4 and 5, and section 100D of the Local Government Act 1972.",
    "Paragraphs 1 and 2 of Schedule 12A; Appendices 1a to 1c; Theme 3; Table 4.",
    "Priority 1 and 2 schools; Year 6 pupils; key stage 2; KS2; Progress 8; ages 5 to 11; post-16.",
    "1. Note\n2. Endorse",
    "The meeting is at 4.30pm.",
    "{closing-the-gap.rwm_expected.estimate} and {fact 70% (SSIF guidance, 2017)}",
    "Eighteen schools in two programmes.",
    "No one in a school was asked; one in which all agree; a quarter of the year.",
    "Half a day in the schools of the city. The Board raised three points.",
    "The first half of the programme had three aims, in one city.",
    "See [the page](https://example.org/2018/results?id=12345).",
]
REFUSED = [
    "gained 2.1 points",
    "rose by 5%",
    "18 schools",
    "£200,000",
    "nine per cent",
    "9 in 100",
    "2018 pupils",
    "p = 0.04",
    "−3",
    "progress 0.4",
    "Progress 8.2",
    "½ a point",
    "２ points",
    "key stage 2.5 points",
    "a significant rise",
    "insignificant",
    "schools probably gained",
    "lost ground",
    "# 3. Topic",
    "paragraph 5 points",
    "three months' progress",
    "+2018",
    "1972.5",
    "section 5%",
    "two percentage points",
    "one in a hundred",
    "Four in ten schools improved",
    "improved by about six points",
    "Two thirds of the schools did better",
    "half of its disadvantaged pupils",
    "x2",
    "a rise of 2017/1 points",
]


@pytest.mark.parametrize("text", ALLOWED)
def test_dates_years_references_and_facts_may_be_typed(text: str) -> None:
    assert find_typed_results(text, LADDER) == []


@pytest.mark.parametrize("text", REFUSED)
def test_a_result_typed_by_hand_is_refused(text: str) -> None:
    assert find_typed_results(text, LADDER)


def test_the_message_names_file_line_column_and_what_to_do() -> None:
    text = "# Summary\n\nIn 2018 results rose by 5% and\nthe gap closed by 2.1 points.\n"
    with pytest.raises(DesignError) as refused:
        read_officers_text(text, "reports/autumn.md", LADDER)
    message = str(refused.value)
    assert message.startswith("reports/autumn.md: line 3, column 25: `5%` looks like a result")
    assert "line 4, column 19: `2.1` looks like a result" in message
    assert "{fact NUMBER (where it is written)}" in message


def test_comments_are_dropped_and_places_stay() -> None:
    officers = read_officers_text("<!-- 45% of\nthis -->\n# A\n\n{a.b}\n", "x.md")
    assert "45%" not in officers.text
    assert [(h.kind, h.name, h.line, h.column) for h in officers.holes] == [("entry", "a.b", 5, 1)]


def test_an_unknown_hole_names_its_place_and_the_near_names() -> None:
    officers = read_officers_text("# A\n\nIt {gap.headlin} here\n\n{table gap.efects}\n", "x.md")
    with pytest.raises(DesignError) as refused:
        check_holes(
            officers,
            Contents(
                {"gap.headline": FILLED, "other.headline": FILLED}, {"gap.effects": SHOWN}, {}
            ),
        )
    message = str(refused.value)
    assert (
        "line 3, column 4: no entry is called `gap.headlin`. Did you mean `gap.headline`" in message
    )
    assert (
        "line 5, column 1: no table is called `gap.efects`. Did you mean `gap.effects`" in message
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{fact 70%}", "is not a hole"),
        ("{fact 70% ()}", "is not a hole"),
        ("{A B}", "is not a hole"),
        ("```\ncode\n```", "block of code"),
        ("a\n---\n", "ruled line"),
        ("![x](y.png)", "picture"),
        ("| a | b |", "table of your own"),
        ("[x](javascript:alert)", "not a web or e-mail link"),
    ],
)
def test_what_a_paper_does_not_use_is_refused(text: str, said: str) -> None:
    with pytest.raises(DesignError, match=said):
        read_officers_text(text, "x.md", LADDER)
