"""An inspection stands for a grade by the rules of its day, and what came before is kept."""

import pandas as pd
import pytest

from pepstats.errors import SourceError
from pepstats.schools import attach_inspections
from pepstats.sources import read_published

OLD = ("URN,Inspection start date,Publication date,Overall effectiveness,Quality of education,"
       "Effectiveness of leadership and management,Category of concern,"
       "Previous full inspection overall effectiveness\n")  # fmt: skip
CARDS = ("URN,Inspection start date,Publication date,Category of concern,Leadership and governance,"
         "Inspection start date of latest OEIF graded inspection,"
         "Publication date of latest OEIF graded inspection,Latest OEIF category of concern,"
         "Latest OEIF overall effectiveness,Latest OEIF quality of education,"
         "Latest OEIF effectiveness of leadership and management\n")  # fmt: skip
NONE = "NULL,NULL,NULL,NULL"


def read(folder, *rows, head=OLD, name="ofsted.csv"):
    (folder / name).write_text(head + "\n".join(rows) + "\n", "utf-8")
    return read_published(folder / name).values


@pytest.mark.parametrize(
    ("cells", "equivalent"),
    [
        ("3,2,2,,2", 3),  # an overall grade stands for itself
        ("2,3,3,,2", 2),
        ("Not judged,3,2,,3", 3),  # quality of education alone
        ("Not judged,2,3,,3", 3),  # leadership alone
        ("Not judged,2,2,,3", 2),
        ("Not judged,1,1,,3", 1),
        ("Not judged,4,3,,3", 4),
        ("Not judged,2,2,SM,3", 4),  # a category of concern, whatever the judgements
        ("Not judged,3,NULL,,3", 3),  # one is enough to be below good
        ("Not judged,2,NULL,,3", None),
        ("NULL,NULL,NULL,NULL,NULL", None),
    ],
)
def test_an_inspection_stands_for_the_grade_the_department_takes_it_for(
    tmp_path, cells, equivalent
):
    found = read(tmp_path, f"900101,12/11/2024,20/12/2024,{cells}").loc[900101]
    assert (None if pd.isna(found["equivalent"]) else found["equivalent"]) == equivalent


@pytest.mark.parametrize(
    ("word", "concern", "equivalent"),
    [
        ("Exceptional", "", 1), ("Strong standard", "", 2), ("Expected standard", "", 2),
        ("Needs attention", "", 3), ("Urgent improvement", "", 4), ("Needs attention", "SM", 4),
    ],
)  # fmt: skip
def test_a_report_card_stands_by_leadership_and_governance(tmp_path, word, concern, equivalent):
    row = f"900101,25/11/2025,01/02/2026,{concern},{word},12/11/2024,20/12/2024,,Not judged,3,2"
    found = read(tmp_path, row, head=CARDS).loc[900101]
    assert pd.isna(found["outcome"])
    assert (found["equivalent"], found["previous"]) == (equivalent, 3)
    assert found["inspected"] == pd.Timestamp("2025-11-25")


def test_without_a_report_card_the_graded_inspection_stands_and_nothing_is_known_before(tmp_path):
    row = f"900101,{NONE},12/11/2024,20/12/2024,,Not judged,3,2"
    found = read(tmp_path, row, head=CARDS).loc[900101]
    assert (found["equivalent"], found["inspected"]) == (3, pd.Timestamp("2024-11-12"))
    assert pd.isna(found["previous"])


def test_the_number_a_school_had_when_it_was_inspected_is_kept(tmp_path):
    """A school that has become an academy since stands in the file by its number of today."""
    head = CARDS.rstrip() + (",URN at time of latest full inspection,"
                             "URN at time of latest OEIF graded inspection\n")  # fmt: skip
    graded = "12/11/2024,20/12/2024,,Not judged,3,2"
    found = read(
        tmp_path,
        f"900201,{NONE},{graded},NULL,900101",
        f"900202,25/11/2025,01/02/2026,,Needs attention,{graded},900202,900102",
        f"900203,{NONE},{graded},NULL,NULL",
        head=head,
    )["inspected_as"]
    assert found.loc[[900201, 900202]].tolist() == [900101, 900202]  # a newer card by its own
    assert pd.isna(found.loc[900203])
    with pytest.raises(SourceError, match="row 2.*90O101"):
        read(tmp_path, f"900201,{NONE},{graded},NULL,90O101", head=head)


def test_a_word_that_no_report_card_has_is_refused_by_row(tmp_path):
    row = "900101,25/11/2025,01/02/2026,,Quite good,NULL,NULL,NULL,NULL,NULL,NULL"
    with pytest.raises(SourceError, match="row 2.*Quite good.*needs attention"):
        read(tmp_path, row, head=CARDS)


def test_a_file_of_an_earlier_year_tells_what_came_before(tmp_path):
    then = read(tmp_path, "900101,12/05/2022,20/06/2022,3,3,3,,2",
                "900102,12/05/2022,20/06/2022,2,2,2,,3", name="then.csv")  # fmt: skip
    rows = (f"900201,{NONE},12/11/2024,20/12/2024,,Not judged,3,2",
            f"900102,{NONE},12/05/2022,20/06/2022,,2,2,2")  # fmt: skip
    now = read(tmp_path, *rows, head=CARDS, name="now.csv")
    known = pd.Series({900101: 1, 900201: 1, 900102: 2})  # the first has a new number since
    found = attach_inspections(pd.concat([then, now]), known)
    assert found["previous"].tolist() == [3, 3]  # the second's from the earlier file
    assert found["equivalent"].tolist() == [3, 2]


def test_one_file_of_old_says_nothing_of_before():
    table = pd.DataFrame({"outcome": [3.0], "inspected": [pd.Timestamp("2016-01-01")]},
                         index=pd.Index([900101], name="urn"))  # fmt: skip
    assert "previous" not in attach_inspections(table, pd.Series({900101: 1}))
