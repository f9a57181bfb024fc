"""The invented England of today: the same schools six years on, in the layouts of today."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pepstats
from pepstats.invented import study
from pepstats.invented.england import England, build_england, planted_effects, values_without_chance
from pepstats.invented.pupils import PLANTED_TODAY, TODAY
from pepstats.invented.study import to_csv
from pepstats.invented.today import (
    LAST_GRADES,
    continue_england,
    find_stuck,
    inspect_schools,
    inspections_of_today,
    inspections_with_grades,
    long_absence,
    long_attainment,
)
from pepstats.measures import why_not_taken
from pepstats.settings import SourceLine, load_programme, load_report
from pepstats.sources.files import find_source, read_text
from pepstats.sources.published import parse_source
from pepstats.sources.results import Results

PROJECT = Path(__file__).resolve().parents[2]
MAINSTREAM = 2500


@pytest.fixture(scope="module")
def england() -> England:
    return build_england()


@pytest.fixture(scope="module")
def today(england: England) -> England:
    return continue_england(england)


@pytest.fixture(scope="module")
def small() -> England:
    return build_england(schools=300, seed=5)


@pytest.fixture(scope="module")
def folder(small: England, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("today")
    study.write_all(study.lay_out_today(continue_england(small)), folder)
    return folder


def hashes(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def rwm(england: England, year: int, group: str = "") -> pd.Series:
    """Give the published percentages of the mainstream schools."""
    return pd.Series(england.results(year).column(f"PTRWM_EXP{group}").value[:MAINSTREAM])


def read(folder: Path, file: str, kind: str) -> list[Results]:
    source = find_source(SourceLine(kind=kind, file=f"invented/today/{file}"), folder)
    return [one for one in parse_source(source) if isinstance(one, Results)]


# --- bytes ---------------------------------------------------------------------------------------


def test_the_committed_files_of_today_are_what_invent_writes(today: England, tmp_path: Path):
    written = {
        path.relative_to(tmp_path) for path in study.write_all(study.lay_out_today(today), tmp_path)
    }
    named = {path.as_posix() for path in written}
    committed = {name: value for name, value in hashes(PROJECT / "data").items() if name in named}
    assert committed == hashes(tmp_path)
    there = {f"invented/today/{name}" for name in hashes(PROJECT / "data/invented/today")}
    assert there <= named


def test_today_moves_no_byte_of_the_files_before_it(small: England, tmp_path: Path):
    study.write_all(study.lay_out_england(small), tmp_path / "alone")
    study.write_all(study.lay_out_england(small), tmp_path / "both")
    after = study.write_all(study.lay_out_today(continue_england(small)), tmp_path / "both")
    study.write_all(study.lay_out_england(small), tmp_path / "after")
    alone, both = hashes(tmp_path / "alone"), hashes(tmp_path / "both")
    assert {name: both[name] for name in alone} == alone == hashes(tmp_path / "after")
    assert len(both) == len(alone) + len(after)


def test_no_committed_file_of_today_is_large():
    sizes = {p.name: p.stat().st_size for p in (PROJECT / "data/invented/today").rglob("*.csv")}
    assert max(sizes.values()) < 3_000_000
    assert sum(sizes.values()) < 8_000_000


def test_the_truth_is_written_at_a_precision_that_every_machine_has(folder: Path):
    truth = pd.read_csv(folder / "invented/today/truth.csv", dtype="str")
    numbers = truth[["planted", "with_overlap"]].melt()["value"]
    assert (numbers.str.partition(".")[2].str.len() <= study.TRUTH_PLACES).all()
    assert set(truth["year"]) == {"2025"}
    assert not truth["outcome"].str.contains("progress").any()


# --- years ---------------------------------------------------------------------------------------


def test_there_is_no_year_from_2020_to_2022(today: England, folder: Path):
    assert sorted(today.pupils) == list(TODAY) == [2023, 2024, 2025]
    gone = ("2019-2020", "2020-2021", "2021-2022", "201920", "202021", "202122")
    assert not [p.name for p in folder.rglob("*") if any(year in p.name for year in gone)]
    for name in ("lait_long_ks2.csv", "lait_long_ks2_2025.csv"):
        series = pd.read_csv(folder / "invented/today" / name, dtype="str")
        assert set(series["Years"]) <= {"2023", "2024", "2025"}
    headlines = pd.read_csv(folder / "invented/today/2025-09_national.csv")
    assert set(headlines["year"]) == {2023, 2024, 2025}


def test_progress_and_key_stage_1_end_with_2023(folder: Path):
    (first,) = read(folder, "2022-2023_england_ks2final.csv", "ks2")
    (second,) = read(folder, "2023-2024_england_ks2final.csv", "ks2")
    (third,) = read(folder, "202425_ks2_school_attainment_data.csv", "ks2")
    assert first.values["reading_progress"].notna().mean() > 0.9
    assert "prior_attainment" in first.values
    for later in (second, third):
        assert not [name for name in later.values if "progress" in name or "prior" in name]
    assert why_not_taken("reading_progress", 2024) and why_not_taken("reading_progress", 2025)
    own = pd.read_csv(folder / "invented/today/2025-09_local_results.csv")
    assert not own["measure"].str.contains("progress").any()


# --- layouts -------------------------------------------------------------------------------------


def test_the_long_files_say_what_the_wide_ones_would(small: England, folder: Path):
    (one,) = read(folder, "202425_ks2_school_attainment_data.csv", "ks2")
    (pupils,) = read(folder, "202425_ks2_school_information_data.csv", "ks2")
    later = continue_england(small)
    results = later.results(2025)
    some = results.count("all") > 0
    shown = results.column("PTRWM_EXP")
    assert one.values["rwm_expected"].mean() == pytest.approx(np.nanmean(shown.value[some]))
    assert len(one.values) == len(pupils.values) == some.sum()
    assert pupils.values["cohort"].sum() == results.count("all").sum()
    assert one.source.release == pupils.source.release == "revised"
    few = pupils.values["cohort"] < 6
    assert few.any()
    assert one.reasons.loc[few, "rwm_expected"].str.startswith("suppressed").all()
    texts = long_attainment(later, 2025)["expected_standard_pupil_percent"]
    assert {"c"} < set(texts) and not set(texts) & {"nan", "SUPP", ""}


FILES = {
    "edubasealldata20250930.csv": "register",
    "links_edubasealldata20250930.csv": "links",
    "202324_absence_school.csv": "absence",
    "2024-08-31_ofsted_mi.csv": "ofsted",
    "2025-09-30_ofsted_mi.csv": "ofsted",
    "2025-11-30_ofsted_mi.csv": "ofsted",
    "202425_ks2_school_attainment_data.csv": "ks2",
    "202425_ks2_school_information_data.csv": "ks2",
}


@pytest.mark.parametrize("name", FILES)
def test_every_file_of_today_is_known_by_its_header(folder: Path, name: str):
    source = find_source(SourceLine(file=f"invented/today/{name}"), folder)
    assert source.kind == FILES[name]
    assert len(read_text(source).rows) > 20


def test_every_academy_since_2019_has_its_link(england: England, today: England):
    before, after = england.world.establishments, today.world.establishments
    assert set(before["urn"]) < set(after["urn"])
    new = after[~after["urn"].isin(before["urn"])]
    assert 150 < len(new) < 400
    assert new["opened"].between("2020-09-01", "2024-09-01").all()
    assert new["nftype"].isin(["AC", "ACC"]).all()
    links = today.world.links
    assert set(new["urn"]) <= set(links.loc[links["LinkType"].eq("Successor"), "LinkURN"])
    assert not after.duplicated(["urn"]).any()
    open_now = after[after["closed"].isna()]
    assert not open_now["school"].duplicated().any()


def test_inspections_end_their_single_grades_and_begin_report_cards(today: England):
    graded = inspections_with_grades(today)
    assert graded["Overall effectiveness"].isin([1, 2, 3, 4]).all()
    day = pd.to_datetime(graded["Inspection start date"], dayfirst=True)
    previous = pd.to_datetime(graded["Previous inspection start date"], dayfirst=True)
    assert (day <= LAST_GRADES).all() and (previous < day).all()
    autumn, winter = (inspections_of_today(today, f"2025-{end}") for end in ("09-30", "11-30"))
    effect = autumn["Latest OEIF overall effectiveness"]
    assert 0.1 < effect.eq("Not judged").mean() < 0.3
    since = autumn["Inspection start date of latest OEIF graded inspection"]
    since = pd.to_datetime(since, dayfirst=True)
    np.testing.assert_array_equal(effect.eq("Not judged"), since > LAST_GRADES)
    assert (autumn["Inspection start date"] == "NULL").all()
    cards = winter["Inspection start date"] != "NULL"
    assert 0.01 < cards.mean() < 0.06
    assert winter.loc[cards, "Leadership and governance"].ne("NULL").all()
    parts = ["quality of education", "effectiveness of leadership and management"]
    judged = autumn[[f"Latest OEIF {part}" for part in parts]]
    assert judged.isin([1, 2, 3, 4]).all(axis=None)
    alike = judged[effect.ne("Not judged")]
    assert alike.astype(str).eq(effect[effect.ne("Not judged")], axis=0).all(axis=None)


def test_absence_is_what_it_is_since_the_pandemic(today: England):
    table = long_absence(today, 2024).query("education_phase == 'State-funded primary'")
    overall = pd.to_numeric(table["sess_overall_percent"], errors="coerce")
    assert overall.mean() == pytest.approx(5.5, abs=0.6)
    assert set(table["time_period"]) == {"202324"}


# --- sizes, the programme and the truth ----------------------------------------------------------


def test_results_have_todays_level_spread_and_persistence():
    # Real England: 60.4 and 61.4, standard deviations of 15.7, correlation .60 (here it is less).
    rows = []
    for seed in (20180708, 1, 2):
        one = continue_england(build_england(seed=seed, effect=0))
        first, second = rwm(one, 2023), rwm(one, 2024)
        poor = rwm(one, 2024, "_FSM6CLA1A")
        rows.append((first.mean(), second.mean(), second.std(), first.corr(second), poor.mean()))
    first, second, spread, kept, poor = np.median(rows, axis=0)
    assert first == pytest.approx(60.4, abs=1.5)
    assert second == pytest.approx(61.4, abs=1.5)
    assert spread == pytest.approx(15.7, abs=0.8)
    assert 0.48 < kept < 0.62
    assert poor == pytest.approx(46.6, abs=3)


def test_the_programme_has_the_stuck_schools_first(today: England):
    (slug,) = PLANTED_TODAY
    members = today.members
    assert set(members["programme"]) == {slug} and len(members) == 18
    home = today.world.schools.query("la == 551 and has_results and kind != 'special'").index
    stuck = find_stuck(inspect_schools(today))
    assert set(stuck[home].index[stuck[home]]) <= set(members["school"]) <= set(home)
    assert 3 <= stuck[members["school"]].sum() <= 13
    listed = inspections_with_grades(today).set_index("URN")
    own = listed[listed.index.isin(members.loc[members["basis"].str.contains("twice"), "urn"])]
    below = own[["Overall effectiveness", "Previous full inspection overall effectiveness"]] > 2
    assert below.all(axis=None) and len(own) > 0


def test_an_effect_of_today_moves_its_members_from_2025_and_nobody_else(
    england: England, today: England
):
    nothing = continue_england(build_england(effect=0))
    pd.testing.assert_frame_equal(today.members, nothing.members)
    for year in TODAY:
        moved = (today.pupils[year].score != nothing.pupils[year].score).any(axis=1)
        inside = np.isin(today.pupils[year].school, today.members["school"]) & (year >= 2025)
        np.testing.assert_array_equal(moved, inside)
    assert (planted_effects(nothing)["planted"] == 0).all()
    assert england.planted != today.planted


def test_the_truth_of_today_is_what_endless_cohorts_would_show(today: England):
    for name, published in (("rwm_expected", "PTRWM_EXP"), ("maths_expected", "PTMAT_EXP")):
        truth = values_without_chance(today, 2025)[name].iloc[:MAINSTREAM]
        seen = pd.Series(today.results(2025).column(published).value[:MAINSTREAM])
        assert truth[seen.notna()].mean() == pytest.approx(seen.mean(), abs=0.8)
        assert truth.corr(seen) > 0.8


def test_the_report_says_what_the_truth_file_says(today: England):
    report = load_report("autumn-2025", PROJECT / "data")
    truth = pd.read_csv(PROJECT / "data/invented/today/truth.csv").set_index("outcome")
    (slug,) = report.programmes
    told = report.planted[slug]
    assert list(told) == list(load_programme(slug, PROJECT / "data").outcomes)
    for outcome, value in told.items():
        assert value == pytest.approx(truth.loc[outcome, "with_overlap"], abs=0.0051)


def test_a_csv_of_today_has_no_empty_school(today: England):
    text = to_csv(long_attainment(today, 2025), "utf-8").decode("utf-8")
    assert text.count("\n") > 10_000 and ",," not in text


@pytest.mark.parametrize(
    ("report", "mode"), [("autumn-2025", "forecast"), ("autumn-2025-revised", "matched")]
)
def test_the_reports_of_today_find_what_was_planted_within_their_range(report: str, mode: str):
    study = pepstats.load(report)
    found = pepstats.evaluate(study, "stuck-schools")
    effects = found.effects.set_index("outcome")
    planted = pd.Series(study.report.planted["stuck-schools"])
    assert found.primary.mode == mode and found.primary.n_schools == 18
    assert list(effects.index) == list(planted.index)
    assert (effects["low"] <= planted).all() and (planted <= effects["high"]).all()
    assert not {2020, 2021, 2022} & set(study.panel.values.index.unique("year"))
