"""Every criterion: coloured where it is supplied, not available where it is not."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pepstats
from pepstats import measures
from pepstats.errors import SourceError
from pepstats.priority import indicators, ratings
from pepstats.priority.dashboard import DERIVED
from pepstats.schools import national
from pepstats.settings.report import SourceLine, load_report
from pepstats.study import load_study
from tests.made_up_panels import PRIMARY, panel_of, register_of
from tests.priority.test_priority import DASHBOARD, level, rate

DATA = Path(__file__).resolve().parents[2] / "data"
YEARS = (2015, 2016, 2017, 2018)
OFSTED = pd.DataFrame(
    {"outcome": 3, "previous": 3, "inspected": pd.Timestamp("2012-01-01")},
    index=pd.Index(range(1, 41), name="school"),
)
COHORTS = ("cohort", "cohort_ks4", "cohort_progress8", "cohort_early", "cohort_phonics",
           "cohort_ks1", "cohort_exclusions", "roll")  # fmt: skip
SECONDARY = {"progress8": 0.0, "attainment8": 46.0}


def worst_of(indicator):
    """Give figures of one school, far on the worse side, and of the others, far on the better."""
    worse, better = (5.0, 60.0) if indicator.worse == "low" else (60.0, 5.0)
    if indicator.of == "progress8" or indicator.of.endswith("_progress"):
        worse, better = -12.0, 3.0
    return worse, better


def panel_with(indicator):
    """Lay out forty schools of ten authorities that have one measure, and no other."""
    whole = PRIMARY if indicator.phases[0] == "primary" else SECONDARY
    asked = [indicator.of, indicator.compare if indicator.compare in measures.MEASURES else None]
    worse, better = worst_of(indicator)
    rows = {}
    for school in range(1, 41):
        for year in YEARS:
            bad = school == 1 and (indicator.shown == "value" or year == 2018)
            row = {indicator.of: worse if bad else better}
            if indicator.of in DERIVED:
                row = dict(whole) if school > 1 else {**dict.fromkeys(whole, -12.0)}
            elif asked[1]:
                row = {indicator.of: row[indicator.of] + school / 10, asked[1]: better}
            groups = {name.partition(".")[2] for name in asked if name} - {""}
            rows[school, year] = row | dict.fromkeys(COHORTS, 90.0)
            rows[school, year] |= {f"{c}.{g}": 90.0 for c in COHORTS[:2] for g in groups}
    phase = indicator.phases[0]
    register = register_of(list(range(1, 41)), la=[501 + s % 10 for s in range(40)], phase=phase,
                           school_type=phase)  # fmt: skip
    return panel_of(rows), register


@pytest.mark.parametrize("indicator", DASHBOARD.indicators, ids=lambda i: i.id)
def test_a_criterion_that_is_supplied_is_red_where_a_school_is_far_worse(indicator):
    panel, register = panel_with(indicator)
    lines = rate(panel, register, ofsted=OFSTED, draws=2).contributions
    line = lines.loc[(1, indicator.id)]
    assert line["rag"] == ("amber" if indicator.id == "ofsted_grade" else "red")
    assert line["year"] == 2018 - indicator.behind
    if indicator.of not in DERIVED:
        assert line["signal"] == "challenge"
        assert lines["rag"].eq("green").any()


@pytest.mark.parametrize("indicator", DASHBOARD.indicators, ids=lambda i: i.id)
def test_a_criterion_that_is_not_supplied_is_not_available_and_lowers_coverage(indicator):
    only = next(i for i in DASHBOARD.indicators
                if i.id not in (indicator.id, "floor", "coasting")
                and i.phases == indicator.phases and i.of != indicator.of
                and i.of not in DERIVED)  # fmt: skip
    panel, register = panel_with(only)
    if indicator.of in panel.values:
        panel = type(panel)(*(t.drop(columns=indicator.of, errors="ignore")
                              for t in (panel.values, panel.reasons, panel.releases)))  # fmt: skip
    found = rate(panel, register, draws=2)
    line = found.contributions.loc[(2, indicator.id)]
    assert line["rag"] == ""
    assert np.isnan(line["points"])
    assert line["reason"]
    assert indicator.id in {*found.no_source, *found.left_out}
    assert found.ratings.loc[2, "coverage"] < 1


def test_the_dashboard_has_every_criterion_it_was_asked_for():
    asked = {i.of for i in DASHBOARD.indicators} | {
        f"{i.of} trend" for i in DASHBOARD.indicators if i.shown == "trend"
    }
    assert asked >= {
        "ofsted_grade", "ofsted_age", "floor", "coasting", "rwm_expected", "rwm_higher",
        "reading_progress", "writing_progress", "maths_progress", "progress8", "attainment8",
        "rwm_expected.disadvantaged", "rwm_expected.sen_support", "good_development", "phonics",
        "ks1_reading", "ks1_writing", "ks1_maths", "absence", "persistent_absence",
        "exclusions_fixed", "exclusions_permanent", "rwm_expected trend",
    }  # fmt: skip
    gap = next(i for i in DASHBOARD.indicators if i.of == "rwm_expected.disadvantaged")
    assert gap.compare == "rwm_expected.other"


def test_exclusions_are_of_the_year_before_and_held_against_their_own_phase():
    rows = {(s, y): {**PRIMARY, "exclusions_fixed": 3.0, "cohort_exclusions": 400.0}
            for s in (1, 2) for y in (2017, 2018)}  # fmt: skip
    register = register_of([1, 2], phase=["primary", "secondary"])
    told = pd.concat([level("exclusions_fixed", 1.4, 2017, "primary"),
                      level("exclusions_fixed", 9.4, 2017, "secondary")])  # fmt: skip
    lines = rate(panel_of(rows), register, england=told, draws=2).contributions
    lines = lines.xs("exclusions_fixed", level="indicator")
    assert lines["value"].to_numpy() == pytest.approx([1.6, -6.4])
    assert lines["year"].tolist() == [2017, 2017]
    assert lines["rag"].tolist() == ["green", "green"]  # three in a hundred of 400 may be chance


def test_infant_results_are_not_asked_of_junior_schools():
    rows = {(s, 2018): {**PRIMARY, "phonics": 40.0, "cohort_phonics": 30.0} for s in (1, 2)}
    register = register_of([1, 2], school_type=["primary", "junior"])
    lines = rate(panel_of(rows), register, england=level("phonics", 82.0), draws=2).contributions
    assert lines.loc[(1, "phonics"), "rag"] == "red"
    assert lines.loc[(2, "phonics"), "reason"] == "does not apply here"


def test_a_figure_without_a_number_of_pupils_is_taken_to_be_of_few():
    rows = {(1, 2018): {**PRIMARY, "rwm_expected.sen_support": 20.0}}
    told = level("rwm_expected.sen_support", 24.0)
    found = rate(panel_of(rows), register_of([1]), england=told, draws=20)
    line = found.contributions.loc[(1, "sen_support")]
    assert line["rag"] == "amber"
    assert line["high"] - line["low"] > 40
    assert found.ratings[["p1", "p2", "p3"]].sum(axis=1).loc[1] == pytest.approx(1.0)


LOCAL = {
    "good_development,,64": 2018, "phonics,,70": 2018, "ks1_reading,,60": 2018,
    "ks1_writing,,60": 2018, "ks1_maths,,60": 2018, "rwm_expected,sen_support,5": 2018,
    "exclusions_fixed,,30": 2017, "exclusions_permanent,,3": 2017,
}  # fmt: skip
HEADLINES = "year,measure,phase,value\n" + "".join(
    f"2018,{name},,{value}\n"
    for name, value in (("ks1_reading", 75), ("ks1_writing", 70), ("ks1_maths", 76))
) + "2017,exclusions_permanent,primary,0.03\n2017,exclusions_permanent,secondary,0.2\n"  # fmt: skip
SERIES = "Short Desc,Data item,Years,LA and Regions,Values,LA Number,Region\n" + "".join(
    f"{code},x,{year},{area},{value},{la},NA\n"
    for code, year, value in (
        ("FSP_NEW_GOODDEV", 2018, 71.5), ("KS1P_all", 2018, 82), ("PriFixedEx", "2016/17", 1.4),
        ("SecFixedEx", "2016/17", 9.4), ("NEW_KS2_RWM_Sen_W/Osta", 2018, 24),
    )
    for area, la, value in (("England", 970, value), ("Somewhere", 551, 1))
)  # fmt: skip


@cache
def with_local_results(folder):
    """Rate the invented city with what it holds itself and England's figures beside it."""
    report = load_report("autumn-2018-revised", DATA)
    base = pepstats.load(report, data=DATA)
    own = base.register[(base.register["la"] == report.authority)]
    own = own[own["phase"] == "primary"]
    lines = ["urn,year,measure,group,value,cohort,release"]
    for urn in own["urn"]:
        for what, year in LOCAL.items():
            measure, group, value = what.split(",")
            lines.append(f"{urn},{year},{measure},{group},{value},40,final")
    for name, text in (("own", "\n".join(lines)), ("headlines", HEADLINES), ("series", SERIES)):
        (folder / f"{name}.csv").write_text(text, "utf-8")
    mine = ("la_series", "statements", "local_results", "national")
    kept = [line for line in report.sources if line.kind not in mine]
    more = [SourceLine(kind=kind, file=str(folder / f"{name}.csv"))
            for kind, name in (("local_results", "own"), ("national", "headlines"),
                               ("la_series", "series"))]  # fmt: skip
    study = load_study(report.model_copy(update={"sources": (*kept, *more)}), DATA)
    rng = np.random.default_rng(1)
    levels = study.national
    inputs = indicators.RatingInputs(study.panel, study.register, england=levels)
    return ratings.rate_schools(inputs, DASHBOARD, 2018, schools=own.index, rng=rng, draws=20)


def test_what_an_authority_holds_itself_is_rated_against_the_series_and_the_headlines(tmp_path):
    found = with_local_results(tmp_path)
    rag = found.contributions["rag"].unstack("indicator")
    junior = found.contributions["reason"].unstack("indicator")["phonics"] == "does not apply here"
    for name in ("early_years", "phonics", "ks1_reading", "ks1_writing", "ks1_maths"):
        assert rag.loc[~junior, name].eq("red").all(), name
    assert rag["exclusions_fixed"].eq("red").all()
    assert rag["sen_support"].eq("red").all()
    assert rag["exclusions_permanent"].isin(["red", "green"]).all()
    line = found.contributions.xs("exclusions_fixed", level="indicator").iloc[0]
    assert (line["comparison"], line["year"], line["release"]) == (1.4, 2017, "final")


def test_an_own_result_of_a_school_that_nobody_knows_is_refused_by_file_and_row(tmp_path):
    (tmp_path / "own.csv").write_text(
        "urn,year,measure,group,value,cohort\n906232,2018,phonics,,70,30\n"
        "999999,2018,phonics,,70,30\n", "utf-8"
    )  # fmt: skip
    report = load_report("autumn-2018-revised", DATA)
    kept = [s for s in report.sources if s.kind in ("ks2", "register") and s.year == 2018]
    own = SourceLine(kind="local_results", file=str(tmp_path / "own.csv"), release="final")
    update = {"sources": (*kept, own), "programmes": ("closing-the-gap",)}
    with pytest.raises(SourceError, match=r"own\.csv, row 3, column urn: .* URN 999999"):
        load_study(report.model_copy(update=update), DATA)


def test_englands_level_is_a_headlines_before_a_files_before_the_series():
    series = pd.DataFrame({"code": ["KS1P_all"] * 2, "area": ["England", "Here"], "year": 2018,
                           "value": [82.0, 70.0]})  # fmt: skip
    told = national.gather_levels([], series, None)
    assert told.to_dict("records") == [
        {"measure": "phonics", "year": 2018, "phase": "", "value": 82.0}
    ]
    both = national.gather_levels([], series, level("phonics", 83.0))
    assert both["value"].tolist() == [83.0]
    assert national.gather_levels([], None, None).empty


def test_a_reason_says_whether_it_is_the_school_or_england_that_is_missing():
    rows = {(s, 2018): {**PRIMARY, "phonics": 40.0} for s in (1,)}
    lines = rate(panel_of(rows), register_of([1]), draws=2).contributions
    assert lines.loc[(1, "phonics"), "reason"] == indicators.NO_ENGLAND
    assert lines.loc[(1, "ks1_maths"), "reason"] == indicators.NO_SOURCE
