"""One school through time: links followed, merges and splits decided without looking at results."""

from collections import defaultdict
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pepstats.errors import SourceError
from pepstats.schools import identity
from pepstats.schools.panel import build_panel
from pepstats.sources import registers
from pepstats.sources.results import Results, clean_results
from tests import published_files as files


def years(folder: Path, listed: dict[int, list[dict[str, str]]]) -> list[Results]:
    """Clean one file a year, without the columns that repeat earlier years."""
    columns = [c for c in files.KS2_COLUMNS if not c.endswith("_17")]
    out = []
    for year, rows in listed.items():
        content = files.write_csv(rows, columns)
        out.append(files.results(folder, content, year=year, name=f"{year}.csv"))
    return out


def links(*pairs: tuple[int, int], what: str = "succession") -> pd.DataFrame:
    return pd.DataFrame(
        [(*p, pd.NaT, what) for p in pairs], columns=["before", "after", "date", "what"]
    )


def school(urn: int, estab: int, n: int = 40, **given: str) -> dict[str, str]:
    return files.school(urn, n, ESTAB=str(estab), **given)


def test_a_school_keeps_its_first_urn_when_it_converts(tmp_path: Path) -> None:
    found = identity.follow_schools(
        years(tmp_path, {2016: [school(900101, 2001)], 2017: [school(900301, 2901, NFTYPE="ACC")]}),
        links=links((900101, 900301)),
    )
    one = found.register.loc[900101]
    assert len(found.register) == 1
    assert (one["urn"], one["urns"]) == (900301, "900101 900301")
    assert one["governance"] == "academy"
    assert found.known[900301] == 900101
    assert found.notes == {"followed: linked: succession": 1}


def test_a_school_is_followed_through_a_urn_that_never_had_results(tmp_path: Path) -> None:
    found = identity.follow_schools(
        years(tmp_path, {2016: [school(900101, 2001)], 2018: [school(900302, 2902)]}),
        links=links((900101, 900301), (900301, 900302)),
    )
    assert found.register.index.tolist() == [900101]
    assert found.known[900301] == 900101


def test_a_kept_establishment_number_is_enough(tmp_path: Path) -> None:
    found = identity.follow_schools(
        years(tmp_path, {2016: [school(900101, 2001)], 2017: [school(900301, 2001)]})
    )
    assert found.rows["how"].tolist() == ["same URN", "same authority and establishment number"]
    assert len(found.register) == 1


def test_the_academy_named_in_the_results_is_enough(tmp_path: Path) -> None:
    listed = {2016: [school(900101, 2001, URN_AC="900301")], 2017: [school(900301, 2901)]}
    assert identity.follow_schools(years(tmp_path, listed)).register.index.tolist() == [900101]


def test_of_merged_schools_the_larger_carries_on_and_the_other_is_said_to_end(
    tmp_path: Path,
) -> None:
    listed = {
        2016: [school(900101, 2001, 30), school(900102, 2002, 60)],
        2017: [school(900301, 2901, 90)],
    }
    found = identity.follow_schools(
        years(tmp_path, listed), links=links((900101, 900301), (900102, 900301), what="merger")
    )
    assert found.register.loc[900102, "urns"] == "900102 900301"
    ended = found.not_followed.set_index("school")
    assert ended.index.tolist() == [900101]
    assert ended.loc[900101, ["why", "into"]].tolist() == ["merged into another school", 900301]
    assert found.notes["several schools became one: the largest carried on"] == 1


def test_of_a_split_school_the_larger_part_carries_it_on(tmp_path: Path) -> None:
    listed = {
        2016: [school(900101, 2001, 90)],
        2017: [school(900301, 2901, 30), school(900302, 2902, 60)],
    }
    found = identity.follow_schools(
        years(tmp_path, listed), links=links((900101, 900301), (900101, 900302))
    )
    assert found.register["urns"].to_dict() == {900101: "900101 900302", 900301: "900301"}


def test_a_merge_is_decided_by_cohort_and_never_by_results(tmp_path: Path) -> None:
    pair = links((900101, 900301), (900102, 900301))
    last = [school(900301, 2901, 90)]
    for better, worse in ((27, 3), (3, 27)):
        first = [files.school(900101, 30, met=better, ESTAB="2001"),
                 files.school(900102, 60, met=worse, ESTAB="2002")]  # fmt: skip
        found = identity.follow_schools(years(tmp_path, {2016: first, 2017: last}), links=pair)
        assert found.known[900301] == 900102


def test_a_school_listed_under_two_urns_in_one_year_is_one_school(tmp_path: Path) -> None:
    listed = {2018: [school(900101, 2001)], 2019: [school(900101, 2001), files.cut_off(900301)]}
    results = years(tmp_path, listed)
    found = identity.follow_schools(results, links=links((900101, 900301)))
    assert found.register.index.tolist() == [900101]
    assert found.notes == {"listed twice in one year": 1}
    panel = build_panel(results, found, [2018, 2019])
    assert panel.wide("rwm_expected").loc[900101].tolist() == [60, 60]


def test_two_schools_that_both_go_on_are_never_made_one(tmp_path: Path) -> None:
    both = [school(900101, 2001), school(900102, 2002)]
    found = identity.follow_schools(
        years(tmp_path, {2016: both, 2017: both}), links=links((900101, 900102))
    )
    assert found.register.index.tolist() == [900101, 900102]


def test_a_year_without_a_row_does_not_end_a_school(tmp_path: Path) -> None:
    listed = {2016: [school(900101, 2001)], 2017: [school(900102, 2002)],
              2018: [school(900101, 2001), school(900102, 2002)]}  # fmt: skip
    found = identity.follow_schools(years(tmp_path, listed), links=links((900101, 900102)))
    assert found.register.index.tolist() == [900101, 900102]
    assert found.not_followed.empty


def test_the_schools_name_does_not_move_when_a_later_year_is_added(tmp_path: Path) -> None:
    listed = {2016: [school(900301, 2001)], 2017: [school(900201, 2901)],
              2018: [school(900101, 2902)]}  # fmt: skip
    chain = links((900301, 900201), (900201, 900101))
    for last in (2016, 2017, 2018):
        some = {year: rows for year, rows in listed.items() if year <= last}
        found = identity.follow_schools(years(tmp_path, some), links=chain)
        assert found.register.index.tolist() == [900301]


def test_what_a_file_leaves_blank_comes_from_another_year_then_the_register(tmp_path: Path) -> None:
    blank = {"LEA": "", "NFTYPE": "", "AGERANGE": "", "SCHNAME": "", "ESTAB": ""}
    spine = {"URN": "900102", "LA": "552", "ESTAB": "2102", "LAESTAB": "5522102", "SCHNAME": "B",
             "NFTYPE": "Academy sponsor led mainstream", "AGEL": "7", "AGEH": "11"}  # fmt: skip
    raw, source = files.read(tmp_path, files.write_csv([spine], list(spine)), kind="register")
    listed = {2016: [school(900101, 2001), {**files.school(900102), **blank}],
              2017: [{**files.school(900101), **blank}]}  # fmt: skip
    found = identity.follow_schools(
        years(tmp_path, listed), registers.tidy_register(raw, source).values
    ).register
    said = found[["la", "school_type", "governance"]].T
    assert said[900101].tolist() == [551, "primary", "maintained"]
    assert said[900102].tolist() == [552, "junior", "academy"]


def test_a_schools_name_is_plain_text_whichever_file_it_is_from(tmp_path: Path) -> None:
    listed = {2017: [school(900101, 2001, SCHNAME="St\u202eeilla\u202c's \u200bSchool")]}
    trusts = pd.DataFrame({"trust": ["A\u2066B"]}, pd.Index([900101], name="urn"))
    found = identity.follow_schools(years(tmp_path, listed), trusts=trusts).register
    assert found.loc[900101, ["name", "trust"]].tolist() == ["Steilla's School", "AB"]


@pytest.mark.parametrize(
    ("ages", "kind"),
    [("4-11", "primary"), ("7-11", "junior"), ("5-7", "infant"), ("9-13", "middle"),
     ("11-18", "secondary"), ("4-18", "all-through"), ("", "unknown")],
)  # fmt: skip
def test_a_schools_type_is_known_by_its_ages(tmp_path: Path, ages: str, kind: str) -> None:
    found = identity.follow_schools(years(tmp_path, {2016: [school(900101, 2001, AGERANGE=ages)]}))
    assert found.register.loc[900101, "school_type"] == kind


def test_an_authority_that_changed_code_is_one_authority(tmp_path: Path) -> None:
    first = [school(900101, 2001, LEA="837"), school(900102, 2002, LEA="836")]
    later = [school(900101, 2001, LEA="839")]
    found = identity.follow_schools(years(tmp_path, {2018: first, 2019: later}))
    assert found.register["la"].tolist() == [839, 839]


def test_without_results_there_is_no_school_to_follow() -> None:
    with pytest.raises(SourceError, match="no key stage 2 or 4 results"):
        identity.follow_schools([])


LINKED = st.lists(st.tuples(st.integers(1, 8), st.integers(1, 8)), max_size=10)
ROW = st.tuples(st.integers(1, 8), st.integers(2016, 2019), st.booleans(), st.integers(1, 60))
LISTED = st.lists(ROW, min_size=1, max_size=20)


@given(LINKED, LISTED)
@settings(deadline=None, derandomize=True, max_examples=60)
def test_every_urn_has_one_school_and_no_school_two_results_in_a_year(
    pairs: list[tuple[int, int]], listed: list[tuple[int, int, bool, int]]
) -> None:
    rows = pd.DataFrame(listed, columns=["urn", "year", "has_results", "cohort"])
    rows = rows.drop_duplicates(["urn", "year"]).sort_values(["year", "urn"])
    found: identity.Links = defaultdict(dict)
    for one, other in pairs:
        if one != other:
            found[one][other] = found[other][one] = "linked"
    school_of, how, _ = identity.chain_urns(rows, found)
    assert set(school_of) == set(how) == set(rows["urn"])
    rows["school"] = rows["urn"].map(school_of)
    assert not rows[rows["has_results"]].duplicated(["school", "year"]).any()
    for name, urns in rows.groupby("school")["urn"]:
        assert name in set(urns)
    again, _, _ = identity.chain_urns(rows.sample(frac=1, random_state=1), found)
    assert again == school_of


@pytest.mark.skipif(not files.REAL.is_dir(), reason="the real published files are not here")
def test_real_schools_are_followed_from_2016_to_2018() -> None:
    def results(year: int) -> Results:
        name = f"england/{year - 1}-{year}_england_ks2_extract.csv"
        return clean_results(*files.read_real("ks2", name, year))

    both = [results(2016), results(2018)]
    spine = registers.tidy_register(
        *files.read_real("register", "england/2017-2018_england_spine.xlsx")
    ).values
    told = registers.tidy_links(
        *files.read_real("links", "gias/links_edubasealldata_2022.csv")
    ).values
    found = identity.follow_schools(both, spine, told)
    mainstream = both[0].identity["record"] == "mainstream school"
    urns = both[0].values.index[both[0].values["reading_progress"].notna() & mainstream]
    assert len(urns) == 14_589
    scores = build_panel(both, found, [2016, 2018]).wide("reading_progress")[2018]
    kept = scores.reindex(found.known.loc[urns]).notna().to_numpy()
    assert kept.sum() >= 14_300
    portsmouth = found.register["la"].reindex(found.known.loc[urns]).eq(851).to_numpy()
    assert (portsmouth.sum(), (portsmouth & kept).sum()) == (32, 32)
