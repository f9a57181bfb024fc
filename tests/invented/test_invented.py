"""The invented England: nothing in it is real, its sizes are England's, and its truth is known."""

from __future__ import annotations

import csv
import hashlib
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pepstats import measures
from pepstats.errors import DesignError
from pepstats.invented import other_files, pupils, study
from pepstats.invented.england import England, build_england, planted_effects, values_without_chance
from pepstats.invented.other_files import (
    absence,
    census,
    inspections,
    key_stage_4,
    local_results,
    national_headlines,
)
from pepstats.invented.pupils import PLANTED, SCORE_SD
from pepstats.invented.results import Published
from pepstats.invented.study import statements
from pepstats.schools.identity import follow_schools
from pepstats.schools.panel import build_panel
from pepstats.settings import SourceLine
from pepstats.sources.files import find_source, read_text
from pepstats.sources.registers import tidy_links, tidy_register
from pepstats.sources.results import Results, clean_results
from pepstats.sources.school_statements import check_statements
from tests.worlds import panel_of_england

PROJECT = Path(__file__).resolve().parents[2]
REAL = PROJECT.parent / "shared" / "real"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="the real published files are not here")
MAINSTREAM = 2500


@pytest.fixture(scope="module")
def england() -> England:
    return build_england()


@pytest.fixture(scope="module")
def nothing_done() -> England:
    return build_england(effect=0)


@pytest.fixture(scope="module")
def small() -> England:
    return build_england(schools=300, seed=5)


@pytest.fixture(scope="module")
def small_files(small: England, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("invented")
    study.write_all(study.lay_out_england(small), folder)
    return folder


def column(england: England, year: int, name: str) -> pd.Series:
    """Give one published column of the mainstream schools with pupils."""
    found = england.results(year)
    values = pd.Series(found.column(name).value[:MAINSTREAM])
    return values.where(found.count("all")[:MAINSTREAM] > 0)


def read_ks2(folder: Path, year: int) -> Results:
    file = f"invented/ks2/{year - 1}-{year}_england_ks2final.csv"
    line = SourceLine(kind="ks2", file=file, year=year, release="final")
    source = find_source(line, folder)
    return clean_results(read_text(source), source)


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


# --- the same every time -------------------------------------------------------------------------


def test_the_committed_files_are_what_invent_writes(england: England, tmp_path: Path):
    study.write_all(study.lay_out_england(england), tmp_path)
    written = hashes(tmp_path)
    committed = {name: value for name, value in hashes(PROJECT / "data").items() if name in written}
    assert committed == written
    there = {f"invented/{name}" for name in hashes(PROJECT / "data" / "invented")}
    there = {name for name in there if not name.startswith("invented/today/")}  # test_today.py
    assert there - set(written) == {"invented/.gitattributes"}


def test_a_new_file_moves_no_other_files_bytes(small: England, monkeypatch: pytest.MonkeyPatch):
    # Each file's random numbers are its own, by name: so each is the same alone, in any order.
    named: dict[str, list[tuple[object, ...]]] = {}
    drawn = pupils.generator

    def recorded(seed: int, *name: str | int) -> np.random.Generator:
        named[writing].append(name)
        return drawn(seed, *name)

    for module in (other_files, study):
        monkeypatch.setattr(module, "generator", recorded)
    makers = {
        "census": lambda: other_files.census(small),
        "absence": lambda: other_files.absence(small),
        "inspections": lambda: other_files.inspections(small),
        "ks4 2018": lambda: other_files.key_stage_4(small, 2018),
        "local": lambda: other_files.local_results(small, 2018),
        "statements": lambda: study.statements(small),
    }
    tables = []
    for order in (list(makers), list(reversed(makers))):
        made = {}
        for writing in order:
            named[writing] = []
            made[writing] = makers[writing]()
        tables.append(made)
    for name in makers:
        pd.testing.assert_frame_equal(tables[0][name], tables[1][name])
    own = [one for names in named.values() for one in set(names) if one != ("circumstances",)]
    assert len(own) == len(set(own)) >= 5


def test_an_england_of_fewer_years_has_the_same_files_of_those(small: England, tmp_path: Path):
    fewer = build_england(schools=300, seed=5, years=[2017, 2018])
    for one, folder in ((small, tmp_path / "all"), (fewer, tmp_path / "fewer")):
        study.write_all(study.lay_out_england(one), folder)
    all_of_them, some = hashes(tmp_path / "all"), hashes(tmp_path / "fewer")
    same = {n for n in some if n.startswith("invented/") and n.endswith(".csv")}
    same -= {
        "invented/truth.csv",
        "invented/la/lait_long_ks2.csv",
        "invented/local/2018-09_national.csv",
    }
    assert len(same) > 10
    assert {n: some[n] for n in same} == {n: all_of_them[n] for n in same}


def test_no_two_schools_say_the_same(england: England):
    said = statements(england)["statement"]
    assert said[said != ""].is_unique
    assert len(pd.read_csv(PROJECT / "pepstats/templates/invented_statements.csv")) == 180


def test_no_committed_file_is_large():
    files = (PROJECT / "data" / "invented").rglob("*.csv")
    sizes = {p.name: p.stat().st_size for p in files if p.parent.name != "today"}
    assert max(sizes.values()) < 2_000_000
    assert sum(sizes.values()) < 6_500_000


def test_another_seed_gives_another_england(small: England):
    other = build_england(schools=300, seed=6)
    cohorts = [one.results(2018).column("TELIG").value.tolist() for one in (small, other)]
    assert cohorts[0] != cohorts[1]


def test_years_left_out_do_not_move_the_others(small: England):
    fewer = build_england(schools=300, seed=5, years=[2018, 2017])
    assert fewer.years == (2017, 2018)
    np.testing.assert_array_equal(fewer.pupils[2018].score, small.pupils[2018].score)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"schools": 50}, "too few"), ({"schools": 60_000}, "at most 48,000"),
     ({"years": [2015]}, "2016 to 2019")],
)  # fmt: skip
def test_what_cannot_be_built_is_refused(wrong: dict, message: str):
    with pytest.raises(DesignError, match=message):
        build_england(**wrong)


def test_an_england_as_large_as_the_real_one_gives_every_school_its_own_number_and_name():
    """Above 5,242 the names ran out, and above some 8,000 new URNs were others' old ones."""
    built = build_england(schools=11_000, years=[2018]).world
    assert built.establishments["urn"].is_unique
    assert built.establishments["urn"].between(900_000, 999_999).all()
    at_once = built.establishments.join(built.schools["la"], on="school")
    numbers = at_once[["la", "estab", "school"]].drop_duplicates()
    assert not numbers.duplicated(["la", "estab"]).any()
    assert built.schools.duplicated(["la", "name"]).mean() < 0.001
    assert len(built.authorities) > 100


# --- nothing in it is real -----------------------------------------------------------------------


def test_urns_and_authorities_are_outside_the_real_ones(england: England):
    assert england.world.establishments["urn"].between(900_000, 999_999).all()
    assert england.world.establishments["urn"].is_unique
    assert england.world.authorities["la"].between(500, 599).all()


@needs_real
def test_no_name_of_a_school_or_authority_is_real(england: England):
    spine = pd.read_excel(REAL / "england" / "2017-2018_england_spine.xlsx", engine="calamine")
    real = set(spine["SCHNAME"].str.casefold())
    assert not real & set(england.world.establishments["name"].str.casefold())
    towns = {word.casefold() for text in spine["TOWN"].dropna() for word in re.split(r"\W+", text)}
    towns |= {word.casefold() for text in spine["SCHNAME"] for word in re.split(r"\W+", text)}
    places = {place.casefold() for own in england.world.authorities["places"] for place in own}
    assert not towns & places
    authorities = pd.read_csv(REAL / "england" / "la_and_region_codes_meta.csv")
    assert not set(authorities["LEA"]) & set(england.world.authorities["la"])


def test_every_place_is_named_for_make_believe(england: England):
    words = "Fable|Figment|Mock|Myth|Never|Nowhere|Phantom|Pretend|Pseudo|Mirage|Feign|Fib|Invent"
    words += "|Imagin|Quasi|Unreal|Fiction|Hoax|Bogus|Legend"
    pattern = rf"\b(?:{words})[a-z]+\b"
    assert england.world.authorities["name"].str.fullmatch(pattern).all()
    named = england.world.establishments["name"].str.contains(pattern)
    quoted = england.world.establishments["name"].str.startswith("The ")
    assert (named | quoted).all()


# --- read from disk or straight from memory, it is the same --------------------------------------


def test_the_panel_from_memory_is_the_panel_read_from_the_files(small: England, small_files: Path):
    years = list(small.years)
    results = [read_ks2(small_files, year) for year in years]
    spine = find_source(
        SourceLine(file="invented/england/2017-2018_england_spine.csv"), small_files
    )
    links = find_source(SourceLine(file="invented/gias/links_edubasealldata.csv"), small_files)
    schools = follow_schools(
        results,
        tidy_register(read_text(spine), spine).values,
        tidy_links(read_text(links), links).values,
    )
    read = build_panel(results, schools, years)
    panel, register = panel_of_england(small)
    pd.testing.assert_frame_equal(read.values, panel.values)
    pd.testing.assert_frame_equal(read.reasons, panel.reasons)
    pd.testing.assert_frame_equal(read.releases, panel.releases)
    pd.testing.assert_frame_equal(
        schools.register.drop(columns="trust"), register.drop(columns="trust"), check_dtype=False
    )


def test_every_cell_has_a_value_or_a_reason(small: England):
    panel, _ = panel_of_england(small)
    assert (panel.values.notna() ^ panel.reasons.notna()).all().all()


# --- the oddities of real files ------------------------------------------------------------------


def test_the_file_has_the_form_of_the_departments(small_files: Path):
    content = (small_files / "invented/ks2/2017-2018_england_ks2final.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbfRECTYPE,LEA,ESTAB,URN,SCHNAME")
    assert content.count(b"\r\n") == content.count(b"\n")
    rows = list(csv.reader(content.decode("utf-8-sig").splitlines()))
    width = len(rows[0])
    assert {len(row) for row in rows if len(row) < width} == {15}
    assert [row[0] for row in rows[-2:]] == ["4", "5"]
    urn = rows[0].index("URN")
    assert {row[urn] for row in rows if row[0] in "345"} == {" "}
    share = rows[0].index("PTRWM_EXP")
    assert all(re.fullmatch(r"\d+%|SUPP", row[share]) for row in rows[1:] if len(row) == width)


def test_results_of_five_pupils_or_fewer_are_not_published(england: England):
    cohort = column(england, 2018, "TELIG")
    shown = column(england, 2018, "PTRWM_EXP").notna()
    assert shown[cohort > 5].all()
    assert not shown[cohort <= 5].any()


def test_disadvantaged_and_others_are_published_together_or_not_at_all(england: England):
    found = england.results(2019)
    poor, other = found.count("FSM6CLA1A"), found.count("NotFSM6CLA1A")
    both = (poor >= 6) & (other >= 6)
    for group in ("FSM6CLA1A", "NotFSM6CLA1A"):
        np.testing.assert_array_equal(~np.isnan(found.column(f"PTRWM_EXP_{group}").value), both)
    assert 0.6 < both[:MAINSTREAM].mean() < 0.7


def test_some_schools_change_urn_and_one_is_listed_twice_in_a_year(small_files: Path):
    first, last = read_ks2(small_files, 2016), read_ks2(small_files, 2019)
    kept = first.values.index.isin(last.values.index).mean()
    assert 0.80 < kept < 0.95
    links = pd.read_csv(small_files / "invented/gias/links_edubasealldata.csv", encoding="cp1252")
    twice = links.merge(last.values[[]], left_on="URN", right_index=True).merge(
        last.values[[]], left_on="LinkURN", right_index=True
    )
    assert len(twice) > 0


def test_authority_and_england_rows_are_what_the_pupils_add_up_to(
    small: England, small_files: Path
):
    read = read_ks2(small_files, 2018)
    schools = read.identity["la"].astype(int)
    state = read.identity["type"].to_numpy() != "NMSS"
    cohort = read.values["cohort"].where(state)
    by_authority = cohort.groupby(schools.to_numpy()).sum()
    rows = read.aggregates["cohort"]
    for la, total in by_authority.items():
        assert rows.loc[("authority", la)] == total
    assert rows.loc["England, state-funded schools"].iloc[0] == cohort.sum()
    assert rows.loc["England, all schools"].iloc[0] == read.values["cohort"].sum()
    pupils = small.pupils[2018]
    whole = Published(pupils, np.zeros(len(pupils.school), int), 1, area=True)
    share = read.aggregates["rwm_expected"].loc["England, all schools"].iloc[0]
    assert share == whole.column("PTRWM_EXP").value[0]


FILES = {
    "england/2017-2018_england_census.csv": "census",
    "england/2017-2018_england_abs.csv": "absence",
    "england/2018-07-31_ofsted-schools.csv": "ofsted",
    "gias/grouplinks_edubaseallacademiesandfree20190601.csv": "trusts",
    "ks4/2017-2018_england_ks4provisional.csv": "ks4",
    "ks4/2018-2019_england_ks4provisional.csv": "ks4",
    "la/lait_long_ks2.csv": "la_series",
    "la/lait_long_ks2_2018.csv": "la_series",
    "local/2018-09_local_results.csv": "local_results",
    "local/2018-09_national.csv": "national",
}


@pytest.mark.parametrize("name", FILES)
def test_every_other_file_is_known_by_its_header(small_files: Path, name: str):
    source = find_source(SourceLine(file=f"invented/{name}"), small_files)
    assert source.kind == FILES[name]
    assert len(read_text(source).rows) > 20


def test_key_stage_4_has_englands_spread_and_persistence(england: England):
    # Hardly more than 500 secondaries: one England's persistence is out by .02 by chance alone.
    rows = []
    for one in (england, build_england(seed=1), build_england(seed=2)):
        tables = [key_stage_4(one, year).query("RECTYPE == '1'") for year in (2018, 2019)]
        found = {}
        for name in ("P8MEA", "ATT8SCR"):
            pair = [pd.to_numeric(t.set_index("URN")[name], errors="coerce") for t in tables]
            both = pd.concat(pair, axis=1, keys=["before", "after"]).dropna()
            values = both.to_numpy().ravel()
            found |= {f"{name} mean": values.mean(), f"{name} spread": values.std(),
                      f"{name} kept": both.corr().iloc[0, 1]}  # fmt: skip
        rows.append(found)
    middle = pd.DataFrame(rows).median()
    assert middle["P8MEA mean"] == pytest.approx(-0.03, abs=0.05)
    assert middle["P8MEA spread"] == pytest.approx(0.495, abs=0.04)
    assert middle["P8MEA kept"] == pytest.approx(0.87, abs=0.04)
    assert middle["ATT8SCR mean"] == pytest.approx(46.9, abs=1)
    assert middle["ATT8SCR spread"] == pytest.approx(9.15, abs=0.6)
    assert middle["ATT8SCR kept"] == pytest.approx(0.94, abs=0.03)


def test_census_and_absence_are_englands(england: England):
    table = census(england).query("SCHOOLTYPE == 'State-funded primary' and URN != 'NAT'")
    published = {"PNUMFSMEVER": (22.7, 15.3), "PNUMEAL": (16.5, 21.5), "PSENELK": (12.9, 6.1)}
    for name, (mean, spread) in published.items():
        values = pd.to_numeric(table[name])
        assert values.mean() == pytest.approx(mean, abs=2)
        assert values.std() == pytest.approx(spread, abs=3.5)
    rows = absence(england)
    missed = pd.to_numeric(rows.loc[rows["URN"].isin(table["URN"]), "PERCTOT"], errors="coerce")
    assert missed.mean() == pytest.approx(4.03, abs=0.2)
    assert missed.std() == pytest.approx(1.02, abs=0.2)


def test_grades_are_spread_as_ofsteds(england: England):
    table = inspections(england).query("`Ofsted phase` == 'Primary'")
    shares = table["Overall effectiveness"].value_counts(normalize=True)
    for grade, share in {1: 0.184, 2: 0.686, 3: 0.101, 4: 0.029}.items():
        assert shares[grade] == pytest.approx(share, abs=0.03)


def test_the_citys_provisional_results_differ_a_little_from_the_final_ones(england: England):
    local = local_results(england, 2018).query("measure == 'rwm_expected' and group == ''")
    owner = england.world.establishments.set_index("urn")["school"]
    mainstream = local[owner[local["urn"]].to_numpy() < MAINSTREAM]
    final = column(england, 2018, "PTRWM_EXP")[owner[mainstream["urn"]]].to_numpy()
    moved = mainstream["value"].to_numpy() - final
    assert len(moved) == 45
    assert (moved != 0).sum() > 10
    assert np.abs(moved).mean() < 3
    assert abs(moved.mean()) < 1.5
    groups = set(local_results(england, 2018)["group"])
    assert groups == {"", "disadvantaged", "other", "sen_support"}


def test_the_headlines_are_final_for_earlier_years_and_provisional_for_this_one(england: England):
    table = national_headlines(england, 2018).set_index(["year", "measure"])
    assert set(table["release"].xs(2018, level="year")) == {"provisional"}
    assert set(table.drop(index=2018)["release"]) == {"final"}
    assert table.loc[(2018, "rwm_expected"), "value"] == pytest.approx(64, abs=2)


def test_statements_are_read_and_what_is_personal_in_them_is_held_back(england: England):
    table = statements(england)
    schools = {
        slug: {urn: int(urn) for urn in own}
        for slug, own in england.members.groupby("programme")["urn"]
    }
    read = check_statements(table.astype(str), file="statements.csv", schools=schools)
    assert read.groupby("programme").size().to_dict() == dict.fromkeys(PLANTED, 18)
    for trap, times in (("@", 2), (r"01632 960\d{3}", 1), ("Tommy Figment|Daisy Make|Mr Pre", 3)):
        rows = read[read["statement"].str.contains(trap)]
        assert len(rows) == times
        assert rows["held"].notna().all()
    answered = read[read["statement"] != ""]
    assert len(answered) == 30
    assert set(answered["stance"]) == {"positive", "mixed", "negative"}
    assert answered["held"].isna().sum() >= 12


# --- its sizes are England's ---------------------------------------------------------------------

# Unweighted mean and standard deviation of mainstream schools, England, 2016 to 2018.
PUBLISHED = {
    "PTRWM_EXP": ((54.2, 17.8), (62.0, 16.7), (65.4, 15.9)),
    "PTRWM_HIGH": ((5.4, 6.0), (8.8, 7.5), (9.9, 8.0)),
    "READPROG": ((0.14, 2.71), (0.19, 2.56), (0.20, 2.35)),
    "WRITPROG": ((-0.05, 3.01), (0.06, 2.51), (0.10, 2.21)),
    "MATPROG": ((-0.06, 2.64), (-0.01, 2.72), (0.02, 2.52)),
    "READ_AVERAGE": ((102.8, 3.3), (104.3, 3.2), (105.2, 2.9)),
    "MAT_AVERAGE": ((103.0, 2.9), (104.1, 3.0), (104.3, 2.9)),
    "GPS_AVERAGE": ((103.9, 2.9), (105.9, 3.0), (106.0, 3.2)),
    "PTREAD_EXP": ((67.5, 16.6), (73.2, 14.9), (77.1, 13.5)),
    "PTMAT_EXP": ((70.6, 17.1), (75.6, 15.4), (76.4, 14.7)),
}
NEAR = {"PTRWM_EXP": 1.2, "PTRWM_HIGH": 1.0, "PTREAD_EXP": 1.5, "PTMAT_EXP": 1.5}


@pytest.mark.parametrize("name", PUBLISHED)
def test_means_and_spreads_by_year_are_englands(nothing_done: England, name: str):
    for year, (mean, spread) in zip((2016, 2017, 2018), PUBLISHED[name], strict=True):
        values = column(nothing_done, year, name)
        assert values.mean() == pytest.approx(mean, abs=NEAR.get(name, 0.25))
        assert values.std() == pytest.approx(spread, rel=0.10)


# Correlation of a school's results one, two and three years apart, England.
LASTING = {
    "PTRWM_EXP": (0.58, 0.51, None),
    "READPROG": (0.512, 0.40, 0.319),
    "WRITPROG": (0.489, 0.329, 0.234),
    "MATPROG": (0.592, 0.456, 0.365),
    "READ_AVERAGE": (0.629, 0.573, None),
    "MAT_AVERAGE": (0.629, 0.545, None),
}


@pytest.mark.parametrize("name", LASTING)
def test_results_last_from_year_to_year_as_englands_do(nothing_done: England, name: str):
    years = (2016, 2017, 2018, 2019)
    table = pd.DataFrame({year: column(nothing_done, year, name) for year in years}).corr()
    for apart, published in enumerate(LASTING[name], start=1):
        pairs = [table.loc[a, a + apart] for a in years if a + apart in years]
        if published is not None:
            assert np.mean(pairs) == pytest.approx(published, abs=0.075)


def test_measures_go_together_as_englands_do(nothing_done: England):
    names = ["PTRWM_EXP", "READPROG", "WRITPROG", "MATPROG", "READ_AVERAGE", "MAT_AVERAGE"]
    table = pd.DataFrame({name: column(nothing_done, 2018, name) for name in names}).corr()
    published = {"READPROG": 0.61, "WRITPROG": 0.40, "MATPROG": 0.61, "READ_AVERAGE": 0.80,
                 "MAT_AVERAGE": 0.85}  # fmt: skip
    for name, value in published.items():
        assert table.loc["PTRWM_EXP", name] == pytest.approx(value, abs=0.07)
    assert table.loc["READPROG", "MATPROG"] == pytest.approx(0.74, abs=0.05)
    assert table.loc["READPROG", "WRITPROG"] == pytest.approx(0.53, abs=0.06)
    assert table.loc["MATPROG", "WRITPROG"] == pytest.approx(0.58, abs=0.06)


def test_cohorts_have_englands_sizes_and_spikes(nothing_done: England):
    cohort = pd.concat(
        [column(nothing_done, year, "TELIG") for year in (2016, 2017, 2018)]
    ).dropna()
    assert cohort.mean() == pytest.approx(39.3, abs=1.5)
    assert cohort.std() == pytest.approx(24.8, abs=2)
    published = {
        0.05: 8.5,
        0.10: 12.4,
        0.25: 23,
        0.50: 30.7,
        0.75: 56,
        0.90: 67,
        0.95: 88,
        0.99: 119,
    }
    for share, value in published.items():
        assert cohort.quantile(share) == pytest.approx(value, abs=max(1.5, 0.05 * value))
    assert (cohort <= 5).mean() == pytest.approx(0.0215, abs=0.006)
    assert (cohort <= 15).mean() == pytest.approx(0.15, abs=0.02)
    assert (cohort == 30).mean() == pytest.approx(0.074, abs=0.02)
    counts = cohort.value_counts()
    assert {30, 60} <= set(counts.index[:6])


def authority_part(england: England, values: pd.Series) -> tuple[float, float]:
    """Give the spread between authorities net of chance, and its share of the variance."""
    la = england.world.schools["la"].to_numpy()[:MAINSTREAM]
    groups = values.dropna().groupby(la[values.notna()])
    n, k = groups.size(), groups.ngroups
    between = (n * (groups.mean() - values.mean()) ** 2).sum() / (k - 1)
    within = groups.apply(lambda own: ((own - own.mean()) ** 2).sum()).sum() / (n.sum() - k)
    variance = (between - within) / ((n.sum() - (n**2).sum() / n.sum()) / (k - 1))
    return float(np.sqrt(max(variance, 0))), float(variance / (variance + within))


def test_authorities_differ_as_englands_do(nothing_done: England):
    for name, share in (("PTRWM_EXP", 0.055), ("READPROG", 0.06), ("MATPROG", 0.105)):
        parts = [authority_part(nothing_done, column(nothing_done, year, name))[1]
                 for year in nothing_done.years]  # fmt: skip
        assert np.mean(parts) == pytest.approx(share, abs=0.03)


def test_cities_have_good_and_bad_years():
    shocks = {"PTRWM_EXP": [], "READPROG": []}
    for seed in range(5):
        one = build_england(seed=seed, effect=0)
        for name, found in shocks.items():
            before = (column(one, 2016, name) + column(one, 2017, name)) / 2
            found.append(authority_part(one, column(one, 2018, name) - before)[0])
    assert np.sqrt(np.mean(np.square(shocks["PTRWM_EXP"]))) == pytest.approx(1.3, abs=0.35)
    assert np.sqrt(np.mean(np.square(shocks["READPROG"]))) == pytest.approx(0.30, abs=0.08)


def slope(x: pd.Series, y: pd.Series) -> tuple[float, float]:
    both = x.notna() & y.notna()
    return float(np.polyfit(x[both], y[both], 1)[0]), float(x.corr(y) ** 2)


def test_disadvantage_and_prior_attainment_matter_as_they_do(nothing_done: England):
    results = column(nothing_done, 2018, "PTRWM_EXP")
    b, r2 = slope(column(nothing_done, 2018, "PTFSM6CLA1A"), results)
    assert b == pytest.approx(-0.48, abs=0.05)
    assert r2 == pytest.approx(0.25, abs=0.06)
    b, r2 = slope(column(nothing_done, 2018, "TKS1AVERAGE"), results)
    assert b == pytest.approx(7.2, abs=0.8)
    assert r2 == pytest.approx(0.27, abs=0.08)


# --- the city, its programmes and the truth ------------------------------------------------------


def test_the_city_is_low_attaining_with_large_cohorts(nothing_done: England):
    schools = nothing_done.world.schools.iloc[:MAINSTREAM]
    home = (schools["la"] == 551).to_numpy()
    assert home.sum() == 45
    assert (schools.loc[home, "kind"] == "junior").sum() == 15
    for year in nothing_done.years:
        behind = column(nothing_done, year, "PTRWM_EXP")
        assert -16 < behind[home].mean() - behind.mean() < -2
    assert 48 <= column(nothing_done, 2018, "TELIG")[home].median() <= 62


def test_programmes_are_picked_as_the_fund_picked(england: England):
    home = england.world.schools.index[
        (england.world.schools["la"] == 551)
        & england.world.schools["has_results"]
        & (england.world.schools["kind"] != "special")
    ]
    seen = (column(england, 2016, "PTRWM_EXP") + column(england, 2017, "PTRWM_EXP")) / 2
    lower = set(seen[home].sort_values(kind="stable").index[:23])
    members = england.members.groupby("programme")["school"].agg(set)
    assert set(members.index) == set(PLANTED)
    for own in members:
        assert len(own) == 18
        assert len(own & lower) == 13
    assert len(members.iloc[0] & members.iloc[1]) == 4


def test_members_are_listed_by_urns_from_before_or_after_they_changed(england: England):
    first = england.world.establishments.drop_duplicates("school").set_index("school")["urn"]
    listed = england.members.set_index("school")["urn"]
    changed = england.world.establishments["school"].value_counts() > 1
    assert changed[listed.index].sum() >= 3
    owner = england.world.establishments.set_index("urn")["school"]
    assert (owner[listed].to_numpy() == listed.index).all()
    assert (listed.to_numpy() != first[listed.index].to_numpy()).any()


def test_an_effect_moves_its_members_after_the_start_and_nobody_else(
    england: England, nothing_done: England
):
    chosen = england.members.loc[england.members["programme"] == "closing-the-gap", "school"]
    pd.testing.assert_frame_equal(england.members, nothing_done.members)
    for year in england.years:
        one, other = england.pupils[year], nothing_done.pupils[year]
        moved = (one.score != other.score).any(axis=1)
        inside = np.isin(one.school, chosen) & (year >= 2018)
        np.testing.assert_array_equal(moved, inside)
        step = (one.progress - other.progress)[inside & one.disadvantaged]
        dose = england.strength("closing-the-gap")[one.school[inside & one.disadvantaged]]
        np.testing.assert_allclose(step, np.outer(0.2 * dose, SCORE_SD), atol=1e-4)


def test_the_truth_is_what_endless_cohorts_would_show(england: England):
    for name, published in (
        ("rwm_expected", "PTRWM_EXP"),
        ("rwm_higher", "PTRWM_HIGH"),
        ("reading_progress", "READPROG"),
        ("rwm_expected.disadvantaged", "PTRWM_EXP_FSM6CLA1A"),
    ):
        truth = values_without_chance(england, 2018)[name].iloc[:MAINSTREAM]
        seen = column(england, 2018, published)
        weight = np.sqrt(column(england, 2018, "TELIG"))[seen.notna()]
        b, a = np.polyfit(truth[seen.notna()], seen.dropna(), 1, w=weight)
        assert b == pytest.approx(1, abs=0.05)
        assert truth[seen.notna()].mean() == pytest.approx(seen.mean(), abs=0.8)


def test_one_programme_gains_and_the_other_gains_nothing(england: England, nothing_done: England):
    truth = planted_effects(england).set_index(["programme", "outcome", "year"]).sort_index()
    assert 4.5 < truth.loc[("closing-the-gap", "rwm_expected", 2018), "planted"] < 6.5
    assert 0.8 < truth.loc[("closing-the-gap", "reading_progress", 2018), "planted"] < 1.2
    gains = truth.loc["closing-the-gap", "planted"].xs(2018, level="year")
    assert gains["rwm_expected.disadvantaged"] > gains["rwm_expected.other"]
    assert (truth.loc["send-in-mainstream", "planted"] == 0).all()
    assert (truth.loc["send-in-mainstream", "with_overlap"] > 0).all()
    assert (planted_effects(nothing_done)[["planted", "with_overlap"]] == 0).all().all()


def test_nothing_but_tests_and_benchmarks_reads_the_truth():
    for path in sorted((PROJECT / "pepstats").glob("*.py")):
        if not path.name.startswith("invented"):
            text = path.read_text("utf-8")
            assert "truth.csv" not in text, path.name
            assert "invented_truth" not in text, path.name


def test_reasons_are_the_readers_own(small: England):
    known = {
        *measures.REASONS.values(),
        measures.BLANK,
        measures.CUT_OFF,
        measures.NO_ROW,
        measures.NOT_IN_LAYOUT,
    }
    panel, _ = panel_of_england(small)
    used = set(pd.unique(panel.reasons.to_numpy().ravel())) - {np.nan}
    assert {word for word in used if isinstance(word, str)} <= known | {measures.COMPLEMENT}


def test_nothing_of_a_data_folder_is_written_over(tmp_path: Path) -> None:
    (own := tmp_path / "reports" / "autumn-2018.yml").parent.mkdir()
    own.write_text("title: a council's own\n", "utf-8")
    files = {"reports/autumn-2018.yml": b"invented", "invented/README.md": b"invented"}
    with pytest.raises(DesignError, match="there already, with other content, and not written"):
        study.write_all(files, tmp_path)
    assert own.read_text("utf-8") == "title: a council's own\n"
    assert not (tmp_path / "invented").exists()
    own.write_bytes(b"invented")
    assert len(study.write_all(files, tmp_path)) == 2  # the same once more
