from __future__ import annotations

import datetime
from pathlib import Path

import pandas as pd
import pytest

from pepstats.errors import SourceError
from pepstats.report.quotes import (
    balance_sentence,
    choose_quotes,
    list_held,
    quoted_sentence,
    tabulate_themes,
)
from pepstats.settings import SourceLine
from pepstats.sources import files
from pepstats.sources import school_statements as statements
from tests.sources.personal_details import (
    DETAILS,
    HARMLESS,
    LATER_DETAILS,
    LATER_HARMLESS,
)

SCHOOLS = {"closing-the-gap": {900001: 900001, 900002: 900002, 930002: 900002, 900003: 900003}}


def row(**changed: str) -> dict[str, str]:
    return {
        "URN": "900001", "Programme": "closing-the-gap", "Theme": "Coaching", "Stance": "positive",
        "Role": "Head teacher", "Consent": "yes", "Consent date": "2018-09-14",
        "Statement": "It helped us to plan.", "Extract": "",
        "Cleared by": "I. Figment", "Cleared on": "2018-09-17", **changed,
    }  # fmt: skip


def read(*rows: dict[str, str]) -> pd.DataFrame:
    raw = pd.DataFrame(list(rows), index=range(2, 2 + len(rows)), dtype="str")
    return statements.check_statements(raw, file="statements.csv", schools=SCHOOLS)


NOT_CLEARED = {"Cleared by": "", "Cleared on": ""}


def held(**changed: str) -> object:
    return read(row(**changed))["held"].iloc[0]


def test_a_statement_with_consent_is_quoted_by_role() -> None:
    said = read(row())
    quotes = choose_quotes(said, "closing-the-gap")
    assert [(q.text, q.role) for q in quotes] == [("It helped us to plan.", "Head teacher")]


def test_without_consent_nothing_is_quoted_but_it_is_counted() -> None:
    said = read(row(Consent="no", **{"Consent date": ""}), row(URN="900002", Stance="negative"))
    quotes = choose_quotes(said, "closing-the-gap")
    assert len(quotes) == 1
    assert balance_sentence(said, "closing-the-gap", 2) == (
        "Of the 2 schools asked for a statement, 2 answered: 1 positive, 0 mixed and 1 negative."
    )
    told = quoted_sentence(said, "closing-the-gap")
    assert "One other, the only positive answer, could not be quoted: consent" in told
    kept = quoted_sentence(said, "closing-the-gap", counted_too=False)
    assert kept == (
        "One is quoted below. Any others could not be quoted, or are left out to keep this short."
    )


def test_every_answer_is_quoted_held_or_said_to_be_left_out() -> None:
    said = pd.concat([read(row(URN=urn)) for urn in ("900001", "900002", "900003")] * 3)
    told = quoted_sentence(said, "closing-the-gap")
    assert told.startswith("Six are quoted below") and "Three more are left out" in told


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"Consent": ""}, "row 2: `consent` is ``: write yes or no."),
        ({"Consent date": "last week"}, "row 2: `consent_date` is `last week`"),
        ({"URN": "900009"}, "row 2: school 900009 is not in the programme `closing-the-gap`."),
        ({"URN": "9OOOO1"}, "row 2: `9OOOO1` is not a school's number"),
        ({"Programme": "closing-teh-gap"}, "Did you mean `closing-the-gap`"),
        ({"Stance": "glad"}, "row 2: `glad` is not a stance. Known: mixed, negative, positive."),
        ({"Role": "Mrs Jones"}, "row 2: `Mrs Jones` is not a role."),
        ({"Extract": "It saved us"}, "row 2: its extract is not in its statement"),
        ({"Cleared by": "yes"}, "row 2: `cleared_by` is `yes`: write the name of who read it"),
        ({"Cleared by": "n/a"}, "row 2: `cleared_by` is `n/a`"),
        ({"Cleared on": ""}, "row 2: `cleared_on` is ``: write the day it was read"),
        ({"Cleared on": "soon"}, "row 2: `cleared_on` is `soon`"),
        ({"Cleared by": ""}, "row 2: `cleared_by` is empty: write the name"),
    ],
)
def test_a_wrong_row_is_refused_with_file_and_row(changed: dict[str, str], message: str) -> None:
    with pytest.raises(SourceError) as refused:
        read(row(**changed))
    assert str(refused.value).startswith("statements.csv: ")
    assert message in str(refused.value)


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(SourceError, match=r"row 2: .*row 3: "):
        read(row(Consent=""), row(Stance="?"))


def test_a_wrong_column_is_named() -> None:
    raw = pd.DataFrame([row()]).rename(columns={"Stance": "Stanse"})
    with pytest.raises(SourceError, match="row 1: no column is called `stanse`. Did you mean"):
        statements.check_statements(raw, file="s.csv", schools=SCHOOLS)


@pytest.mark.parametrize(
    "words",
    [
        "Ask me at head@school.org about it.", "Ring 023 9284 1234.", "UPN A123456789012 went up.",
        "We saw that Callum caught up.", "Callum made two years of progress.",
        "Well done to O'Neil.",
        "Thanks to Mary-Jane we know.",
    ],
)  # fmt: skip
def test_what_may_be_personal_is_held_back_until_cleared(words: str) -> None:
    assert held(Statement=words, **NOT_CLEARED) == statements.DETAILS
    assert pd.isna(held(Statement=words))


@pytest.mark.parametrize(
    "words", ["It helped us to plan.", "Callum caught up.", "good", "It rose."]
)
def test_no_words_are_quoted_that_no_named_person_has_cleared(words: str) -> None:
    said = read(row(Statement=words, **NOT_CLEARED), row(URN="900002", Statement="Cleared."))
    assert [q.text for q in choose_quotes(said, "closing-the-gap")] == ["Cleared."]
    assert [line for line in list_held(said) if "row 2: " in line and "`cleared_by`" in line]
    assert not [line for line in list_held(said) if "row 3" in line]


def test_a_file_without_columns_of_who_cleared_it_is_read_and_nothing_of_it_is_quoted() -> None:
    cells = {name: text for name, text in row().items() if name not in NOT_CLEARED}
    assert choose_quotes(read(cells), "closing-the-gap") == ()
    with pytest.raises(SourceError, match=r"no column is called `cleared`\. .*`cleared_by`"):
        read({**cells, "Cleared": "yes"})


@pytest.mark.parametrize(
    "words",
    [
        "Coaching was what we needed. Staff feel surer, and I can see it in Year 6.",
        "The English and Maths leads met in October. Ofsted said so too.",
        "It made little difference. We had three heads in two years.",
    ],
)
def test_plain_words_are_not_held_back(words: str) -> None:
    assert statements.find_details(words) == []


def test_hostile_words_are_kept_as_words() -> None:
    hostile = "=cmd|'/c calc'!A1 <script>alert(1)</script> \u202eevil\u202c \U0001f600 {hole}"
    said = read(row(Statement=hostile))
    quote = choose_quotes(said, "closing-the-gap")[0].text
    assert "<script>alert(1)</script>" in quote and "\U0001f600" in quote and "{hole}" in quote
    assert "\u202e" not in quote


def test_ten_thousand_words_are_kept_and_quoted_only_by_an_extract() -> None:
    long = "it was good for us " * 2000
    said = read(row(Statement=long))
    assert said["held"].iloc[0] == statements.TOO_LONG
    assert len(said["statement"].iloc[0].split()) == 10_000
    assert choose_quotes(said, "closing-the-gap") == ()
    short = read(row(Statement=long, Extract="good for us it was good"))
    assert choose_quotes(short, "closing-the-gap")[0].text == "good for us it was good"


def test_quotes_divide_as_the_answers_do_and_no_stance_is_left_out() -> None:
    many = {"closing-the-gap": {900000 + n: 900000 + n for n in range(30)}}
    stances = ["positive"] * 16 + ["mixed"] * 6 + ["negative"] * 2
    rows = [row(URN=str(900000 + n), Stance=s, Statement=s) for n, s in enumerate(stances)]
    raw = pd.DataFrame(rows, dtype="str")
    said = statements.check_statements(raw, file="s.csv", schools=many)
    chosen = [q.text for q in choose_quotes(said, "closing-the-gap")]
    assert chosen == ["positive"] * 4 + ["mixed", "negative"]


def test_a_school_is_found_by_any_number_it_has_had() -> None:
    assert read(row(URN="930002"))["school"].tolist() == [900002]


def test_a_school_that_did_not_answer_is_counted_as_asked() -> None:
    said = read(row(), row(URN="900002", Statement="", Stance="", Role="", Consent=""))
    sentence = balance_sentence(said, "closing-the-gap", 2)
    assert sentence.startswith("Of the 2 schools asked for a statement, 1 answered")


@pytest.mark.parametrize("schools", [3, 18])
def test_a_file_of_respondents_alone_does_not_say_how_many_were_asked(schools: int) -> None:
    sentence = balance_sentence(read(row(), row(URN="900002")), "closing-the-gap", schools)
    assert sentence.startswith(f"Two of its {schools} schools gave a statement")
    assert "asked for a statement" not in sentence
    assert "is not recorded" in sentence


def test_a_study_without_statements_says_so() -> None:
    said = statements.no_statements()
    assert balance_sentence(said, "x", 2) == "No school has yet been asked for a statement."
    assert choose_quotes(said, "x") == ()


def test_themes_are_counted_by_stance() -> None:
    said = read(row(), row(URN="900002", Theme="", Stance="mixed"))
    table = tabulate_themes(said, "closing-the-gap")
    assert table.loc["Coaching", "positive"] == 1 and table.loc["No theme given", "mixed"] == 1


def test_what_needs_someone_is_listed_by_row() -> None:
    said = read(
        row(Statement="We saw that Callum caught up.", **NOT_CLEARED),
        row(URN="900002", Consent="no"),
    )
    assert list_held(said) == [f"statement in row 2: {statements.DETAILS}"]


def test_words_that_a_spreadsheet_would_run_are_kept_as_they_were_said() -> None:
    formula = "=cmd|'/c calc'!A1"
    table = read(row(Statement=formula, Theme="@SUM(1)"))
    assert table["statement"].iloc[0] == table["quote"].iloc[0] == formula
    assert table["theme"].iloc[0] == "@SUM(1)"


def test_a_workbook_says_the_same_as_a_csv(tmp_path: Path) -> None:
    import xlsxwriter

    cells = row(Statement="It helped.")
    book = xlsxwriter.Workbook(str(tmp_path / "statements.xlsx"))
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, list(cells))
    sheet.write_row(1, 0, list(cells.values()))
    sheet.write_number(1, 0, 900001)
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    sheet.write_datetime(1, list(cells).index("Consent date"), datetime.date(2018, 9, 14), day)
    book.close()
    source = files.find_source(SourceLine(kind="statements", file="statements.xlsx"), tmp_path)
    said = statements.check_statements(
        files.read_text(source).frame(), file="statements.xlsx", schools=SCHOOLS
    )
    assert said["urn"].tolist() == [900001] and said["row"].tolist() == [2]
    assert said["consent_date"].tolist() == ["2018-09-14"] and said["held"].isna().all()


def test_a_wrong_row_of_a_workbook_is_named_by_its_own_line(tmp_path: Path) -> None:
    import xlsxwriter

    book = xlsxwriter.Workbook(str(tmp_path / "s.xlsx"))
    sheet = book.add_worksheet()
    for place, cells in enumerate([row(), row(URN="900009")]):
        sheet.write_row(0, 0, list(cells))
        sheet.write_row(place + 1, 0, list(cells.values()))
    book.close()
    source = files.find_source(SourceLine(kind="statements", file="s.xlsx"), tmp_path)
    raw = files.read_text(source).frame()
    with pytest.raises(SourceError, match=r"s\.xlsx: row 3: school 900009 is not in the programme"):
        statements.check_statements(raw, file="s.xlsx", schools=SCHOOLS)


def test_personal_details_are_found_more_often_than_harmless_words_are_taken_for_them() -> None:
    every = [words for of_a_kind in DETAILS.values() for words in of_a_kind]
    assert (len(every), len(HARMLESS)) == (62, 60)
    missed = [words for words in every if not statements.find_details(words)]
    alarms = [words for words in HARMLESS if statements.find_details(words)]
    later = [words for words in LATER_DETAILS if not statements.find_details(words)]
    false = [words for words in LATER_HARMLESS if statements.find_details(words)]
    print(
        f"found {62 - len(missed)} of 62, {20 - len(later)} of the later 20; "
        f"harmless taken for them {len(alarms)} of 60, {len(false)} of the later 20"
    )
    assert (len(missed), len(alarms), len(later), len(false)) == (3, 2, 0, 2)


@pytest.mark.parametrize("words", [*LATER_DETAILS, *LATER_HARMLESS])
def test_found_or_missed_no_words_leave_without_a_name(words: str) -> None:
    assert held(Statement=words, **NOT_CLEARED) in (statements.DETAILS, statements.NOT_CLEARED)
