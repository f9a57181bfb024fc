import datetime

import pandas as pd
import pytest

from pepstats.errors import DesignError
from pepstats.priority import partnership
from tests.made_up_panels import register_of

AS_AT = datetime.date(2018, 10, 2)
REGISTER = """
activities:
  - {id: gap, title: The gap, kind: programme, theme: 5, lead: A school, starts: 2017-09-01}
  - {id: send, title: SEND, kind: programme, theme: 5, lead: A school, starts: 2018-01-01}
  - {id: maths, title: Maths network, kind: network, theme: 3, lead: A hub, starts: 2016-11-01}
grants:
  - {activity: gap, amount: 200000, source: the letter}
  - {activity: send, amount: 200000, source: the letter}
claims:
  - {said: nearly half a million, amount: 500000, source: The minute}
promises:
  - {id: up, activity: gap, measure: m, baseline: 40, target: 50, due: 2018-07-31, theme: 5}
"""
PART = (
    "urn,activity,joined\n900001,gap,2017-09\n900002,gap,\n930001,maths,2017-01-10\n900003,maths,\n"
)


def write(tmp_path, register=REGISTER, part=PART, **others):
    folder = tmp_path / "partnership"
    folder.mkdir()
    (folder / "register.yml").write_text(register, "utf-8")
    (folder / "participation.csv").write_text(part, "utf-8")
    for name, text in others.items():
        (folder / f"{name}.csv").write_text(text, "utf-8")
    return tmp_path


SCHOOLS = register_of(
    [1, 2, 3, 4], governance=["maintained", "maintained", "academy", "maintained"]
).assign(urns=["900001 930001", "900002", "900003", "900004"])
NOBODY = pd.DataFrame({"programme": [], "school": [], "joined": []})


def load(tmp_path, members=NOBODY, **how):
    return partnership.find_partnership(write(tmp_path, **how), SCHOOLS, members, as_at=AS_AT)


def test_a_school_is_one_school_whichever_number_it_was_listed_under(tmp_path):
    matrix = partnership.list_participation(load(tmp_path), SCHOOLS)
    assert matrix[["gap", "send", "maths"]].to_numpy().tolist() == [
        [True, False, True], [True, False, False], [False, False, True], [False, False, False],
    ]  # fmt: skip
    assert matrix["activities"].tolist() == [2, 1, 1, 0]
    assert matrix["programmes"].tolist() == [1, 1, 0, 0]


def test_whether_every_school_is_in_something_is_said_in_a_sentence(tmp_path):
    matrix = partnership.list_participation(load(tmp_path), SCHOOLS)
    assert partnership.participation_sentence(matrix) == (
        "1 of the 4 schools take part in nothing that is listed."
    )
    assert partnership.participation_sentence(matrix[:3]).startswith("Every one of the 3 schools")


def test_an_evaluated_programme_takes_its_schools_from_its_own_list(tmp_path):
    members = pd.DataFrame({"programme": "send", "school": [2, 4], "joined": ["2018-01", None]})
    register = load(tmp_path, members=members)
    matrix = partnership.list_participation(register, SCHOOLS)
    assert matrix["send"].tolist() == [False, True, False, True]
    overlap = partnership.count_overlap(register)
    assert overlap.to_dict("records") == [
        {"one": "gap", "other": "send", "both": 1, "only_one": 1, "only_other": 1}
    ]


def test_a_list_kept_twice_is_refused(tmp_path):
    members = pd.DataFrame({"programme": ["gap"], "school": [2], "joined": [None]})
    with pytest.raises(DesignError, match="programmes/gap.yml"):
        load(tmp_path, members=members)


REVIEWS = (
    "urn,date,kind,by\n900001,2017-09-01,external review,an adviser\n"
    "900002,2017-08-31,peer review,a school\n900003,2018-08-31,inspection,Ofsted\n"
)


def test_challenge_counts_within_the_school_year_and_says_all_except(tmp_path):
    register = load(tmp_path, reviews=REVIEWS)
    table = partnership.cover_challenge(register, SCHOOLS, 2018)
    assert table["reviewed"].tolist() == [True, False, False, False]
    assert table["inspected"].tolist() == [False, False, True, False]
    said = partnership.challenge_sentence(table, 2018)
    assert said.startswith("All but two of the maintained schools had an external review or an ")
    assert said.endswith(" in 2017/18.")
    ofsted = pd.DataFrame({"inspected": pd.to_datetime(["2018-01-01", "2016-01-01"])},
                          index=pd.Index([2, 4], name="school"))  # fmt: skip
    table = partnership.cover_challenge(register, SCHOOLS, 2018, ofsted=ofsted)
    assert table["challenged"].tolist() == [True, True, True, False]
    assert partnership.challenge_sentence(table[:3], 2018).startswith("All the maintained schools")


def test_grants_are_added_up_and_a_paper_that_says_otherwise_is_quoted(tmp_path):
    grants, claims = partnership.add_funding(load(tmp_path))
    first, second = partnership.funding_sentences(grants, claims)
    assert first == "The grants listed add up to £400,000."
    assert "The minute says “nearly half a million” (£500,000), £100,000 more" in second


@pytest.mark.parametrize(
    ("baseline", "target", "actual", "due", "status"),
    [
        (40, 50, "50", "2018-07-31", "met"),
        (40, 50, "49.9", "2018-07-31", "partly met"),
        (40, 50, "40", "2018-07-31", "not met"),
        (40, 50, "38", "2018-07-31", "not met"),
        (40, 50, "null", "2018-07-31", "no figure"),
        (40, 50, "null", "2018-10-03", "not yet due"),
        (40, 50, "45", "2018-10-03", "not yet due"),
        (40, 50, "51", "2018-10-03", "met"),
        (40, 50, "null", "2018-10-02", "no figure"),
        # a target below the baseline is reached from above
        (4.2, 4.0, "4.0", "2018-07-31", "met"),
        (4.2, 4.0, "4.1", "2018-07-31", "partly met"),
        (4.2, 4.0, "4.3", "2018-07-31", "not met"),
    ],
)
def test_a_promise_is_held_to_its_target(tmp_path, baseline, target, actual, due, status):
    line = f"baseline: {baseline}, target: {target}, actual: {actual}, due: {due}"
    register = REGISTER.replace("baseline: 40, target: 50, due: 2018-07-31", line)
    held = partnership.hold_promises(load(tmp_path, register=register), AS_AT)
    assert held.loc["up", "status"] == status


def test_every_theme_is_counted_also_those_with_nothing(tmp_path):
    register = load(tmp_path)
    matrix = partnership.list_participation(register, SCHOOLS)
    themes = partnership.count_themes(register, matrix)
    assert themes["activities"].tolist() == [0, 0, 1, 0, 2, 0]
    assert themes["taking_part"].tolist() == [0, 0, 2, 0, 2, 0]
    assert themes.loc[5, "promises"] == 1


@pytest.mark.parametrize(
    ("part", "told"),
    [
        (PART + "900009,gap,\n", "row 6: no school has had the URN `900009`"),
        (PART + "abc,gap,\n", "row 6: no school has had the URN `abc`"),
        (PART + "930001,gap,\n", "rows 2, 6: the same school twice in gap"),
        (PART + "900004,gapp,\n", "row 6: no activity is called `gapp`. Did you mean `gap`"),
        (PART + "900004,gap,2018-10-03\n", "row 6: 2018-10-03 has not come yet on 2018-10-02"),
        (PART + "900004,gap,soon\n", "row 6: `soon` is not a date"),
        ("urn,activty\n900001,gap\n", "no column is called `activty`"),
        ("urn,joined\n900001,2017-09\n", "the column `activity` is missing"),
    ],
)
def test_a_wrong_row_is_refused_by_file_and_row(tmp_path, part, told):
    with pytest.raises(DesignError) as error:
        load(tmp_path, part=part)
    assert told in str(error.value)
    assert "partnership/participation.csv" in str(error.value)


def test_all_wrong_rows_are_said_at_once(tmp_path):
    with pytest.raises(DesignError, match="row 6.*row 7"):
        load(tmp_path, part=PART + "900009,gap,\n900004,gap,never\n")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("kind: network", "kind: netwrk", "kind"),
        ("theme: 3", "theme: 9", "theme"),
        ("id: send,", "id: gap,", "`gap` is listed twice"),
        ("activity: send", "activity: sned", "Did you mean `send`"),
        ("target: 50", "target: 40", "same as baseline"),
        ("lead: A hub", "leads: A hub", "unknown key"),
    ],
)
def test_a_wrong_register_is_refused_by_file_and_key(tmp_path, old, new, told):
    with pytest.raises(DesignError) as error:
        load(tmp_path, register=REGISTER.replace(old, new))
    assert told in str(error.value)
    assert "register.yml" in str(error.value)


def test_reviews_and_support_must_have_happened_and_be_of_a_known_kind(tmp_path):
    with pytest.raises(DesignError, match="row 2: 2019-01-01 has not come yet"):
        load(tmp_path, reviews="urn,date,kind,by\n900001,2019-01-01,inspection,Ofsted\n")


def test_an_unknown_kind_of_review_or_an_impossible_number_of_days_is_refused(tmp_path):
    with pytest.raises(DesignError, match="row 2: no kind is called `inspecton`"):
        load(tmp_path, reviews="urn,date,kind,by\n900001,2018-01-01,inspecton,Ofsted\n")


@pytest.mark.parametrize("days", ["-1", "many", "nan", "401"])
def test_an_impossible_number_of_days_is_refused(tmp_path, days):
    with pytest.raises(DesignError, match="row 2: .* is not a number of days"):
        load(tmp_path, delivered=f"urn,date,days,provider\n900001,2018-01-01,{days},TSA\n")


def test_no_list_of_warnings_is_not_an_empty_list(tmp_path):
    assert load(tmp_path).warnings is None


def test_warnings_are_listed_by_school(tmp_path):
    register = load(tmp_path, warnings="urn,date\n930001,2017-05-01\n")
    assert register.warnings.to_dict("list") == {
        "school": [1], "date": [pd.Timestamp("2017-05-01")]
    }  # fmt: skip


MEMBERS = pd.DataFrame({"programme": ["gap"], "school": [4], "joined": ["2017-09"]})


def test_a_folder_without_a_register_has_none_and_says_so(tmp_path):
    assert partnership.find_partnership(tmp_path, SCHOOLS, MEMBERS, as_at=AS_AT) is None
    assert partnership.tabulate_register(None, SCHOOLS, 2018, as_at=AS_AT) == {}
    assert "No partnership register" in partnership.say_register({}, 2018)[0]


def test_the_register_is_found_by_any_number_a_school_has_had(tmp_path):
    part = "urn,activity,joined\n930001,maths,2017-01-10\n900003,maths,\n"
    kept = load(tmp_path, MEMBERS, part=part)
    assert kept.taking_part[["school", "activity"]].to_numpy().tolist() == [
        [1, "maths"], [3, "maths"], [4, "gap"]
    ]  # fmt: skip


def test_all_that_the_register_answers_is_tables_and_sentences(tmp_path):
    tables = partnership.tabulate_register(load(tmp_path), SCHOOLS, 2018, as_at=AS_AT)
    assert tables["activities"]["taking_part"].to_dict() == {"gap": 2, "send": 0, "maths": 2}
    assert not tables["participation"].empty
    said = partnership.say_register(tables, 2018)
    assert said[0] == "1 of the 4 schools take part in nothing that is listed."
    assert said[2] == "The grants listed add up to £400,000."
    assert "£100,000 more than the grants listed" in said[3]
    named = {"participation", "external-challenge"}
    assert not [n for n, t in tables.items() if n not in named and "school" in t.index.names]


def test_the_projects_own_register_holds_together():
    from pathlib import Path

    import pepstats

    data = Path(__file__).resolve().parents[2] / "data"
    study = pepstats.load("autumn-2018-revised", data=str(data))
    own = study.register[study.register["la"] == study.report.authority]
    members = pd.concat(study.members, names=["programme", "school"]).reset_index()
    register = partnership.find_partnership(
        data, study.register, members, as_at=study.report.meeting.date
    )
    matrix = partnership.list_participation(register, own)
    assert partnership.participation_sentence(matrix).startswith("Every one of the 47 schools")
    overlap = partnership.count_overlap(register).set_index(["one", "other"])
    assert overlap.loc[("closing-the-gap", "send-in-mainstream"), "both"] == 4
    challenge = partnership.cover_challenge(register, own, 2018)
    assert partnership.challenge_sentence(challenge, 2018).startswith(
        "All but one of the maintained schools"
    )


def test_a_register_that_was_not_kept_up_is_of_no_later_meeting(tmp_path):
    register = f"kept_to: {AS_AT - datetime.timedelta(days=1)}\n{REGISTER}"
    assert load(tmp_path, register=register) is None
    kept = register.replace(str(AS_AT - datetime.timedelta(days=1)), str(AS_AT))
    (tmp_path / "partnership/register.yml").write_text(kept, "utf-8")
    assert partnership.find_partnership(tmp_path, SCHOOLS, NOBODY, as_at=AS_AT) is not None
