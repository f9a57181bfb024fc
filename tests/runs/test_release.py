"""From working to released: whole, unmodified and allowed, or not at all."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from pepstats.cli import main
from pepstats.errors import RunError
from pepstats.report import disclosure
from pepstats.runs import manifest, release
from pepstats.runs import revision as bridge
from pepstats.runs import withholding as holdback
from pepstats.runs.files import CHANGES_FILE, describe_files, sha256_of
from pepstats.settings.report import load_report
from tests.whole_runs import REPORT, copy_of, hashes, replace, restamp
from tests.worlds import ROOT

EFFECTS = "04-estimate-effect/closing-the-gap/effects.csv"
LATER = "autumn-2018-revised"


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout whose code is that of the run."""
    monkeypatch.setattr(release, "same_code", lambda _: True)


@pytest.fixture
def out(finished: Path, tmp_path: Path, clean: None) -> Path:
    """An output folder with a run that may be released."""
    restamp(copy_of(finished, tmp_path / "working" / REPORT))
    return tmp_path


def study_of(data: Path, place: Path, **report: object) -> Path:
    """A copy of a data folder, its report changed."""
    study = copy_of(data, place)
    path = study / "reports" / f"{REPORT}.yml"
    text = yaml.safe_dump({**yaml.safe_load(path.read_text("utf-8")), **report})
    replace(path, text.encode("utf-8"))
    return study


def put(run: Path, name: str, content: bytes) -> None:
    """Change a file of a run, and say so in its manifest as a run would."""
    replace(run / name, content)
    files = {n: one.model_dump(mode="json") for n, one in _described(run).items()}
    restamp(run, outputs=files)


def _described(run: Path) -> dict:

    return describe_files(run)


def test_a_bundle_is_what_a_reviewer_is_handed(released: Path) -> None:
    made = manifest.read_manifest(released)
    assert made.sealed and made.release is not None and made.release.edition == "public"
    for name in ("README.md", "CHANGES.md", "07-board-report/report.docx",
                 "notebooks/04-estimate-effect--closing-the-gap.ipynb", EFFECTS):  # fmt: skip
        assert (released / name).is_file(), name
    assert {one.file for one in made.inputs} <= made.release.carried.keys()
    for name, place in made.release.carried.items():
        wanted = {**made.settings, **{one.file: one.sha256 for one in made.inputs}}
        assert sha256_of(released / place) == wanted[name]
    readme = (released / "README.md").read_text("utf-8")
    assert "pepstats verify" in readme and "Invented" in readme


def test_changes_has_a_line_for_the_release_with_its_seal(released: Path) -> None:
    text = (released.parent / "CHANGES.md").read_text("utf-8")
    assert f"## {REPORT}, " in text and "first release" in text
    assert manifest.read_manifest(released).seal in text


def test_the_public_edition_has_no_school_of_the_authority_and_nothing_exempt(
    out: Path, data: Path
) -> None:
    folder = release.release_report(REPORT, data=data, out=out)
    made = manifest.read_manifest(folder)
    assert made.release is not None
    schools = holdback.list_schools(out / "working" / REPORT, load_report(REPORT, data))
    assert len(schools.numbers) > 30 and len(schools.names) > 30
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() or name == manifest.MANIFEST or name.startswith("study/"):
            continue
        said = holdback.read_page_words(path)
        assert not schools.find(said), name
        assert not holdback.EXEMPT.search(said), name
    assert {"01-clean-sources/panel.csv", "02-priority-ratings/ratings.csv"} <= set(
        made.release.withheld
    )
    assert f"{EFFECTS}" in hashes(folder)


def test_the_exempt_edition_leaves_out_only_what_schools_said(finished: Path, data: Path) -> None:
    made = manifest.read_manifest(finished)
    report = load_report(REPORT, data).model_copy(update={"edition": "exempt"})
    withheld = holdback.find_withheld(finished, made, report)
    assert set(withheld.values()) <= {holdback.SAID}
    assert not list(holdback.find_held_back(finished, made, report, withheld))


def test_before_results_are_published_no_picture_of_single_schools_leaves(
    out: Path, data: Path
) -> None:
    """It is the results the run rests on that count, not whether a source line says its release."""
    run, picture = out / "working" / REPORT, "06-case-studies/closing-the-gap/schools.png"
    report = load_report(REPORT, data)
    bare = tuple(line.model_copy(update={"release": None}) for line in report.sources)
    unsaid = report.model_copy(update={"sources": bare})
    withheld = holdback.find_withheld(run, manifest.read_manifest(run), unsaid)
    assert picture in withheld
    assert "04-estimate-effect/closing-the-gap/gap-rwm_expected.png" not in withheld
    publish(run)
    assert picture not in holdback.find_withheld(run, manifest.read_manifest(run), report)


def publish(run: Path) -> None:
    """Let a run's results be revised ones."""
    for slug in manifest.read_manifest(run).programmes:
        name = bridge.EFFECTS_FILE.format(slug=slug)
        effects = pd.read_csv(run / name).assign(release="revised")
        put(run, name, effects.to_csv(index=False, lineterminator="\n").encode("utf-8"))


def test_a_paper_that_tells_of_few_schools_beside_the_last_release_is_held_back(
    out: Path, data: Path
) -> None:
    run, name = out / "working" / REPORT, holdback.SHOWN_COUNTS
    put(run, name, b"table,row,column,count\nratings,Priority 2,Academy,7\nratings,Total,Total,\n")
    before = copy_of(run, out / "before")
    put(
        run, name, b"table,row,column,count\nratings,Priority 2,Academy,9\nratings,Total,Total,47\n"
    )
    made, report = manifest.read_manifest(run), load_report(REPORT, data)
    found = list(holdback.find_held_back(run, made, report, {}, before))
    assert "(ratings, Priority 2, Academy)" in found[0] and "last_shown" in found[0]
    again = holdback.find_held_back(run, made, report, {}, run)
    assert not [line for line in again if "last_shown" in line]


def test_counts_of_few_rated_schools_stay_and_so_does_what_shows_them(
    out: Path, data: Path
) -> None:
    run = out / "working" / REPORT
    name = "02-priority-ratings/ratings-count.csv"
    put(run, name, b"rating,schools\n1,2\n2,15\n3,30\n")
    withheld = holdback.find_withheld(run, manifest.read_manifest(run), load_report(REPORT, data))
    assert withheld[name] == disclosure.SMALL
    assert withheld["02-priority-ratings/ratings-count.png"]
    assert withheld["notebooks/02-priority-ratings.ipynb"]
    put(run, name, b"rating,schools\n1,6\n2,15\n3,30\n")
    before = copy_of(run, out / "before")
    put(run, name, b"rating,schools\n1,7\n2,14\n3,30\n")
    made, report = manifest.read_manifest(run), load_report(REPORT, data)
    assert holdback.find_withheld(run, made, report, before)[name] == disclosure.DIFFERS


def refuse_paper(run: Path, text: str) -> None:
    name = "07-board-report/report.html"
    page = (run / name).read_text("utf-8").replace("</main>", f"<p>{text}</p></main>", 1)
    put(run, name, page.encode("utf-8"))


def any_number(run: Path) -> str:
    members = pd.read_csv(run / "01-clean-sources" / "members.csv")
    return str(members["school"].iloc[0])


Spoil = Callable[[Path, pytest.MonkeyPatch], object]
HINDRANCES: dict[str, tuple[Spoil, str]] = {
    "no manifest": (lambda run, _: (run / manifest.MANIFEST).unlink(), "not a finished run"),
    "a modified checkout": (
        lambda run, _: restamp(run, code={**manifest.read_manifest(run).code.model_dump(),
                                          "modified": True}),
        "modified checkout",
    ),
    "no checkout": (
        lambda run, _: restamp(
            run, code={**manifest.read_manifest(run).code.model_dump(), "commit": None}
        ),
        "not made from a checkout",
    ),
    "code changed since": (
        lambda _, patch: patch.setattr(release, "same_code", lambda _: False), "code has changed",
    ),
    "an unknown commit": (
        lambda _, patch: patch.setattr(release, "same_code", lambda _: None), "not known here",
    ),
    "a failed run since": (
        lambda run, _: run.with_name(f"{run.name}.failed").mkdir(), "the last run failed",
    ),
    "a table edited": (
        lambda run, _: replace(run / EFFECTS, (run / EFFECTS).read_bytes() + b"\n"), EFFECTS,
    ),
    "a file missing": (lambda run, _: (run / EFFECTS).unlink(), f"{EFFECTS}: missing"),
    "a file more": (lambda run, _: (run / "notes.txt").write_text("x"), "notes.txt: extra"),
    "a manifest edited": (
        lambda run, _: replace(
            run / manifest.MANIFEST,
            (run / manifest.MANIFEST).read_bytes().replace(b'"numpy": "', b'"numpy": "9'),
        ), "edited after it was written",
    ),
    "a programme not run": (
        lambda run, _: restamp(run, programmes=["closing-the-gap"]), "send-in-mainstream was not",
    ),
    "a paper that numbers a school": (
        lambda run, _: refuse_paper(run, f"School {any_number(run)} gained"), "names 9",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", HINDRANCES)
def test_release_refuses_and_leaves_the_last_one(
    what: str, out: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = out / "released" / REPORT
    last.mkdir(parents=True)
    (last / "paper").write_text("the last release", "utf-8")
    spoil, says = HINDRANCES[what]
    spoil(out / "working" / REPORT, monkeypatch)
    with pytest.raises(RunError, match=re.escape(says)):
        release.release_report(REPORT, data=data, out=out)
    assert hashes(out / "released", but=()).keys() == {f"{REPORT}/paper"}


def test_a_run_that_is_older_than_what_it_came_from_is_stale(
    out: Path, data: Path, tmp_path: Path
) -> None:
    study = study_of(data, tmp_path / "study", title="Another title")
    with pytest.raises(RunError, match=r"reports/autumn-2018.yml has changed since the run"):
        release.release_report(REPORT, data=study, out=out)
    study = copy_of(data, tmp_path / "second")
    file = study / "invented" / "ks2" / "2016-2017_england_ks2final.csv"
    replace(file, file.read_bytes().replace(b"5", b"6", 1))
    (study / "quality.yml").write_text("x", "utf-8")
    with pytest.raises(RunError) as refused:
        release.release_report(REPORT, data=study, out=out)
    assert "ks2final.csv has changed" in str(refused.value)
    assert "quality.yml is new since the run" in str(refused.value)


def test_a_second_release_says_which_numbers_moved_and_why(out: Path, data: Path) -> None:
    release.release_report(REPORT, data=data, out=out)
    run = out / "working" / REPORT
    effects = pd.read_csv(run / EFFECTS)
    effects.loc[0, ["estimate", "verdict"]] = [effects.loc[0, "estimate"] - 4.0, "lost ground"]
    put(run, EFFECTS, effects.to_csv(index=False, lineterminator="\n").encode("utf-8"))
    now = manifest.read_manifest(run)
    tables = sum(one.columns != () for one in now.outputs.values())
    entry = bridge.write_entry(out / "released" / REPORT, run, now, on="2018-12-13", why="asked")
    assert "- 1 of 9 effects moved; 1 verdict changed" in entry
    assert "The verdict changed from" in entry and "to “lost ground”" in entry
    assert f"- 1 of {tables} tables are not the same" in entry and "- why: asked" in entry
    release.release_report(REPORT, data=data, out=out, why="a mistake was mended")
    text = (out / "released" / "CHANGES.md").read_text("utf-8")
    assert text.count(f"## {REPORT}, ") == 2
    assert text.index("a mistake was mended") < text.index("first release")


def test_a_report_that_revises_another_says_what_moved_since_that_one(
    out: Path, data: Path
) -> None:
    run = make_later(out, data)
    publish(run)
    effects = pd.read_csv(run / EFFECTS)
    effects.loc[0, ["estimate", "verdict"]] = [effects.loc[0, "estimate"] - 20.0, "lost ground"]
    put(run, EFFECTS, effects.to_csv(index=False, lineterminator="\n").encode("utf-8"))
    for slug in manifest.read_manifest(run).programmes:
        before = pd.read_csv(out / "working" / REPORT / bridge.EFFECTS_FILE.format(slug=slug))
        after = pd.read_csv(run / bridge.EFFECTS_FILE.format(slug=slug))
        bridged = bridge.bridge_effects(before, after)
        name = bridge.BRIDGE_FILE.format(slug=slug)
        put(run, name, bridged.to_csv(index=False, lineterminator="\n").encode("utf-8"))
    release.release_report(REPORT, data=data, out=out)
    entry = (release.release_report(LATER, data=data, out=out) / CHANGES_FILE).read_text("utf-8")
    assert "- first release, with 9 effects" in entry and f"- it revises {REPORT}\n" in entry
    assert "1 verdict changed" in entry and "to “lost ground”" in entry
    text = (out / "released" / CHANGES_FILE).read_text("utf-8")
    assert text.index(f"## {LATER}, ") < text.index(f"## {REPORT}, ")


def make_later(out: Path, data: Path) -> Path:
    """Make a finished run of the report that revises ours, set beside its run."""
    run = Path(shutil.copytree(out / "working" / REPORT, out / "working" / LATER))
    beside = bridge.find_earlier(load_report(LATER, data), out)
    assert beside is not None
    earlier = {"report": REPORT, "tables": dict(beside.tables)}
    restamp(run, report=LATER, settings=settings_of(LATER, data), earlier=earlier)
    return run


def test_a_run_set_beside_another_run_than_is_there_now_is_stale(out: Path, data: Path) -> None:
    make_later(out, data)
    first = out / "working" / REPORT
    put(first, EFFECTS, (first / EFFECTS).read_bytes().replace(b"gained", b"lost ground", 1))
    with pytest.raises(RunError, match=f"{REPORT}, which it revises, has other results since"):
        release.release_report(LATER, data=data, out=out)
    shutil.rmtree(first)
    with pytest.raises(RunError, match="which it was set beside, is no longer there"):
        release.release_report(LATER, data=data, out=out)


def test_a_run_made_before_the_report_it_revises_is_stale_once_that_is_run(
    out: Path, data: Path
) -> None:
    run = Path(shutil.copytree(out / "working" / REPORT, out / "working" / LATER))
    restamp(run, report=LATER, settings=settings_of(LATER, data))
    with pytest.raises(RunError, match=f"{REPORT}, which it revises, has been run since"):
        release.release_report(LATER, data=data, out=out)


def settings_of(slug: str, data: Path) -> dict[str, str]:
    return {
        name: sha256_of(data / name)
        for name in manifest.list_settings(load_report(slug, data), data)
    }


def test_a_line_that_a_kill_cut_off_is_written_by_the_next(out: Path, data: Path) -> None:
    release.release_report(REPORT, data=data, out=out)
    (out / "released" / "CHANGES.md").unlink()
    bridge.bring_up_to_date(out / "released")
    assert "first release" in (out / "released" / "CHANGES.md").read_text("utf-8")
    before = hashes(out / "released", but=())
    bridge.bring_up_to_date(out / "released")
    assert hashes(out / "released", but=()) == before


KILL = """
import os, signal, sys
from pathlib import Path
from pepstats.runs import files, release
release.same_code = lambda _: True
die = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
at, data, out = sys.argv[1:]
setattr(files if at == "replace_folder" else release, at, die)
release.release_report("autumn-2018", data=Path(data), out=Path(out))
"""


@pytest.mark.skipif(os.name != "posix", reason="kills as POSIX does")
@pytest.mark.parametrize("at", ["carry", "write_readme", "replace_folder"])
def test_a_killed_release_leaves_the_old_one_whole(at: str, out: Path, data: Path) -> None:
    release.release_report(REPORT, data=data, out=out)
    before = hashes(out / "released", but=())
    killed = subprocess.run(
        [sys.executable, "-c", KILL, at, str(data), str(out)], cwd=ROOT, capture_output=True,
        check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL
    whole_now = {n: h for n, h in hashes(out / "released", but=()).items() if n[0] != "."}
    assert whole_now == before
    release.release_report(REPORT, data=data, out=out)
    assert not list((out / "released").glob(".*"))


@pytest.mark.parametrize(
    ("licence", "carried"), [(None, False), ("OGL", True), ("OGL-UK-3.0", True), ("mine", False)]
)
def test_real_files_are_carried_only_under_an_open_licence(
    licence: str | None, carried: bool, finished: Path, data: Path, tmp_path: Path
) -> None:
    content = manifest.read_manifest(finished).as_dict()
    for one in content["inputs"]:
        one["licence"] = licence
    made = manifest.Manifest.model_validate(content)
    report = load_report(REPORT, data).model_copy(update={"invented": False})
    found = release.carry(made, report, data, tmp_path, holdback.list_schools(finished, report))
    kinds = {one.kind for one in made.inputs if one.file in found}
    assert ("ks2" in kinds) == carried and "statements" not in kinds
    assert "reports/autumn-2018.yml" in found
    assert "programmes/closing-the-gap.yml" not in found  # it lists its schools


def test_files_from_outside_the_data_folder_are_carried_inside_the_bundle() -> None:
    assert release._where("ks2/a.csv", "ab" * 32) == "study/ks2/a.csv"
    assert release._where("../real/a.csv", "ab" * 32) == "inputs/abababab-a.csv"
    assert release._where("/somewhere/a.csv", "ab" * 32) == "inputs/abababab-a.csv"
    assert release._where("C:\\somewhere\\a.csv", "ab" * 32) == "inputs/abababab-a.csv"


def test_numbers_are_found_whole_and_not_inside_other_numbers() -> None:
    schools = holdback.NamedSchools(frozenset({"906238"}), frozenset({"Spring School"}))
    assert schools.find("906238,2018") == ["906238"]
    assert schools.find("School 906238.") == ["906238"]
    assert not schools.find("0.906238 1906238 906238.5 9062381")
    assert schools.find("In Spring School and others") == ["Spring School"]


def test_the_manifest_says_what_is_withheld_and_why(out: Path, data: Path) -> None:
    folder = release.release_report(REPORT, data=data, out=out)
    content = json.loads((folder / manifest.MANIFEST).read_text("utf-8"))
    assert content["release"]["withheld"]["01-clean-sources/members.csv"]
    assert not (folder / "01-clean-sources" / "members.csv").exists()
    assert "## Withheld" in (folder / "README.md").read_text("utf-8")


def test_the_command_answers_with_the_folder_or_with_what_hinders_it(
    out: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["release", REPORT, "--data", str(data), "--out", str(out)]
    assert main(words) == 0
    said = capsys.readouterr()
    assert Path(said.out.strip()) == out / "released" / REPORT
    assert "not yet done; README.md there lists them" in said.err
    (out / "working" / REPORT / EFFECTS).unlink()
    assert main(words) == 2
    assert f"{EFFECTS}: missing" in capsys.readouterr().err
