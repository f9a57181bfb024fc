"""The Department's long files by school give the same measures, each row and cell accounted for."""

from pathlib import Path

import pandas as pd
import pytest

from pepstats.errors import SourceError
from pepstats.measures import IMPOSSIBLE, NO_ROW, SUPPRESSED
from pepstats.schools import build_panel, check_sources, follow_schools
from pepstats.settings import SourceLine
from pepstats.sources.files import find_source
from pepstats.sources.published import parse_source, read_published
from pepstats.sources.results import Results

ROW = {
    "time_period": "202425", "time_identifier": "Academic year", "geographic_level": "School",
    "country_code": "E92000001", "country_name": "England", "version": "Final",
    "school_urn": "900101", "school_laestab": "5512001", "school_name": "Invented 1",
}  # fmt: skip
RWM = "Reading, writing and maths"


def ks2(urn: int = 900101, **given: str) -> dict[str, str]:
    return {
        **ROW, "school_urn": str(urn), "school_laestab": f"551{2000 + urn % 1000}",
        "breakdown_topic": "All pupils", "breakdown": "Total", "subject": RWM,
        "expected_standard_pupil_percent": "61", "higher_standard_pupil_percent": "low",
        "average_scaled_score": "z", "progress_measure_score": "z",
        "progress_measure_description": "z", **given,
    }  # fmt: skip


def ks4(**given: str) -> dict[str, str]:
    return {
        **ROW, "establishment_type_group": "Converter academies", "breakdown_topic": "Total",
        "breakdown": "Total", "sex": "Total", "disadvantage_status": "Total",
        "first_language": "Total", "prior_attainment": "Total", "mobility": "Total",
        "pupil_count": "150", "attainment8_average": "46.2", "engmath_94_percent": "64.5",
        "progress8_average": "z", "ebacc_aps_average": "4.08", **given,
    }  # fmt: skip


def absence(**given: str) -> dict[str, str]:
    return {
        **ROW, "old_la_code": "551", "education_phase": "State-funded primary",
        "enrolments": "285", "sess_overall_percent": "5.49321",
        "enrolments_pa_10_exact_percent": "14.2", **given,
    }  # fmt: skip


def read(
    folder: Path, *rows: dict[str, str], kind: str | None = None, year: int | None = None,
    release: str | None = None,
) -> list[Results]:  # fmt: skip
    """Write rows as a long file and read it as results."""
    pd.DataFrame(rows).to_csv(folder / "long.csv", index=False)
    line = SourceLine(kind=kind, file="long.csv", year=year, release=release)
    found = [one for one in parse_source(find_source(line, folder)) if isinstance(one, Results)]
    for one in found:
        assert (one.values.notna() ^ one.reasons.notna()).all(axis=None)
    return found


def test_key_stage_2_attainment_is_read_by_subject_and_group(tmp_path: Path) -> None:
    hidden = {"expected_standard_pupil_percent": "c", "higher_standard_pupil_percent": "C"}
    (one,) = read(
        tmp_path, ks2(), ks2(subject="Reading", average_scaled_score="108"),
        ks2(breakdown="Disadvantaged", **hidden), ks2(900102, expected_standard_pupil_percent="50"),
        ks2(breakdown="Not known to be disadvantaged", expected_standard_pupil_percent="70"),
    )  # fmt: skip
    assert (one.source.kind, one.source.year, one.source.release) == ("ks2", 2025, "final")
    school = one.values.loc[900101]
    assert school[["rwm_expected", "reading_score", "rwm_expected.other"]].tolist() == [61, 108, 70]
    assert one.reasons.loc[900101, "rwm_expected.disadvantaged"] == SUPPRESSED
    assert one.reasons.loc[900101, "rwm_higher"] == "rounds to 0 but is not 0"
    assert one.reasons.loc[900102, "reading_score"] == NO_ROW
    assert one.identity.loc[900102, ["la", "estab", "name"]].tolist() == [551, 2102, "Invented 1"]
    assert (one.ledger.rows_in, one.ledger.rows_kept, one.ledger.left_out) == (5, 5, {})


def test_every_year_of_a_file_is_results_of_its_own(tmp_path: Path) -> None:
    rows = [ks2(), ks2(time_period="202324", expected_standard_pupil_percent="55")]
    earlier, later = read(tmp_path, *rows)
    assert [one.source.year for one in (earlier, later)] == [2024, 2025]
    assert [one.values["rwm_expected"].item() for one in (earlier, later)] == [55, 61]
    assert earlier.ledger.rows_in + later.ledger.rows_in == 2
    (only,) = read(tmp_path, *rows, year=2024)
    assert only.values["rwm_expected"].item() == 55
    assert only.ledger.left_out == {"another year: 2025": 1}
    with pytest.raises(SourceError, match="listed as 2019, and its rows are of 2024 and 2025"):
        read(tmp_path, *rows, year=2019)
    with pytest.raises(SourceError, match=r"several years \(2024, 2025\)"):
        read_published(tmp_path / "long.csv")
    assert read_published(tmp_path / "long.csv", year=2025).source.year == 2025


def test_what_no_measure_is_of_is_left_out_by_name(tmp_path: Path) -> None:
    (one,) = read(
        tmp_path, ks2(), ks2(), ks2(subject="Science"), ks2(breakdown="3 year average"),
        ks2(breakdown="Mobile"), ks2(geographic_level="National", school_urn=""),
    )  # fmt: skip
    assert one.ledger.left_out == {
        "a row repeated": 1, "a subject that no measure is of: Science": 1,
        "pupils that no measure is of: 3 year average": 1,
        "pupils that no measure is of: Mobile": 1, "a row that is no school's: National": 1,
    }  # fmt: skip
    assert one.ledger.rows_kept == 1
    assert "progress_measure_description" in one.ledger.columns_unread


def test_a_row_that_stops_before_its_year_is_named_with_what_it_has(tmp_path: Path) -> None:
    late = {name: text for name, text in ks2().items() if name != "time_period"}
    rows = pd.DataFrame([{**late, "time_period": ks2()["time_period"]}] * 2).to_csv(index=False)
    (tmp_path / "long.csv").write_text(f"{rows}Academic year,School\n", "utf-8")
    with pytest.raises(SourceError, match=r"long\.csv, row 4: 2 cells under a header of 17"):
        parse_source(find_source(SourceLine(file="long.csv"), tmp_path))


def test_what_applies_to_no_school_of_a_year_was_not_taken(tmp_path: Path) -> None:
    rows = [ks2(subject="Maths"), ks2(900102, subject="Maths", higher_standard_pupil_percent="z")]
    (one,) = read(tmp_path, *rows)
    assert "maths_progress" not in one.values
    assert one.reasons.loc[900102, "maths_higher"] == "not applicable"
    assert one.ledger.reasons["not applicable"] == 5
    panel = build_panel([one], follow_schools([one]), [2025])
    assert "maths_progress" not in panel.values


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([ks2(), ks2(expected_standard_pupil_percent="62")],
         "row 3, column expected_standard_pupil_percent: the same school.*row 2"),
        ([ks2(), ks2(time_period="202427")], "row 3, column time_period: `202427` is not a school"),
        ([ks2(), ks2(time_period="2025")], "row 3, column time_period: `2025` is not a school"),
        ([ks2(expected_standard_pupil_percent="0.61")], "every figure is between 0 and 1"),
        ([ks2(school_urn="E92000001")], "row 2, column school_urn: `E92000001` is not a URN"),
        ([ks2(breakdown="Mobile")], "no row can be used: 1 pupils that no measure is of: Mobile"),
        ([absence(time_identifier="Autumn term")], "no row can be used: 1 a part of the school"),
        ([ks2(version="Draft")], "row 2, column version: `Draft` is none of"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_place(
    tmp_path: Path, rows: list[dict[str, str]], message: str
) -> None:
    with pytest.raises(SourceError, match=rf"long\.csv.*{message}"):
        read(tmp_path, *rows)


def test_a_figure_that_cannot_be_is_left_out_and_said(tmp_path: Path) -> None:
    rows = [ks2(), ks2(900102, expected_standard_pupil_percent="161")]
    (one,) = read(tmp_path, *rows)
    assert one.reasons.loc[900102, "rwm_expected"] == IMPOSSIBLE
    assert one.ledger.reasons[IMPOSSIBLE] == 1
    assert "left out: row 3 (`161`)" in one.ledger.notes[0]


def test_a_release_that_the_file_contradicts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="`Provisional` and the file is listed as final"):
        read(tmp_path, ks2(version="Provisional"), release="final")


def test_key_stage_4_is_read_in_the_words_of_either_year(tmp_path: Path) -> None:
    group = {"breakdown_topic": "Disadvantage status", "breakdown": "Disadvantaged"}
    (one,) = read(
        tmp_path, ks4(), ks4(**group, disadvantage_status="Disadvantaged", pupil_count="40"),
        ks4(breakdown_topic="Sex", breakdown="Boys", sex="Boys", attainment8_average="c"),
        ks4(sex="Girls", disadvantage_status="Disadvantaged"),
    )  # fmt: skip
    assert one.values.loc[900101, ["attainment8", "basics_94", "ebacc_points"]].tolist() == [
        46.2, 64.5, 4.08,
    ]  # fmt: skip
    assert one.values.loc[900101, "cohort_ks4.disadvantaged"] == 40
    assert one.reasons.loc[900101, "attainment8.boys"] == SUPPRESSED
    assert one.ledger.left_out == {"pupils that no measure is of: disadvantaged and girls": 1}
    names = {"pupil_count": "t_pupils", "attainment8_average": "avg_att8",
             "engmath_94_percent": "pt_l2basics_94", "progress8_average": "avg_p8score",
             "ebacc_aps_average": "avg_ebaccaps"}  # fmt: skip
    before = {names.get(name, name): text for name, text in ks4(time_period="202324").items()}
    (other,) = read(tmp_path, before)
    pd.testing.assert_frame_equal(other.values, one.values[list(other.values)])


def test_information_about_schools_gives_the_pupils_behind_results(tmp_path: Path) -> None:
    (one,) = read(tmp_path, {**ROW, "telig": "45", "tfsm6cla1a": "11", "ptfsm6cla1a": "24",
                             "tks1average": "z", "telig_23": "40"})  # fmt: skip
    assert one.values.loc[900101, ["cohort", "cohort.disadvantaged", "disadvantaged"]].tolist() == [
        45, 11, 24,
    ]  # fmt: skip
    secondary = {
        **ROW, "establishment_type_group": "Community special school", "agerange": "11 to 16",
        "t_pupils": "20", "t_prior_lo": "12", "pt_disadvantaged": "48.4",
    }  # fmt: skip
    (two,) = read(tmp_path, secondary)
    assert two.values.loc[900101, ["cohort_ks4", "disadvantaged_ks4"]].tolist() == [20, 48.4]
    assert two.identity.loc[900101, ["record", "age_range"]].tolist() == [
        "special school", "11 to 16",
    ]  # fmt: skip


def test_absence_is_that_of_a_whole_year(tmp_path: Path) -> None:
    (one,) = read(tmp_path, absence(), absence(time_identifier="Autumn term"))
    assert one.values.loc[900101].tolist() == [5.49321, 14.2]
    assert one.ledger.left_out == {"a part of the school year: Autumn term": 1}


def test_attainment_and_the_pupils_behind_it_stand_side_by_side(tmp_path: Path) -> None:
    (results,) = read(tmp_path, ks2(), ks2(900102, expected_standard_pupil_percent="c"))
    (pupils,) = read(tmp_path, *({**ROW, "school_urn": urn, "telig": n}
                                 for urn, n in (("900101", "45"), ("900103", "30"))))  # fmt: skip
    schools = follow_schools([results, pupils])
    panel = build_panel([results, pupils], schools, [2025])
    assert panel.values.loc[(900101, 2025), ["rwm_expected", "cohort"]].tolist() == [61, 45]
    assert panel.reasons.loc[(900102, 2025), "rwm_expected"] == SUPPRESSED
    assert panel.reasons.loc[(900103, 2025), "rwm_expected"] == NO_ROW
    assert not schools.notes.get("listed twice in one year")


def test_a_check_says_what_became_of_the_rows_of_each_year(tmp_path: Path) -> None:
    pd.DataFrame([ks2(), ks2(900102), ks2(subject="Maths"), ks2(time_period="202324")]).to_csv(
        tmp_path / "a.csv", index=False
    )
    found = check_sources([SourceLine(file="a.csv")], data=tmp_path)
    assert found.exit_code == 0
    assert [(one.ledger.rows_in, one.records) for one in found.files if one.ledger] == [
        (1, {"not stated": 1}), (3, {"schools": 2}),
    ]  # fmt: skip
