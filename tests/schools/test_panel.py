"""Results laid out as school by year: gaps keep their reason, releases and breaks are known."""

from pathlib import Path

import pandas as pd
import pytest

from pepstats import measures
from pepstats.errors import SourceError
from pepstats.measures import breaks_between, why_not_taken
from pepstats.schools import identity, measure_coverage, say_why_missing
from pepstats.schools import source_check as check
from pepstats.schools.panel import Panel, build_panel
from pepstats.sources import registers, series
from pepstats.sources import totals as proof
from pepstats.sources.results import Results, clean_results
from tests import published_files as files


def one_year(folder: Path, rows: list[dict[str, str]], year: int, **given: str) -> Results:
    columns = [c for c in files.KS2_COLUMNS if not c.endswith("_17")]
    name = given.pop("name", f"{year}.csv")
    return files.results(folder, files.write_csv(rows, columns), year=year, name=name, **given)


def two_years(folder: Path) -> list[Results]:
    first = [files.school(900101), files.school(900102)]
    return [one_year(folder, first, 2019), one_year(folder, [files.school(900101)], 2022)]


def panel_of(results: list[Results], years: list[int], **given: bool) -> Panel:
    return build_panel(results, identity.follow_schools(results), years, **given)


def test_every_cell_is_a_value_or_a_reason(tmp_path: Path) -> None:
    panel = panel_of(two_years(tmp_path), list(range(2019, 2024)))
    assert (panel.values.notna() ^ panel.reasons.notna()).all(axis=None)
    assert panel.values.index.is_monotonic_increasing
    assert panel.values.index.is_unique


def test_years_without_tests_are_gaps_with_their_reason(tmp_path: Path) -> None:
    panel = panel_of(two_years(tmp_path), list(range(2019, 2024)))
    why = panel.reasons["rwm_expected"].unstack("year")
    assert why.loc[900101].tolist()[1:3] == ["no tests held", "no tests held"]
    assert why.loc[900101, 2023] == measures.NOT_LISTED
    assert why.loc[900102, 2022] == measures.NO_ROW


def test_a_measure_that_a_years_layout_lacks_says_so(tmp_path: Path) -> None:
    old = files.write_csv([files.school(900101)], files.KS2_COLUMNS[:23])
    results = [files.results(tmp_path, old, year=2016, name="a.csv"),
               one_year(tmp_path, [files.school(900101)], 2017)]  # fmt: skip
    panel = panel_of(results, [2016, 2017])
    assert panel.reasons.loc[(900101, 2016), "reading_progress"] == measures.NOT_IN_LAYOUT
    assert panel.releases.loc[2016, "reading_progress"] == ""
    assert panel.releases.loc[2017, "reading_progress"] == "final"


def test_files_of_several_authorities_are_one_source_in_parts(tmp_path: Path) -> None:
    parts = [one_year(tmp_path, [files.school(900101)], 2018, name="a.csv"),
             one_year(tmp_path, [files.school(900202, LEA="552")], 2018, name="b.csv")]  # fmt: skip
    panel = panel_of(parts, [2018])
    assert panel.values["rwm_expected"].notna().all()
    twice = [parts[0], one_year(tmp_path, [files.school(900101)], 2018, name="c.csv")]
    with pytest.raises(SourceError, match=r"a\.csv, row 2 and c\.csv, row 2: URN 900101"):
        panel_of(twice, [2018])


def test_two_releases_of_a_year_are_refused(tmp_path: Path) -> None:
    final = one_year(tmp_path, [files.school(900101)], 2018, name="a.csv")
    rows = [files.school(900101, met=30), files.school(900102, met=30)]
    early = one_year(tmp_path, rows, 2018, name="b.csv", release="provisional")
    with pytest.raises(SourceError, match="given in two releases, final and provisional"):
        panel_of([early, final], [2018])


def test_what_only_the_authority_holds_joins_the_published_results(tmp_path: Path) -> None:
    text = (
        "urn,year,measure,group,value,cohort,release\n"
        "900101,2018,rwm_expected,sen_support,25,8,school-returned\n"
    )
    raw, source = files.read(tmp_path, text.encode(), kind="local_results", year=None)
    rows = [files.school(900101), files.school(900102)]
    own = series.split_local_results(series.tidy_local_results(raw, source))
    results = [one_year(tmp_path, rows, 2018), *own]
    panel = panel_of(results, [2018])
    assert panel.releases.loc[2018, "rwm_expected.sen_support"] == "school-returned"
    assert panel.releases.loc[2018, "rwm_expected"] == "final"
    assert panel.values.loc[(900101, 2018), "rwm_expected.sen_support"] == 25
    assert panel.reasons.loc[(900102, 2018), "rwm_expected.sen_support"] == measures.NO_ROW


def test_results_without_a_year_cannot_be_placed(tmp_path: Path) -> None:
    one = one_year(tmp_path, [files.school(900101)], 2018)
    content = files.write_csv([files.school(900101)], files.KS2_COLUMNS[:25])
    undated = files.results(tmp_path, content, year=None)
    with pytest.raises(SourceError, match="give its `year`"):
        build_panel([undated], identity.follow_schools([one]), [2018])


def test_why_schools_are_missing_adds_up_to_the_schools(tmp_path: Path) -> None:
    results = [files.results(tmp_path)]
    panel = panel_of(results, [2018])
    why = say_why_missing(panel, ["rwm_expected", "rwm_expected.disadvantaged"])
    assert (why.groupby("measure")["schools"].sum() == 8).all()
    shares = measure_coverage(panel).set_index("measure").loc["rwm_expected"]
    assert (shares["schools"], shares["with_value"]) == (8, 6)


@pytest.mark.parametrize("only", ["rwm_expected.disadvantaged", "rwm_higher.other"])
def test_why_schools_are_missing_is_said_of_a_group_alone(tmp_path: Path, only: str) -> None:
    rows = [{**row, "PTRWM_HIGH_NotFSM6CLA1A": "SUPP"} for row in files.ks2_rows()]
    columns = [*files.KS2_COLUMNS, "PTRWM_HIGH_NotFSM6CLA1A"]
    full = [{name: row.get(name, "") for name in columns} for row in rows]
    panel = panel_of([files.results(tmp_path, files.write_csv(full, columns))], [2018])
    why = say_why_missing(panel, [only])
    assert set(why["measure"]) == {only}
    assert why["schools"].sum() == 8


def test_breaks_are_crossed_only_between_years_on_both_sides() -> None:
    assert [b.word for b in breaks_between("reading_progress", (2017, 2018))] == [
        "progress adjusted 2018"
    ]
    assert not breaks_between("reading_progress", (2018, 2019))
    assert not breaks_between("reading_expected", (2017, 2018))
    assert breaks_between("rwm_expected.disadvantaged", (2015, 2016))[0].word == "new tests 2016"
    assert {b.year for b in breaks_between("attainment8", (2015, 2022))} == {2016, 2017, 2022}


def test_what_was_not_taken_says_why() -> None:
    assert why_not_taken("rwm_expected", 2020) == "no tests held"
    assert why_not_taken("reading_progress", 2024) == "no earlier test to measure progress from"
    assert why_not_taken("rwm_expected", 2024) is None
    assert why_not_taken("absence", 2020) is None


def test_contradictions_in_a_file_are_found(tmp_path: Path) -> None:
    rows = [files.school(900101, READPROG="2.5"), files.school(900102, BELIG="19"),
            files.school(900103, PTFSM6CLA1A="40%"), files.school(900104)]  # fmt: skip
    found = proof.cross_check(files.results(tmp_path, files.write_csv(rows)))
    assert found[["urn", "row", "check"]].to_numpy().tolist() == [
        [900101, 2, "a score outside its own limits"],
        [900102, 3, "groups that do not make up the cohort"],
        [900103, 4, "a share that is not its pupils"],
    ]


def test_a_converters_row_that_contradicts_the_earlier_file_is_listed(tmp_path: Path) -> None:
    before = one_year(tmp_path, [files.school(900101, met=22), files.school(900102, met=20)], 2017)
    after = files.results(tmp_path, files.write_csv([
        files.school(900301, ESTAB="2101"), files.school(900102),
    ]), year=2018, name="2018.csv")  # fmt: skip
    found = identity.follow_schools([before, after])
    table = check.compare_earlier([before, after], found)
    rwm = table[table["measure"] == "rwm_expected"].set_index("school")
    assert rwm.loc[900101, ["changed", "agrees"]].tolist() == [True, True]
    assert rwm.loc[900102, ["repeated", "published", "agrees"]].tolist() == [55, 50, False]


@pytest.mark.skipif(not files.REAL.is_dir(), reason="the real published files are not here")
def test_real_files_repeat_earlier_years_without_a_difference() -> None:

    results = [
        clean_results(*files.read_real("ks2", f"ks2/{y - 1}-{y}_{la}_ks2final.csv", y))
        for y in (2017, 2018, 2019)
        for la in (850, 936)
    ]
    links = registers.tidy_links(
        *files.read_real("links", "gias/links_edubasealldata_2022.csv")
    ).values
    table = check.compare_earlier(results, identity.follow_schools(results, links=links))
    assert table["agrees"].all()
    assert table["changed"].sum() > 1_000
    assert pd.concat([proof.cross_check(one) for one in results]).empty
