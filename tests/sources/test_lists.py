"""Many programmes in one list: read strictly, refused by row and column, nothing lost."""

from dataclasses import replace
from pathlib import Path

import pytest

from pepstats.errors import DesignError
from pepstats.settings import Entered, MembersInFile, Programme, load_programme, load_sweep_folder
from pepstats.sources import list_entered_members, lists, read_entered
from tests.worlds import ROOT

LIKE = load_programme("send-in-mainstream", ROOT / "data")
HEADER = "programme,urn,joined,dose,for,kind\n"


def enter(tmp_path: Path, text: str, header: str = HEADER) -> list[Entered]:
    path = tmp_path / "list.csv"
    path.write_bytes((header + text).encode())
    return read_entered(path, LIKE)


def made(one: Entered) -> Programme:
    assert one.programme is not None, one.reason
    return one.programme


def test_a_list_is_read_into_programmes_that_are_like_the_first_of_the_report(
    tmp_path: Path,
) -> None:
    rows = ("Reading for all,900001,2017-09,3.5,,reading\nMaths  & more,900002,,,,\n"
            "Reading for all,900003,,,,reading\n\n")  # fmt: skip
    first, second = enter(tmp_path, rows)
    assert (first.slug, first.title, first.kind) == (
        "reading-for-all",
        "Reading for all",
        "reading",
    )
    one = made(first)
    assert [(m.urn, m.joined, m.dose) for m in one.members] == [
        (900001, "2017-09", 3.5), (900003, None, None),
    ]  # fmt: skip
    assert (one.baseline, one.starts, one.match) == (LIKE.baseline, LIKE.starts, LIKE.match)
    assert second.slug == "maths-more" and made(second).members[0].urn == 900002


def test_a_programme_for_a_group_is_judged_by_the_groups_results_first(tmp_path: Path) -> None:
    group, none, hidden = enter(tmp_path, (
        "A,900001,,,disadvantaged,\nB,900001,,,all,\nC,900001,,,sen_support,\n"))  # fmt: skip
    assert made(group).outcomes[:2] == ("rwm_expected.disadvantaged", "rwm_expected")
    assert made(none).outcomes[0] == made(hidden).outcomes[0] == "rwm_expected"
    assert made(hidden).whom == "sen_support"


def test_a_programme_of_a_list_keeps_the_outcomes_that_are_of_all_pupils(tmp_path: Path) -> None:
    like = LIKE.model_copy(
        update={"outcomes": ("rwm_expected", "rwm_expected.boys", "reading_progress")}
    )
    path = tmp_path / "list.csv"
    path.write_text(HEADER + "A,900001,,,disadvantaged,\nB,900001,,,,\n", "utf-8")
    group, everyone = map(made, read_entered(path, like))
    assert everyone.outcomes == ("rwm_expected", "reading_progress")
    assert group.outcomes == ("rwm_expected.disadvantaged", "rwm_expected", "reading_progress")


def test_a_row_may_leave_off_the_cells_in_which_it_says_nothing(tmp_path: Path) -> None:
    (one,) = enter(tmp_path, "A,900001\nA,900002,2017-09\nA,900003,,3.5\n")
    assert [(m.urn, m.joined, m.dose) for m in made(one).members] == [
        (900001, None, None), (900002, "2017-09", None), (900003, None, 3.5),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A,900001,,,,\nA,nine,,,,\n", "row 3, column urn: `nine` is not"),
        ("A,900001,,much,,\n", "row 2, column dose: `much` is not"),
        (
            "A,900001,,,disadvantage,\n",
            "row 2, column for: `disadvantage` is not a group of pupils",
        ),
        (",900001,,,,\n", "row 2, column programme: `` is not a name"),
        ("A,900001,,,," + "x" * 50 + "\n", "row 2, column kind"),
        ("", "no school is listed"),
        ("A,900001", "not a list of programmes|stops in the middle"),
    ],
)
def test_a_cell_that_cannot_be_read_refuses_the_list_by_row_and_column(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(DesignError, match=said):
        enter(tmp_path, text)


@pytest.mark.parametrize(
    "header", ["programme,school\n", "urn,dose\n", "programme,urn,urn\n", "programme,urn,joinde\n"]
)
def test_a_header_that_is_none_of_ours_is_refused(tmp_path: Path, header: str) -> None:
    with pytest.raises(DesignError, match="row 1: expected the columns programme, urn"):
        enter(tmp_path, "A,900001,\n", header)


def test_rows_that_do_not_agree_leave_one_programme_out_and_the_rest_goes_on(
    tmp_path: Path,
) -> None:
    entered = enter(tmp_path, "A,900001,,,,one\nB,900002,,,,two\nA,900003,,,,three\n")
    assert [one.programme is None for one in entered] == [True, False]
    assert entered[0].reason == (
        "its rows do not agree on `kind`: `one` in row 2, `three` in row 4"
    )


def test_names_that_would_be_one_are_kept_apart(tmp_path: Path) -> None:
    names = ["Maths!", "maths", "MATHS", "数学", "École Été", "x" * 190]
    entered = enter(tmp_path, "".join(f"{name},90000{n},,,,\n" for n, name in enumerate(names)))
    slugs = [one.slug for one in entered]
    assert slugs[:5] == ["maths", "maths-2", "maths-3", "programme", "ecole-ete"]
    assert len(set(slugs)) == len(names) and max(map(len, slugs)) <= 64


def test_a_list_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DesignError, match="no such file or folder"):
        read_entered(tmp_path / "nothing.csv", LIKE)


def test_a_folder_is_read_with_kinds_and_a_file_that_is_wrong_is_left_out(tmp_path: Path) -> None:
    good = (ROOT / "data" / "programmes" / "send-in-mainstream.yml").read_text("utf-8")
    (tmp_path / "good.yml").write_text(f"kind: reading\n{good}", "utf-8")
    (tmp_path / "plain.yml").write_text(good, "utf-8")
    (tmp_path / "torn.yml").write_text("title: [", "utf-8")
    (tmp_path / "Bad Name.yml").write_text(good, "utf-8")
    found = {one.slug: one for one in load_sweep_folder(tmp_path)}
    assert (found["good"].kind, found["plain"].kind) == ("reading", "")
    assert made(found["good"]).members == made(found["plain"]).members
    assert found["torn"].programme is None and "line 1" in found["torn"].reason
    assert "cannot name a programme" in found["Bad Name"].reason
    (tmp_path / "own.csv").write_text("urn,dose\n900001,2\n", "utf-8")
    files = [MembersInFile(file=file) for file in ("own.csv", "gone.csv")]
    kept = found["good"]
    own, gone = list_entered_members(
        [replace(kept, programme=made(kept).model_copy(update={"members": file}))
         for file in files], tmp_path)  # fmt: skip
    assert [m.urn for m in made(own).members] == [900001]
    assert gone.programme is None and "there is no such file" in gone.reason
    (tmp_path / "empty").mkdir()
    with pytest.raises(DesignError, match="no programme is in this folder"):
        load_sweep_folder(tmp_path / "empty")


def test_a_file_too_large_to_be_a_list_is_refused_unread_and_one_cut_short_by_its_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "A,900001,,,,\nA,900002,,,,\n"
    monkeypatch.setattr(lists, "LARGEST_LIST", len(HEADER + rows))
    assert len(made(enter(tmp_path, rows)[0]).members) == 2
    with pytest.raises(DesignError, match=r"larger than \d+ bytes, so not a list of schools"):
        enter(tmp_path, rows + "A,900003,,,,\nA,900004,,,,\n")
    with pytest.raises(DesignError, match=r"list\.csv, row 3: the file stops in the middle"):
        enter(tmp_path, "A,900001,,,,\nA,9000")
