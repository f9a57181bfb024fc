"""Steps: read what came before, write whole files in their own folder, and nothing else."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import papermill
import pytest
import yaml

from pepstats.errors import RunError
from pepstats.plots.pictures import Picture
from pepstats.plots.style import new_axes
from pepstats.runs.files import lab_beside, write_whole
from pepstats.runs.manifest import check_written, read_manifest
from pepstats.runs.steps import open_step
from pepstats.schools.panel import Panel
from tests.whole_runs import REPORT, copy_of, hashes, replace
from tests.worlds import ROOT


@pytest.fixture
def making(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PEPSTATS_DATA", str(ROOT / "data"))
    monkeypatch.setenv("PEPSTATS_RUN", str(tmp_path / "run"))
    return tmp_path / "run"


def small_panel() -> Panel:
    index = pd.MultiIndex.from_product([[900001, 900002], [2017, 2018]], names=["school", "year"])
    values = pd.DataFrame({"rwm_expected": [50.0, np.nan, 1 / 3, 0.1]}, index=index)
    reasons = pd.DataFrame({"rwm_expected": [np.nan, "suppressed: few pupils", np.nan, np.nan]},
                           index=index, dtype="str")  # fmt: skip
    releases = pd.DataFrame({"rwm_expected": ["final", "provisional"]},
                            index=pd.Index([2017, 2018], name="year"), dtype="str")  # fmt: skip
    return Panel(values, reasons, releases)


def test_a_panel_is_read_back_as_it_was_written(making: Path) -> None:
    open_step("01-clean-sources", "autumn-2018").save({"panel": small_panel()})
    read = open_step("03-match-schools", "autumn-2018", "closing-the-gap").read_panel()
    pd.testing.assert_frame_equal(read.values, small_panel().values)
    pd.testing.assert_frame_equal(read.reasons, small_panel().reasons)
    pd.testing.assert_frame_equal(read.releases, small_panel().releases)


def test_a_panel_read_before_the_start_has_no_later_year(making: Path) -> None:
    open_step("01-clean-sources", "autumn-2018").save({"panel": small_panel()})
    read = open_step("03-match-schools", "autumn-2018", "closing-the-gap").read_panel(before=2018)
    assert set(read.values.index.get_level_values("year")) == {2017}
    assert list(read.releases.index) == [2017]


def test_the_word_na_is_a_word_and_an_empty_cell_is_missing(making: Path) -> None:
    table = pd.DataFrame({"reason": ["NA", None, "nan"]})
    open_step("01-clean-sources", "autumn-2018").save({"members": table})
    read = open_step("02-priority-ratings", "autumn-2018").read_table("01-clean-sources", "members")
    assert read["reason"].tolist()[0] == "NA" and read["reason"].isna().tolist() == [
        False,
        True,
        False,
    ]


def test_a_step_reads_only_from_earlier_ones(making: Path) -> None:
    step = open_step("02-priority-ratings", "autumn-2018")
    for later in ("02-priority-ratings", "07-board-report"):
        with pytest.raises(RunError, match="only from earlier steps"):
            step.read_table(later, "x")
    with pytest.raises(RunError, match="Did you mean `01-clean-sources`"):
        step.read_table("01-clean-source", "x")
    with pytest.raises(RunError, match="Run 01-clean-sources first"):
        step.read_table("01-clean-sources", "panel")


@pytest.mark.parametrize("name", ["../x.txt", "a/b.txt", "..", "", ".hidden", ".h.txt", "a\\b.c"])
def test_no_name_leaves_the_steps_folder(making: Path, name: str) -> None:
    with pytest.raises(RunError):
        open_step("01-clean-sources", "autumn-2018").save({name: "x"})


def test_a_programme_the_report_does_not_have_is_named(making: Path) -> None:
    with pytest.raises(RunError, match="Did you mean `closing-the-gap`"):
        open_step("03-match-schools", "autumn-2018", "closing-the-gab")


@pytest.mark.parametrize(
    ("alt", "caption", "missing"), [(" ", "A caption", "alt text"), ("Words", "", "caption")]
)
def test_a_figure_without_its_words_is_refused_and_nothing_is_written(
    making: Path, alt: str, caption: str, missing: str
) -> None:

    step = open_step("02-priority-ratings", "autumn-2018")
    figure, _ = new_axes()
    with pytest.raises(RunError, match=f"has no {missing}"):
        step.save({"bare": Picture(figure, pd.DataFrame({"a": [1]}), alt, caption)})
    assert not step.folder.exists()


def test_a_figure_is_kept_with_its_table_and_its_words(making: Path) -> None:

    step = open_step("02-priority-ratings", "autumn-2018")
    figure, _ = new_axes()
    picture = Picture(figure, pd.DataFrame({"a": [1]}), 'Words "and" more', "Before & after")
    shown = step.save({"p": picture})
    kept = {path.name for path in step.folder.iterdir()}
    assert kept == {"p.csv", "p.svg", "p.png", "p.alt.txt", "p.caption.txt"}
    assert (step.folder / "p.caption.txt").read_text("utf-8") == "Before & after\n"
    assert 'alt="Words &quot;and&quot; more"' in shown._repr_html_()
    assert "<p>Before &amp; after<br>" in shown._repr_html_()


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"n": 7}, "`n` is a int"),
        ({"counts": {"a": 1}}, "`counts` is a dict"),
        ({"note": "words"}, "under a file name with its ending"),
        ({"t.csv": "words"}, "`t.csv` would be written twice"),
    ],
)
def test_all_is_checked_before_anything_is_written(
    making: Path, bad: dict[str, object], words: str
) -> None:
    step = open_step("02-priority-ratings", "autumn-2018")
    with pytest.raises(RunError, match=words):
        step.save({"t": pd.DataFrame({"a": [1]}), **bad})
    assert not step.folder.exists()


def test_one_call_writes_all_that_a_step_makes(making: Path) -> None:
    step = open_step("02-priority-ratings", "autumn-2018")
    table = pd.DataFrame({"a": [1]}, index=pd.Index([9], name="school"))
    things = {"t": table, "numbers": {"b": 1, "a": "é"}, "to-do.txt": "x", "w.docx": b"y"}
    assert step.save(things).files == 4
    kept = {path.name: path.read_text("utf-8") for path in step.folder.iterdir()}
    assert kept == {
        "t.csv": "school,a\n9,1\n",
        "numbers.json": '{\n "a": "é",\n "b": 1\n}\n',
        "to-do.txt": "x",
        "w.docx": "y",
    }


def test_a_file_is_complete_or_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> None:
        raise OSError("killed")

    path = tmp_path / "x.csv"
    monkeypatch.setattr(os, "replace", die)
    with pytest.raises(OSError, match="killed"):
        write_whole(path, b"half")
    assert not path.exists()


def other_seed(data: Path, place: Path) -> Path:
    """A copy of a data folder whose programme draws other placebo programmes."""
    study = copy_of(data, place)
    path = study / "programmes" / "closing-the-gap.yml"
    said = yaml.safe_load(path.read_text("utf-8"))
    replace(path, yaml.safe_dump({**said, "seed": said["seed"] + 1}).encode("utf-8"))
    return study


def test_a_notebook_run_by_hand_leaves_the_finished_run_as_it_is(
    finished: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, name = copy_of(finished, tmp_path / "working" / REPORT), "04-estimate-effect"
    before = hashes(run, but=())
    monkeypatch.setenv("PEPSTATS_DATA", str(other_seed(data, tmp_path / "study")))
    monkeypatch.setenv("PEPSTATS_OUT", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    papermill.execute_notebook(
        str(ROOT / "notebooks" / f"{name}.ipynb"), str(tmp_path / "by-hand.ipynb"),
        kernel_name="python3", progress_bar=False,
    )  # fmt: skip
    lab = lab_beside(run) / name / "closing-the-gap"
    assert hashes(run, but=()) == before
    assert not list(check_written(run, read_manifest(run)))
    assert (lab / "placebo.csv").read_bytes() != (
        run / name / "closing-the-gap" / "placebo.csv"
    ).read_bytes()
    assert str(lab) in (tmp_path / "by-hand.ipynb").read_text("utf-8")


def test_a_step_by_hand_reads_what_was_made_by_hand_else_the_finished_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEPSTATS_DATA", str(ROOT / "data"))
    monkeypatch.setenv("PEPSTATS_OUT", str(tmp_path))
    first = open_step("01-clean-sources", REPORT)
    done = tmp_path / "working" / REPORT / first.name
    done.mkdir(parents=True)
    (done / "members.csv").write_text("a\n1\n", "utf-8")
    later = open_step("02-priority-ratings", REPORT)
    assert later.read_table(first.name, "members")["a"].tolist() == [1]
    assert str(first.folder) in first.save({"members": pd.DataFrame({"a": [2]})})._repr_html_()
    assert later.read_table(first.name, "members")["a"].tolist() == [2]
    assert (done / "members.csv").read_text("utf-8") == "a\n1\n"


def test_each_purpose_has_its_own_stream_of_chance(making: Path) -> None:
    step = open_step("02-priority-ratings", "autumn-2018")
    again = open_step("02-priority-ratings", "autumn-2018")
    assert step.rng("a").random() == again.rng("a").random() != step.rng("b").random()
