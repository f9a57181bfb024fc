"""A plan is written before outcomes are read, kept as it was, and held against what was done."""

import json
from pathlib import Path

import pytest
import yaml

from pepstats import study as study_module
from pepstats.cli import main
from pepstats.errors import RunError
from pepstats.impact.evaluate import Design, design_comparison
from pepstats.report import BLIND
from pepstats.report.board_tables import say_plan
from pepstats.runs import plan
from pepstats.runs.plan import find_plan, hold_to_plan, read_plan, write_plan
from pepstats.runs.steps import Step
from pepstats.settings.programme import load_programme
from pepstats.settings.report import load_report
from pepstats.sources import files
from pepstats.study import load_study
from tests.whole_runs import REPORT, copy_of, replace

SLUG = "closing-the-gap"


@pytest.fixture
def study(data: Path, tmp_path: Path) -> Path:
    return copy_of(data, tmp_path / "study")


def change(path: Path, **changes: object) -> None:
    content = {**yaml.safe_load(path.read_text("utf-8")), **changes}
    replace(path, yaml.safe_dump(content).encode("utf-8"))


def designed(data: Path) -> tuple[Step, Design]:
    """What notebook 03 has: the step, and the design made with every file at hand."""
    study = load_study(REPORT, data)
    programme = load_programme(SLUG, data)
    members = study.members[SLUG].index
    design = design_comparison(programme, study.panel, study.register, members, study.barred)
    return Step("03-match-schools", study.report, programme, data, data), design


def test_no_file_of_the_outcome_year_is_opened(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[str, int | None]] = []
    read = study_module.parse_source

    def watched(source: files.Source) -> object:
        opened.append((source.kind, source.year))
        return read(source)

    monkeypatch.setattr(study_module, "parse_source", watched)
    _, made = write_plan(REPORT, study)
    results = [year for kind, year in opened if kind not in plan.DESCRIBED]
    assert results and max(year for year in results if year) == 2017
    assert not any("2017-2018_england_ks2" in file for file in made.read)


def test_it_can_be_written_when_the_results_are_not_there_yet(study: Path) -> None:
    report = study / "reports" / f"{REPORT}.yml"
    lines = yaml.safe_load(report.read_text("utf-8"))["sources"]
    change(report, sources=[x for x in lines if x.get("year") != 2018 or x["kind"] == "register"])
    (study / "invented" / "ks2" / "2017-2018_england_ks2final.csv").unlink()
    _, made = write_plan(REPORT, study)
    assert not made.results_were_listed
    assert made.programmes[SLUG].settings["outcomes"][0] == "rwm_expected.disadvantaged"
    assert len(made.programmes[SLUG].pairs) == len(made.programmes[SLUG].members)


def test_a_run_that_follows_it_says_so(data: Path, study: Path) -> None:
    write_plan(REPORT, study)
    step, design = designed(study)
    held = hold_to_plan(step, design).set_index("item")
    for item in ("method", "match", "pool", "seed", "programme's schools", "schools in the pool",
                 "pairs", "outcomes"):  # fmt: skip
        assert held.loc[item, "followed"] == "yes", held.loc[item].tolist()
    assert held.loc[BLIND, "followed"] == "no"  # they were listed all along


def test_a_run_that_departs_from_it_says_in_what(study: Path) -> None:
    write_plan(REPORT, study)
    path = study / "programmes" / f"{SLUG}.yml"
    content = yaml.safe_load(path.read_text("utf-8"))
    change(path, match={**content["match"], "k": 5}, members=content["members"][1:])
    report = study / "reports" / f"{REPORT}.yml"
    lines = yaml.safe_load(report.read_text("utf-8"))["sources"]
    change(report, sources=[x for x in lines if x["kind"] != "statements"])
    held = hold_to_plan(*designed(study)).set_index("item")
    assert held.loc["match", "followed"] == "no" and '"k": 5' in held.loc["match", "done"]
    assert held.loc["programme's schools", "planned"] == "18 schools, 1 not used"
    assert "not used" in held.loc["pairs", "planned"]
    said = say_plan(held.reset_index())
    assert said.startswith("The evaluation departs from the plan written on ") and "match" in said
    assert "outcomes" not in said.partition(" in: ")[2]


def test_without_a_plan_that_is_said(data: Path) -> None:
    held = hold_to_plan(*designed(data))
    assert held["followed"].tolist() == ["no"]
    assert say_plan(held) == "For this report no plan was written before results were read."


def test_a_plan_is_kept_as_it_was(study: Path) -> None:
    path, first = write_plan(REPORT, study)
    before = path.read_bytes()
    assert write_plan(REPORT, study) == (path, first) and path.read_bytes() == before
    change(study / "programmes" / f"{SLUG}.yml", seed=1)
    with pytest.raises(RunError, match="the design of closing-the-gap is another now"):
        write_plan(REPORT, study)
    assert path.read_bytes() == before


def test_an_edited_plan_is_refused(study: Path) -> None:
    path, _ = write_plan(REPORT, study)
    content = json.loads(path.read_text("utf-8"))
    content["programmes"][SLUG]["settings"]["seed"] = 1
    replace(path, json.dumps(content).encode("utf-8"))
    with pytest.raises(RunError, match="changed after it was written"):
        read_plan(path)
    replace(path, b'{"schema_version": 1}')
    with pytest.raises(RunError, match="is not a plan"):
        read_plan(path)


def test_a_later_report_is_held_to_the_plan_of_the_one_it_revises(study: Path) -> None:
    _, made = write_plan(REPORT, study)
    (study / "reports" / "later.yml").write_text(f"revises: {REPORT}\n", "utf-8")
    assert find_plan(load_report("later", study), study) == made


def test_the_command_prints_the_hash_and_the_place(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", REPORT, "--data", str(study)]) == 0
    said = capsys.readouterr().out
    assert read_plan(study / "plans" / f"{REPORT}.json").seal in said
    assert said.strip().endswith(f"{REPORT}.json") and "18 schools" in said
    assert main(["plan", "autum", "--data", str(study)]) == 2
