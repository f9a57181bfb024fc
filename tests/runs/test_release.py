"""From working to released: whole, unmodified and allowed, or not at all."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml

from pepstats.cli import main
from pepstats.errors import RunError
from pepstats.runs import disclosed, manifest, release
from pepstats.runs import revision as bridge
from pepstats.runs.files import CHANGES_FILE, describe_files, sha256_of
from pepstats.settings.report import load_report
from tests.whole_runs import REPORT, copy_of, hashes, replace, restamp
from tests.worlds import ROOT

HEADER = ",".join(disclosed.TABLES["forms"][4:])  # of what a run shows
EFFECTS = "07-board-report/effects.csv"
LATER = "autumn-2018-revised"


@pytest.fixture(scope="module", autouse=True)
def read_once() -> Iterator[None]:
    """Read the words of a file once for all releases that have the same bytes of it."""
    known: dict[tuple[str, str], str] = {}
    read = release.read_all_words

    def read_all_words(path: Path) -> str:
        asked = path.name, sha256_of(path)
        if asked not in known:
            known[asked] = read(path)
        return known[asked]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(release, "read_all_words", read_all_words)
        yield


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
    for name in (
        "README.md",
        "07-board-report/report.docx",
        "07-board-report/report.xlsx",
        EFFECTS,
    ):
        assert (released / name).is_file(), name
    assert {one.file for one in made.inputs} <= made.release.carried.keys()
    for name, place in made.release.carried.items():
        wanted = {**made.settings, **{one.file: one.sha256 for one in made.inputs}}
        assert sha256_of(released / place) == wanted[name]
    readme = (released / "README.md").read_text("utf-8")
    assert "pepstats verify" in readme and "Invented" in readme
    assert "can work out each school's priority rating" in readme


def test_changes_has_a_line_for_the_release_with_its_seal(released: Path) -> None:
    text = (released.parent / "CHANGES.md").read_text("utf-8")
    assert f"## {REPORT}, " in text and "first release" in text
    assert manifest.read_manifest(released).seal in text


def test_in_public_nothing_leaves_but_the_paper_and_its_results(out: Path, data: Path) -> None:
    folder = release.release_report(REPORT, data=data, out=out, draft=True)
    schools = release.list_schools(out / "working" / REPORT, load_report(REPORT, data))
    assert len(schools.numbers) > 30 and len(schools.names) > 30
    there = {n for n in hashes(folder, but=()) if not n.startswith("study/")}
    assert there == {"README.md", "manifest.json", *release.PUBLIC} - {
        f"07-board-report/{name}.pdf" for name in ("report", "report-appendices")
    }
    for name in there:
        if name != manifest.MANIFEST:
            said = release.read_all_words(folder / name)
            assert not schools.find(said), name
            assert not release.EXEMPT.search(said), name


def test_a_release_says_nothing_of_what_stayed_behind(out: Path, data: Path) -> None:
    """No hash, size, row or name of a file that is not public is in a real study's release."""
    run = out / "working" / REPORT
    made, report = manifest.read_manifest(run), load_report(REPORT, data)
    real = report.model_copy(update={"invented": False})
    carried = {"reports/autumn-2018.yml": "study/reports/autumn-2018.yml"}
    said = release.Release(
        on="2018-10-02T09:00:00Z", edition="public", why="", files={}, carried=carried,
        leaving=tuple(release.list_leaving(made, real)),
    )  # fmt: skip
    text = json.dumps(release.describe_release(made, said, run))
    hidden = [one for name, one in made.outputs.items() if name not in said.leaving]
    assert len(hidden) > 100
    for one in hidden:
        assert one.sha256 not in text
    for one in made.inputs:
        assert str(one.sha256) not in text and str(one.file) not in text
    assert made.settings["programmes/closing-the-gap.yml"] not in text
    assert all(record.stands_on not in text for record in made.steps.values())
    assert made.nonce not in text and sha256_of(run / manifest.MANIFEST) in text


def test_two_runs_of_the_same_have_other_hashes_of_their_manifests(finished: Path) -> None:
    """The hash that a release names cannot be guessed from what is in the run."""
    content = manifest.read_manifest(finished).as_dict()
    assert re.fullmatch(r"[0-9a-f]{32}", content["nonce"])


def test_the_exempt_edition_leaves_out_what_schools_said_and_the_gates_own_lists(
    finished: Path, data: Path
) -> None:
    made = manifest.read_manifest(finished)
    report = load_report(REPORT, data).model_copy(update={"edition": "exempt"})
    stay = made.outputs.keys() - set(release.list_leaving(made, report))
    lists = {"disclosure-log.csv", "shown-counts.csv", "shown-forms.csv", "to-do.txt"}
    assert lists <= {Path(name).name for name in stay}
    said = [name for name in stay if Path(name).name not in lists]
    assert said and all("statement" in made.outputs[name].columns for name in said)
    assert not list(release.find_named(finished, made, report))


def test_what_is_not_done_is_refused_by_name_and_leaves_only_as_a_draft(
    out: Path, data: Path
) -> None:
    with pytest.raises(RunError) as refused:
        release.release_report(REPORT, data=data, out=out)
    for what in ("legal adviser", "chief finance officer", "protected groups", "next year",
                 "statement in row"):  # fmt: skip
        assert what in str(refused.value)
    page = (out / "working" / REPORT / "07-board-report" / "report.html").read_text("utf-8")
    assert "Draft: not all of this paper has been completed and cleared" in page
    assert release.release_report(REPORT, data=data, out=out, draft=True).is_dir()


def test_what_a_release_told_is_kept_for_later_ones_and_told_once(out: Path, data: Path) -> None:
    release.release_report(REPORT, data=data, out=out, draft=True)
    report = load_report(REPORT, data)
    told = disclosed.read_told(out, report)
    shown = pd.read_csv(out / "working" / REPORT / disclosed.SHOWN["forms"])
    assert len(told.forms) == len(shown) > 30
    assert len(told.counts) == len(
        pd.read_csv(out / "working" / REPORT / disclosed.SHOWN["counts"])
    )
    release.release_report(REPORT, data=data, out=out, draft=True)
    assert len(disclosed.read_told(out, report).forms) == len(shown)
    assert disclosed.read_told(out, report.model_copy(update={"year": 2019})).forms.empty
    names = {
        name for name in hashes(out / "released", but=()) if "forms" in name or "counts" in name
    }
    assert not names


def test_of_two_releases_that_share_schools_each_number_is_kept_whole(
    out: Path, data: Path
) -> None:
    """One school in another's place: the parts of all the others are the same in both."""
    run, report = out / "working" / REPORT, load_report(REPORT, data)
    rows = "".join(f"rwm_expected,a: x,{n},all pupils,0.25,0.005\n" for n in range(4))
    for on, last in (("first", "3,"), ("then", "9,")):
        text = rows.replace("a: x,3,", f"a: x,{last}")
        replace(run / disclosed.SHOWN["forms"], f"{HEADER}\n{text}".encode())
        disclosed.add_to_disclosed(run, out, report, on)
    told = disclosed.read_told(out, report).forms
    assert [sorted(part["school"]) for _, part in told.groupby("release")] == [
        [0, 1, 2, 3], [0, 1, 2, 9],
    ]  # fmt: skip


def test_what_was_told_before_must_be_readable_or_nothing_is_released(
    out: Path, data: Path
) -> None:
    release.release_report(REPORT, data=data, out=out, draft=True)
    (out / "disclosed" / "forms.csv").write_text("release,name\n", "utf-8")
    with pytest.raises(RunError, match=r"forms.csv: not what releases told .* Put back the file"):
        release.release_report(REPORT, data=data, out=out, draft=True)


def test_a_run_that_another_reports_release_came_before_is_run_again(out: Path, data: Path) -> None:
    release.release_report(REPORT, data=data, out=out, draft=True)
    path = out / "disclosed" / "forms.csv"
    text = path.read_text("utf-8").replace("autumn-2018", "another-report")
    path.write_text(text, "utf-8")
    with pytest.raises(RunError, match="another-report was released since the run"):
        release.release_report(REPORT, data=data, out=out, draft=True)


def publish(run: Path) -> None:
    """Let a run's results be revised ones."""
    effects = pd.read_csv(run / EFFECTS).assign(release="revised")
    put(run, EFFECTS, effects.to_csv(index=False, lineterminator="\n").encode("utf-8"))


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
        release.release_report(REPORT, data=data, out=out, draft=True)
    assert hashes(out / "released", but=()).keys() == {f"{REPORT}/paper"}


def test_a_run_that_is_older_than_what_it_came_from_is_stale(
    out: Path, data: Path, tmp_path: Path
) -> None:
    study = study_of(data, tmp_path / "study", title="Another title")
    with pytest.raises(RunError, match=r"reports/autumn-2018.yml has changed since the run"):
        release.release_report(REPORT, data=study, out=out, draft=True)
    study = copy_of(data, tmp_path / "second")
    file = study / "invented" / "ks2" / "2016-2017_england_ks2final.csv"
    replace(file, file.read_bytes().replace(b"5", b"6", 1))
    (study / "quality.yml").write_text("x", "utf-8")
    with pytest.raises(RunError) as refused:
        release.release_report(REPORT, data=study, out=out, draft=True)
    assert "ks2final.csv has changed" in str(refused.value)
    assert "quality.yml is new since the run" in str(refused.value)


def test_a_second_release_says_which_numbers_moved_and_why(out: Path, data: Path) -> None:
    release.release_report(REPORT, data=data, out=out, draft=True)
    run = out / "working" / REPORT
    effects = pd.read_csv(run / EFFECTS)
    effects.loc[0, ["estimate", "verdict"]] = [effects.loc[0, "estimate"] - 4.0, "lost ground"]
    put(run, EFFECTS, effects.to_csv(index=False, lineterminator="\n").encode("utf-8"))
    release.release_report(REPORT, data=data, out=out, draft=True, why="a mistake was mended")
    text = (out / "released" / "CHANGES.md").read_text("utf-8")
    assert text.count(f"## {REPORT}, ") == 2
    assert text.index("a mistake was mended") < text.index("first release")
    assert "- 1 of 9 effects moved; 1 verdict changed" in text
    assert "The verdict changed from" in text and "to “lost ground”" in text


def test_a_report_that_revises_another_says_so(out: Path, data: Path) -> None:
    run = make_later(out, data)
    publish(run)
    put(run, disclosed.SHOWN["forms"], f"{HEADER}\n".encode())
    release.release_report(REPORT, data=data, out=out, draft=True)
    release.release_report(LATER, data=data, out=out, draft=True)
    text = (out / "released" / CHANGES_FILE).read_text("utf-8")
    assert "- first release, with 9 effects" in text and f"- it revises {REPORT}\n" in text
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
        release.release_report(LATER, data=data, out=out, draft=True)
    shutil.rmtree(first)
    with pytest.raises(RunError, match="which it was set beside, is no longer there"):
        release.release_report(LATER, data=data, out=out, draft=True)


def test_a_run_made_before_the_report_it_revises_is_stale_once_that_is_run(
    out: Path, data: Path
) -> None:
    run = Path(shutil.copytree(out / "working" / REPORT, out / "working" / LATER))
    restamp(run, report=LATER, settings=settings_of(LATER, data))
    with pytest.raises(RunError, match=f"{REPORT}, which it revises, has been run since"):
        release.release_report(LATER, data=data, out=out, draft=True)


def settings_of(slug: str, data: Path) -> dict[str, str]:
    return {
        name: sha256_of(data / name)
        for name in manifest.list_settings(load_report(slug, data), data)
    }


def test_a_line_that_a_kill_cut_off_is_written_by_the_next(out: Path, data: Path) -> None:
    release.release_report(REPORT, data=data, out=out, draft=True)
    (out / "released" / "CHANGES.md").unlink()
    bridge.bring_up_to_date(out / "released")
    assert "- released" in (out / "released" / "CHANGES.md").read_text("utf-8")
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
release.release_report("autumn-2018", data=Path(data), out=Path(out), draft=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="kills as POSIX does")
@pytest.mark.parametrize("at", ["carry", "fill_template", "replace_folder"])
def test_a_killed_release_leaves_the_old_one_whole(at: str, out: Path, data: Path) -> None:
    release.release_report(REPORT, data=data, out=out, draft=True)
    before = hashes(out / "released", but=())
    killed = subprocess.run(
        [sys.executable, "-c", KILL, at, str(data), str(out)], cwd=ROOT, capture_output=True,
        check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL
    whole_now = {n: h for n, h in hashes(out / "released", but=()).items() if n[0] != "."}
    assert whole_now == before
    release.release_report(REPORT, data=data, out=out, draft=True)
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
    found = release.carry(made, report, data, tmp_path, release.list_schools(finished, report))
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
    schools = release.NamedSchools(frozenset({"906238"}), frozenset({"Spring School"}))
    assert schools.find("906238,2018") == ["906238"]
    assert schools.find("School 906238.") == ["906238"]
    assert not schools.find("0.906238 1906238 906238.5 9062381")
    assert schools.find("In Spring School and others") == ["Spring School"]


def test_the_command_answers_with_the_folder_or_with_what_hinders_it(
    out: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["release", REPORT, "--data", str(data), "--out", str(out)]
    assert main(words) == 2
    assert "not done: To be completed by the council's legal adviser" in capsys.readouterr().err
    words.append("--draft")
    assert main(words) == 0
    said = capsys.readouterr()
    assert Path(said.out.strip()) == out / "released" / REPORT
    (out / "working" / REPORT / EFFECTS).unlink()
    assert main(words) == 2
    assert f"{EFFECTS}: missing" in capsys.readouterr().err
