"""What cleaned schools add up to, held against the file's own totals: worked out by hand."""

from pathlib import Path

import pandas as pd
import pytest

from pepstats.sources.totals import DIFFERS, EXPLAINED, REPRODUCED, cross_check, reconcile_totals
from tests import published_files as files

URN = 900_101
READING = "READ_AVERAGE"


def reconcile(
    folder: Path, schools: list[dict[str, str]], record: str = "3", **totals: str
) -> pd.DataFrame:
    """Hold some schools against one row of totals, by measure."""
    rows = [*schools, {**files.total(schools, record), **totals}]
    content = files.write_csv(rows, [*files.KS2_COLUMNS, READING])
    return reconcile_totals([files.results(folder, content)]).set_index("measure")


@pytest.mark.parametrize(
    ("sizes", "met", "right", "wrong"),
    [
        # small schools' percentages are whole pupils again: 24 of 40 are 60, to the last digit
        ([40], [24], ["60%"], ["59%", "61%"]),
        ([40, 40], [24, 25], ["61%"], ["60%", "62%"]),  # 49 of 80 are 61.25
        # a percentage of 200 pupils may be half a point off: 59.6, and three times .24 with it
        ([200, 40], [120, 23], ["59%", "60%"], ["58%", "61%"]),
    ],
)
def test_a_percentage_is_held_to_what_rounding_can_do(
    sizes: list[int], met: list[int], right: list[str], wrong: list[str], tmp_path: Path
) -> None:
    schools = [
        files.school(URN + i, n, 10, m) for i, (n, m) in enumerate(zip(sizes, met, strict=True))
    ]
    for published in [*right, *wrong]:
        row = reconcile(tmp_path, schools, PTRWM_EXP=published).loc["rwm_expected"]
        assert row["verdict"] == (REPRODUCED if published in right else DIFFERS), published
        assert row["schools"] == len(sizes) and row["pupils_without"] == 0


def test_a_progress_score_counts_the_pupils_whose_start_is_known(tmp_path: Path) -> None:
    """Half of 100 pupils at 1.1 and all of 50 at -1.1 come to nought, not to a third."""
    schools = [files.school(URN, 100, READPROG="1.1", READPROG_UPPER="3.0", READCOV="50%"),
               files.school(URN + 1, 50, READPROG="-1.1", READPROG_LOWER="-3.0")]  # fmt: skip
    for published, verdict in (("0.0", REPRODUCED), ("0.1", REPRODUCED), ("0.3", DIFFERS)):
        row = reconcile(tmp_path, schools, READPROG=published).loc["reading_progress"]
        assert (row["from_schools"], row["verdict"]) == (0.0, verdict)


def test_pupils_of_a_school_that_holds_its_score_back_are_counted_beside_the_others(
    tmp_path: Path,
) -> None:
    """Half of 100 pupils have a score, and 50 more go to a school that says none: half are missing.

    For the total to be nought with those at 1.1, theirs would have to be about -1.1.
    """
    schools = [files.school(URN, 100, READPROG="1.1", READPROG_UPPER="3.0", READCOV="50%"),
               files.school(URN + 1, 50, READPROG="SUPP", READPROG_LOWER="SUPP",
                            READPROG_UPPER="SUPP", READCOV="SUPP")]  # fmt: skip
    row = reconcile(tmp_path, schools, READPROG="0.0").loc["reading_progress"]
    assert (row["from_schools"], row["pupils_without"]) == (1.1, 0.5)
    assert row["verdict"] == EXPLAINED and "50.00% of the pupils" in row["explanation"]


def test_a_scaled_score_is_held_to_a_whole_point(tmp_path: Path) -> None:
    schools = [files.school(URN, **{READING: "104"}), files.school(URN + 1, **{READING: "103"})]
    for published, verdict in (("103", REPRODUCED), ("104", REPRODUCED), ("106", DIFFERS)):
        row = reconcile(tmp_path, schools, **{READING: published}).loc["reading_score"]
        assert (row["from_schools"], row["verdict"]) == (103.5, verdict)


@pytest.mark.parametrize(
    ("published", "verdict", "says"),
    [("-0.4", EXPLAINED, "50.00% of the pupils are in no school with a figure; it adds up if "
      "theirs is -1."), ("-15.0", DIFFERS, "theirs would have to be -30.")],
)  # fmt: skip
def test_pupils_without_a_score_explain_what_such_pupils_could_have(
    published: str, verdict: str, says: str, tmp_path: Path
) -> None:
    schools = [files.school(URN, READPROG="0.5"),
               files.school(URN + 1, READPROG="SUPP", READPROG_LOWER="SUPP",
                            READPROG_UPPER="SUPP")]  # fmt: skip
    row = reconcile(tmp_path, schools, READPROG=published).loc["reading_progress"]
    assert row["verdict"] == verdict and says in row["explanation"]


@pytest.mark.parametrize(("published", "verdict"), [("45%", EXPLAINED), ("25%", DIFFERS)])
def test_pupils_without_a_percentage_cannot_have_less_than_none(
    published: str, verdict: str, tmp_path: Path
) -> None:
    schools = [files.school(URN), files.school(URN + 1, PTRWM_EXP="SUPP")]
    row = reconcile(tmp_path, schools, PTRWM_EXP=published).loc["rwm_expected"]
    assert row["verdict"] == verdict


@pytest.mark.parametrize(
    ("more", "verdict", "says"),
    [
        (0, REPRODUCED, ""),
        (8, EXPLAINED, "1 schools give no number; theirs would be 8 pupils"),
        (12, DIFFERS, "counts 12 pupils more than its schools do together"),
        (-1, DIFFERS, "counts 1 pupils fewer than its schools do together"),
    ],
)
def test_a_school_that_hides_its_number_has_ten_pupils_at_most(
    more: int, verdict: str, says: str, tmp_path: Path
) -> None:
    hidden = files.school(URN + 1, TELIG="SUPP", **dict.fromkeys(["PTRWM_EXP"], "SUPP"))
    schools = [files.school(URN), {**hidden, "TELIG": "0"}]
    authority = {**files.total(schools, "3"), "TELIG": str(40 + more)}
    content = files.write_csv([schools[0], hidden, authority])
    row = reconcile_totals([files.results(tmp_path, content)]).set_index("measure").loc["cohort"]
    assert row["verdict"] == verdict and says in row["explanation"]


def test_england_s_state_funded_row_leaves_independent_schools_out(tmp_path: Path) -> None:
    """A hundred authorities of a school at 60% each, and an independent one as large as all."""
    schools = [files.school(URN + i, LEA=str(201 + i)) for i in range(100)]
    alone = files.school(URN + 100, 9000, 100, 900, LEA="201", NFTYPE="IND")
    every = [*schools, alone]
    rows = [*every, files.total(every, "4"), files.total(schools, "5")]
    found = reconcile_totals([files.results(tmp_path, files.write_csv(rows))])
    england = found[found["measure"] == "rwm_expected"].set_index("level")
    assert (england["verdict"] == REPRODUCED).all() and len(england) == 2
    assert sorted(england["schools"]) == [100, 101]


def test_a_share_that_is_not_its_pupils_is_listed_of_the_smallest_school_too(
    tmp_path: Path,
) -> None:
    one = files.school(URN, TELIG="1", BELIG="1", GELIG="0", TFSM6CLA1A="1", PTFSM6CLA1A="0%",
                       TNotFSM6CLA1A="0", PTNotFSM6CLA1A="0%")  # fmt: skip
    rows = [one, files.school(URN + 1)]
    found = cross_check(files.results(tmp_path, files.write_csv(rows)))
    said = found[found["check"] == "a share that is not its pupils"]
    assert said["urn"].tolist() == [URN] and said["row"].tolist() == [2]
    assert said["said"].tolist() == ["0%, but 1 of 1"]
