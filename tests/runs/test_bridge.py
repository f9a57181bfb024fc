"""From provisional to revised: what moved, what did not, and whether a verdict did."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pepstats.errors import DesignError
from pepstats.impact import effects
from pepstats.runs import manifest
from pepstats.runs.files import sha256_of
from pepstats.runs.revision import (
    EFFECT_COLUMNS,
    EFFECTS_FILE,
    PANEL,
    RESULT_COLUMNS,
    bridge_effects,
    bridge_programme,
    bridge_report,
    bridge_results,
)
from pepstats.runs.steps import Step
from pepstats.schools import identity
from pepstats.schools.panel import Panel, build_panel
from pepstats.settings import SourceLine
from pepstats.settings.programme import load_programme
from pepstats.settings.report import load_report
from pepstats.sources import files
from pepstats.sources.results import clean_results
from tests.whole_runs import REPORT, copy_of
from tests.whole_runs import replace as put
from tests.worlds import SHARED, YEAR, Small, evaluate_small, small_england

KS4 = SHARED / "real" / "england" / "2018-2019_england_ks4provisional.csv"
needs_real = pytest.mark.skipif(not KS4.is_file(), reason="the real files are not on this machine")


def one(outcome: str, estimate: float, verdict: str, **other: object) -> dict[str, object]:
    row = {
        "programme": "closing-the-gap", "outcome": outcome, "unit": "percentage points",
        "estimate": estimate, "low": estimate - 3, "high": estimate + 3, "p_placebo": 0.04,
        "n_schools": 18, "release": "provisional", "mode": effects.FORECAST, "verdict": verdict,
    }  # fmt: skip
    return {**row, **other}


BEFORE = pd.DataFrame([
    one("rwm_expected", 4.0, "gained"),
    one("reading_expected", 1.0, "too uncertain to say"),
    one("maths_expected", 2.0, "probably gained"),
])  # fmt: skip
AFTER = pd.DataFrame([
    one("rwm_expected", 2.5, "too uncertain to say", n_schools=17, release="revised",
        mode=effects.MATCHED),
    one("reading_expected", 1.0, "too uncertain to say"),
    one("writing_expected", 0.5, "too uncertain to say"),
])  # fmt: skip


def test_each_effect_has_before_after_change_schools_and_verdict() -> None:
    table = bridge_effects(BEFORE, AFTER).set_index("outcome")
    assert list(bridge_effects(BEFORE, AFTER).columns) == EFFECT_COLUMNS
    row = table.loc["rwm_expected"]
    assert (row["estimate_before"], row["estimate_after"], row["change"]) == (4.0, 2.5, -1.5)
    assert (row["n_schools_before"], row["n_schools_after"]) == (18, 17)
    assert row["moved"] and row["verdict_changed"]
    assert not table.loc["reading_expected", "moved"]


def test_an_effect_that_only_one_release_has_is_no_estimate_in_the_other() -> None:
    table = bridge_effects(BEFORE, AFTER).set_index("outcome")
    assert set(table.index) == {
        "rwm_expected", "reading_expected", "maths_expected", "writing_expected",
    }  # fmt: skip
    assert table.loc["maths_expected", "verdict_after"] == "no estimate"
    assert table.loc["writing_expected", "verdict_before"] == "no estimate"
    assert np.isnan(table.loc["maths_expected", "change"]) and table.loc["maths_expected", "moved"]


def test_the_sentence_says_what_it_was_what_it_is_and_how_it_was_found() -> None:
    said = bridge_effects(BEFORE, AFTER).set_index("outcome")["said"]
    first = said["rwm_expected"]
    assert "+4.0 percentage points (18 schools, provisional results) became +2.5" in first
    assert "a forecast from earlier results; this one is compared with similar" in first
    assert first.endswith("The verdict changed from “gained” to “too uncertain to say”.")
    assert said["reading_expected"].endswith("as it was, +1.0 percentage points (18 schools, "
                                             "provisional results).")  # fmt: skip
    assert "became no estimate" in said["maths_expected"]


def test_whether_a_number_moved_that_is_not_printed_is_not_told() -> None:
    """A release would tell of results that are not published by whether a hidden digit moved."""
    near = BEFORE.assign(estimate=BEFORE["estimate"] + 1e-3, p_placebo=BEFORE["p_placebo"] + 1e-4)
    table = bridge_effects(BEFORE, near)
    assert not table["moved"].any() and (table["change"] == 0).all()
    assert table["said"].str.contains(": as it was, ").all()


def test_a_change_is_that_of_the_numbers_printed() -> None:
    before, after = BEFORE.assign(estimate=1.96), BEFORE.assign(estimate=2.04)
    row = bridge_effects(before, after).iloc[0]
    assert (row["estimate_before"], row["estimate_after"], row["change"]) == (2.0, 2.0, 0.0)


def effects_on(panel: Panel, small: Small) -> pd.DataFrame:
    slug = "closing-the-gap"
    programme = small.programmes[slug].model_copy(update={"outcomes": ("rwm_expected",)})
    return evaluate_small(small, slug, panel, programme=programme).effects


def test_a_verdict_that_flips_between_releases_is_seen() -> None:
    """Provisional results of the programme's schools understate them, as they do each autumn."""
    small = small_england(schools=1700, effect=2.0)
    revised = small.panel
    values = revised.values.copy()
    inside = values.index.get_level_values("school").isin(small.members["closing-the-gap"])
    this_year = values.index.get_level_values("year") == YEAR
    values.loc[inside & this_year, "rwm_expected"] -= 9.0
    releases = revised.releases.copy()
    releases.loc[YEAR, "rwm_expected"] = "provisional"
    provisional = replace(revised, values=values, releases=releases)
    table = bridge_effects(effects_on(provisional, small), effects_on(revised, small)).iloc[0]
    assert table["verdict_changed"] and table["verdict_after"] == "gained"
    assert table["change"] == pytest.approx(9.0, abs=0.1)  # printed at one decimal
    assert (table["release_before"], table["release_after"]) == ("provisional", "final")
    results = bridge_results(provisional, revised, year=YEAR).set_index("measure")
    moved = results.loc["rwm_expected"]
    known = revised.values["rwm_expected"][inside & this_year].notna().sum()
    assert moved["schools_moved"] == known and moved["largest_change"] == pytest.approx(9.0)
    assert results.drop("rwm_expected")["schools_moved"].sum() == 0


def test_means_are_over_the_schools_that_both_releases_have() -> None:
    small = small_england()
    values = small.panel.values.copy()
    schools_of_year = values.index[values.index.get_level_values("year") == YEAR]
    values.loc[schools_of_year[::2], "rwm_expected"] = np.nan
    table = bridge_results(replace(small.panel, values=values), small.panel, year=YEAR)
    row = table.set_index("measure").loc["rwm_expected"]
    assert list(table.columns) == RESULT_COLUMNS
    assert row["in_both"] == row["schools_before"] < row["schools_after"]
    assert row["change"] == 0 and row["schools_moved"] == 0


@pytest.fixture
def study(data: Path, tmp_path: Path) -> Path:
    """A study with a report that revises another, and none of its published files."""
    study = copy_of(data, tmp_path / "study")
    file = "invented/ks2/2017-2018_england_ks2final.csv"
    (study / "reports" / "later.yml").write_text(
        f"revises: {REPORT}\n"
        f"sources: [{{kind: ks2, year: 2018, release: final, file: {file}}}]\n", "utf-8",
    )  # fmt: skip
    shutil.rmtree(study / "invented")
    return study


@pytest.fixture
def later(study: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Step:
    """A step of that report, in an output folder that holds the run of the earlier one."""
    monkeypatch.setenv("PEPSTATS_OUT", str(tmp_path))
    copy_of(finished, tmp_path / "working" / REPORT)
    programme = load_programme("closing-the-gap", study)
    return Step("04-estimate-effect", load_report("later", study), programme, study, tmp_path)


def test_a_report_that_revises_another_takes_its_lines(study: Path) -> None:
    report, earlier = load_report("later", study), load_report(REPORT, study)
    assert report.title == earlier.title and report.programmes == earlier.programmes
    assert [x.release for x in report.sources if x.kind == "ks2" and x.year == 2018] == ["final"]


def test_what_was_concluded_before_is_what_the_earlier_run_wrote(
    later: Step, finished: Path
) -> None:
    """Without any published file: nothing is worked out anew."""
    after = BEFORE.assign(release="final")
    table = bridge_programme(later, after).set_index("outcome")
    wrote = pd.read_csv(finished / EFFECTS_FILE)
    wrote = wrote[wrote["programme"] == "closing-the-gap"].set_index("outcome")["estimate"].dropna()
    then = table["estimate_before"].dropna()
    assert len(then) == len(wrote)
    np.testing.assert_allclose(then, wrote.reindex(then.index), rtol=1e-15)
    assert table["moved"].any()


def test_results_before_are_those_of_the_earlier_run(later: Step, finished: Path) -> None:
    panel = replace(later, name="05-check-robustness", run=finished).read_panel()
    table = bridge_report(later, panel).set_index("measure")
    assert table.loc["rwm_expected", "in_both"] > 0
    assert (table["change"].dropna() == 0).all() and (table["schools_moved"] == 0).all()


def test_a_report_that_revises_none_has_no_bridge(later: Step) -> None:
    own = replace(later, report=load_report(REPORT, later.data))
    table = bridge_programme(own, BEFORE)
    assert list(table.columns) == EFFECT_COLUMNS and table.empty


def spoil_table(run: Path) -> None:
    put(run / EFFECTS_FILE, b"programme\n")


def spoil_manifest(run: Path) -> None:
    text = (run / manifest.MANIFEST).read_text("utf-8")
    put(
        run / manifest.MANIFEST,
        text.replace('"report": "autumn', '"report": "spring').encode("utf-8"),
    )


@pytest.mark.parametrize(
    "spoil",
    [shutil.rmtree, lambda run: (run / manifest.MANIFEST).unlink(), spoil_table, spoil_manifest],
    ids=["never run", "not finished", "changed since", "edited"],
)
def test_without_a_whole_run_of_the_earlier_report_there_is_no_bridge_and_nothing_stops(
    spoil: Callable[[Path], None], later: Step, tmp_path: Path
) -> None:
    spoil(tmp_path / "working" / REPORT)
    effects, results = bridge_programme(later, BEFORE), bridge_report(later, small_england().panel)
    assert list(effects.columns) == EFFECT_COLUMNS and effects.empty
    assert list(results.columns) == RESULT_COLUMNS and results.empty


def test_a_release_stands_in_for_the_run_with_what_was_not_withheld(
    later: Step, tmp_path: Path
) -> None:
    """The effects leave with a public paper; the results of single schools do not."""
    released = tmp_path / "released" / REPORT
    released.parent.mkdir()
    (tmp_path / "working" / REPORT).rename(released)
    content = manifest.read_manifest(released).as_dict()
    content["release"] = {"on": "2018-10-02", "edition": "public", "why": "", "files": {},
                          "carried": {}, "leaving": [EFFECTS_FILE]}  # fmt: skip
    content["outputs"] = {EFFECTS_FILE: content["outputs"][EFFECTS_FILE]}
    put(released / manifest.MANIFEST, manifest.manifest_as_text(content))
    (released / PANEL).unlink()
    assert len(bridge_programme(later, BEFORE)) >= len(BEFORE)
    assert bridge_report(later, small_england().panel).empty


def test_an_outcome_that_the_earlier_run_could_not_give_is_said_with_its_reason(
    later: Step, tmp_path: Path
) -> None:
    run, name = tmp_path / "working" / REPORT, EFFECTS_FILE
    why = "England's level of 2018 is in no source"
    then = pd.read_csv(run / name)
    more = {"programme": "closing-the-gap", "outcome": "writing_expected", "reason": why}
    then = pd.concat([then, pd.DataFrame([more])], ignore_index=True)
    put(run / name, then.to_csv(index=False).encode())
    content = manifest.read_manifest(run).as_dict()
    content["outputs"][name]["sha256"] = sha256_of(run / name)
    put(run / manifest.MANIFEST, manifest.manifest_as_text(content))
    row = bridge_programme(later, AFTER).set_index("outcome").loc["writing_expected"]
    assert row["verdict_before"] == "no estimate" and f"none before: {why}." in row["said"]


def test_reports_that_revise_each_other_are_refused(data: Path, tmp_path: Path) -> None:
    study = copy_of(data, tmp_path / "study")
    for name, earlier in (("one", "two"), ("two", "one")):
        (study / "reports" / f"{name}.yml").write_text(f"revises: {earlier}\n", "utf-8")
    with pytest.raises(DesignError, match="cannot come before itself"):
        load_report("one", study)


def panel_of(content: bytes, release: str, place: Path) -> Panel:
    place.mkdir()
    path = place / "ks4.csv"
    put(path, content)
    line = SourceLine(kind="ks4", file=path.name, year=2019, release=release)
    source = files.find_source(line, place)
    results = [clean_results(files.read_text(source), source)]
    followed = identity.follow_schools(results)
    return build_panel(results, followed, [2019])


@needs_real
def test_on_real_provisional_results_just_the_changes_made_to_them_come_back(
    tmp_path: Path,
) -> None:
    """A final-like file: the real provisional one, with some Attainment 8 scores marked up."""
    content = KS4.read_bytes()
    before = panel_of(content, "provisional", tmp_path / "before")
    header, *lines = content.decode("latin-1").splitlines(keepends=True)
    place = header.strip().split(",").index("ATT8SCR")
    rng, marked = np.random.default_rng(2019), 0
    for number in rng.choice(len(lines), 900, replace=False):
        cells = lines[number].split(",")
        is_school = cells[0] == "1" and '"' not in lines[number]
        if is_school and cells[place].replace(".", "").isdigit():
            cells[place] = f"{float(cells[place]) + 0.3:.1f}"
            lines[number], marked = ",".join(cells), marked + 1
    after = panel_of("".join([header, *lines]).encode("latin-1"), "final", tmp_path / "after")
    table = bridge_results(before, after, year=2019).set_index("measure")
    row = table.loc["attainment8"]
    assert marked > 300 and row["schools_moved"] == marked
    assert row["change"] == pytest.approx(0.3 * marked / row["in_both"], rel=1e-9)
    assert row["largest_change"] == pytest.approx(0.3)
    assert (row["release_before"], row["release_after"]) == ("provisional", "final")
    assert table.drop("attainment8")["schools_moved"].sum() == 0
