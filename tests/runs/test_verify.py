"""Made again elsewhere and compared: the same is the same, and whatever differs is named."""

import json
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.tamper import KINDS, Bundle, find, try_one
from pepstats.cli import main
from pepstats.errors import RunError
from pepstats.runs import files, manifest, verify
from pepstats.runs.manifest import DIFFERS, SAME
from pepstats.runs.revision import open_earlier
from pepstats.settings.report import load_report
from tests.whole_runs import REPORT, copy_of, hashes, invoke, replace, restamp
from tests.worlds import ROOT, SHARED

TRIED = 40
EFFECTS = "04-estimate-effect/closing-the-gap/effects.csv"
PRINTED = "07-board-report/effects.csv"


@pytest.fixture
def again(verified: Path, tmp_path: Path) -> Path:
    """The run made again, as if from the same clean checkout."""
    folder = copy_of(verified / "again", tmp_path / "again")
    restamp(folder)
    return folder


@pytest.fixture
def quick(again: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `verify` that takes the run made again from its shelf instead of making it."""

    def run_report(slug: str, *, data: Path, out: Path, **_: object) -> None:
        load_report(slug, data)
        copy_of(again, out / "working" / slug)

    monkeypatch.setattr(verify, "run_report", run_report)
    return again


def look(path: Path, place: Path, data: Path | None = None) -> verify.Verified:
    return verify.verify_run(path, data=data or place / "no data", out=place / "out")


def reseal(bundle: Path, **changes: object) -> None:
    content = {**manifest.read_manifest(bundle).as_dict(), **changes}
    replace(bundle / manifest.MANIFEST, manifest.manifest_as_text(content))


def test_elsewhere_with_another_locale_seed_threads_and_jobs_on_cold_kernels_it_is_the_same(
    verified: Path, whole: Path
) -> None:
    said = json.loads((verified / "said.json").read_text("utf-8"))
    assert said["verdict"] == SAME and said["report"] == REPORT
    assert {one["verdict"] for one in said["findings"]} == {SAME}
    assert {one["file"] for one in said["findings"]} == manifest.read_manifest(whole).outputs.keys()


def test_both_runs_and_the_comparison_are_kept(verified: Path, whole: Path) -> None:
    assert hashes(verified / "again") == {
        name: one.sha256 for name, one in manifest.read_manifest(whole).outputs.items()
    }
    assert len(pd.read_csv(verified / "comparison.csv")) > 100
    assert not (verified / "place").exists()


def test_tamperings_of_all_kinds_are_found_and_named(
    whole: Path, again: Path, data: Path, tmp_path: Path
) -> None:
    """One of each three kinds, by a careless hand and a forger in turn; `benchmarks/tamper.py`."""
    bundle = copy_of(whole, tmp_path / "working" / REPORT)
    tried = [try_one(what, bundle, again, data, f"1 {'forged' if n % 2 else 'plain'}")
             for n, what in enumerate(list(KINDS)[::3])]  # fmt: skip
    made = [one for one in tried if one is not None]
    assert not [one for one in made if not (one["found"] and one["named"])]
    assert len(made) > TRIED and len({one["file"] for one in made}) > TRIED / 2
    assert not find(bundle, again, data)
    assert len(KINDS) > 100


def test_tamperings_with_a_release_are_found_and_named(
    released: Path, quick: Path, data: Path, tmp_path: Path
) -> None:
    remade = look(released, tmp_path).kept / "again"
    place = copy_of(released, tmp_path / "released" / REPORT)
    (place.parent / "CHANGES.md").write_bytes((released.parent / "CHANGES.md").read_bytes())
    asked = [what for what in KINDS if what.startswith(("release: ", "changes: ", "file: "))]
    tried = [try_one(what, place, remade, data, f"1 {how}")
             for what in asked for how in ("plain", "forged")]  # fmt: skip
    made = [one for one in tried if one is not None]
    assert not [one for one in made if not (one["found"] and one["named"])]
    assert {one["what"] for one in made} >= {w for w in asked if not w.startswith("file: ")}
    assert not find(place, remade, data)


ONE_DIGIT = {
    "a table": ("csv: one digit of the effects", "effects.csv"),
    "a sentence": ("html: one digit", ".html"),
    "a picture's table": ("csv: one digit of a picture", "gap-"),
    "a notebook's output": ("ipynb: a digit of an output", ".ipynb"),
    "the Word file": ("docx: one digit", ".docx"),
    "the workbook": ("xlsx: one digit", ".xlsx"),
    "an input": ("study: a byte of a published file", "invented/"),
    "the settings": ("study: a digit of a programme", "programmes/"),
}


@pytest.mark.parametrize("where", ONE_DIGIT)
def test_one_digit_changed_anywhere_is_exit_one_and_named(
    where: str, whole: Path, again: Path, data: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    what, part = ONE_DIGIT[where]
    bundle = copy_of(whole, tmp_path / "working" / REPORT)
    study = copy_of(data, tmp_path / "data")
    name = KINDS[what](Bundle(bundle, study, random.Random(where), forged=True))
    words = ["verify", str(bundle), "--data", str(study), "--out", str(tmp_path / "out")]
    assert main([*words, "--again", str(again)]) == 1
    said = capsys.readouterr().out
    assert name in said and part in name
    assert said.splitlines()[-1].startswith("It differs: ")


def test_a_run_made_again_before_is_not_made_again(
    whole: Path, again: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "run_report", None)
    found = verify.verify_run(whole, data=data, out=tmp_path / "out", again=again)
    assert not found.differs and not (tmp_path / "out").exists()
    assert any("which was made again before" in one for one in found.said)
    with pytest.raises(RunError, match="not a finished run"):
        verify.verify_run(whole, data=data, again=tmp_path / "nothing")


def test_a_changed_digit_is_answered_with_its_row_and_size(
    whole: Path, data: Path, quick: Path, tmp_path: Path
) -> None:
    bundle = copy_of(whole, tmp_path / "bundle")
    effects = pd.read_csv(bundle / EFFECTS)
    effects.loc[1, "estimate"] += 0.5
    replace(bundle / EFFECTS, effects.to_csv(index=False, lineterminator="\n").encode("utf-8"))
    found = look(bundle, tmp_path, data)
    assert found.differs
    table = found.table().set_index("column")
    row = table.loc["estimate"]
    assert (row["file"], row["rows"], row["verdict"]) == (EFFECTS, 1, DIFFERS)
    assert row["largest"] == pytest.approx(0.5)
    assert f"outcome {effects.loc[1, 'outcome']}" in row["note"]
    assert table.loc["(whole file)", "note"].iloc[0].startswith("changed: not the bytes")
    assert str(effects.loc[1, "outcome"]) in found.as_text()
    lines = found.as_text().splitlines()
    assert re.fullmatch(r"It differs: 1 not the same, \d+ the same\.", lines[-1])
    assert max(map(len, lines[:-2])) <= 100 and lines[-2].endswith(str(found.kept))


def test_a_changed_input_is_found_before_anything_is_run(
    finished: Path, data: Path, tmp_path: Path
) -> None:
    study = copy_of(data, tmp_path / "study")
    file = "invented/ks2/2016-2017_england_ks2final.csv"
    replace(study / file, (study / file).read_bytes().replace(b"5", b"6", 1))
    found = look(finished, tmp_path, study)
    assert found.differs and not (found.kept / "again").exists()
    assert [f.file for f in found.findings if f.verdict == DIFFERS] == [file]
    assert "Not run again: what it came from has changed." in found.said


def test_a_run_set_beside_another_needs_that_one_to_be_made_again(
    finished: Path, data: Path, tmp_path: Path
) -> None:
    """Known by its tables, not by when it was made; another is a finding, none cannot be told."""
    later = copy_of(finished, tmp_path / "made" / "working" / "later")
    other = copy_of(finished, tmp_path / "out" / "working" / REPORT)
    beside = open_earlier(other, REPORT)
    assert beside is not None
    reseal(later, earlier={"report": REPORT, "tables": dict(beside.tables)})
    made = manifest.read_manifest(later)
    reseal(other, started="2018-01-01T00:00:00Z")
    found = verify.find_beside(later, made, tmp_path / "out")
    assert found is not None and found.folder == other
    tables = {**beside.tables, PRINTED: "0" * 64}
    reseal(later, earlier={"report": REPORT, "tables": tables})
    looked = look(later, tmp_path, data)
    assert looked.differs and not (looked.kept / "again").exists()
    assert [f.file for f in looked.findings if f.verdict == DIFFERS] == [f"the run of {REPORT}"]
    (other / manifest.MANIFEST).unlink()
    with pytest.raises(RunError, match=f"Run `pepstats run {REPORT}` first"):
        look(later, tmp_path, data)


def test_what_cannot_be_found_is_exit_two_and_named(finished: Path, tmp_path: Path) -> None:
    done = invoke("verify", str(finished), "--data", str(tmp_path), "--out", str(tmp_path))
    assert done.returncode == 2
    assert "reports/autumn-2018.yml" in done.stderr and "--data" in done.stderr
    done = invoke("verify", str(tmp_path), "--out", str(tmp_path))
    assert done.returncode == 2 and "not a finished run" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_tampered_bundle_is_exit_one(released: Path, tmp_path: Path) -> None:
    bundle = copy_of(released, tmp_path / "bundle")
    replace(bundle / "study" / "reports" / f"{REPORT}.yml", b"title: another\n")
    done = invoke("verify", str(bundle), "--data", str(tmp_path), "--out", str(tmp_path), "--json")
    assert done.returncode == 1, done.stderr
    told = {one["file"] for one in json.loads(done.stdout)["findings"]}
    assert f"study/reports/{REPORT}.yml" in told


def test_another_package_version_is_said_and_not_failed(
    whole: Path, data: Path, quick: Path, tmp_path: Path
) -> None:
    bundle = copy_of(whole, tmp_path / "bundle")
    packages = {**manifest.read_manifest(bundle).packages, "numpy": "2.3.0"}
    reseal(bundle, packages=packages, python="3.11.0", platform="Darwin arm64")
    found = look(bundle, tmp_path, data)
    assert not found.differs
    assert any("made with numpy 2.3.0" in one for one in found.said)
    assert any("Made on Darwin arm64" in one for one in found.said)


def test_no_word_of_the_manifest_lets_a_changed_picture_pass(
    whole: Path, quick: Path, data: Path, tmp_path: Path
) -> None:
    """Another version in the manifest, its seal mended, once turned the comparison off."""
    bundle = copy_of(whole, tmp_path / "bundle")
    picture = "04-estimate-effect/closing-the-gap/gap-rwm_expected.svg"
    content = manifest.read_manifest(bundle).as_dict()
    content["packages"]["matplotlib"] = "3.10.0"
    text = (bundle / picture).read_text("utf-8")
    first = re.search(r"L (\d+\.\d+) ", text)
    assert first is not None
    moved = text.replace(first.group(), f"L {float(first.group(1)) + 3} ", 1)
    replace(bundle / picture, moved.encode("utf-8"))
    content["outputs"][picture]["sha256"] = files.sha256_of(bundle / picture)
    reseal(bundle, **content)
    found = look(bundle, tmp_path, data)
    told = {one.file for one in found.findings if one.verdict == DIFFERS}
    assert told == {picture} and found.differs
    assert any("made with matplotlib 3.10.0" in one for one in found.said)


def test_a_public_release_is_made_again_and_is_the_same(
    released: Path, quick: Path, tmp_path: Path
) -> None:
    found = look(released, tmp_path)
    assert not found.differs
    told = {one.file for one in found.findings}
    assert {"README.md", PRINTED, "07-board-report/report.docx"} <= told
    assert any("what stayed behind is not in it" in one for one in found.said)


def forge(bundle: Path, name: str, content: bytes) -> None:
    """Change a file of a release and write its hash and a seal as if nothing had been."""
    replace(bundle / name, content)
    made = manifest.read_manifest(bundle).as_dict()
    digest = files.sha256_of(bundle / name)
    if name in made["outputs"]:
        made["outputs"][name]["sha256"] = digest
    else:
        made["release"]["files"][name] = digest
    reseal(bundle, **made)


def add_file(bundle: Path) -> None:
    (bundle / "CITATION.cff").write_text("cff-version: 1.2.0", "utf-8")


def add_file_and_say_so(bundle: Path) -> None:
    forge(bundle, "07-board-report/annex.html", b"<p>More was found.</p>")


def add_link(bundle: Path) -> None:
    (bundle / "data").symlink_to(bundle / "study", target_is_directory=True)


def change_readme(bundle: Path) -> None:
    text = (bundle / "README.md").read_bytes()
    forge(bundle, "README.md", text + b"The estimates are certain.\n")


def change_number(bundle: Path) -> None:
    effects = pd.read_csv(bundle / PRINTED)
    effects.loc[0, "estimate"] += 1.0
    forge(bundle, PRINTED, effects.to_csv(index=False, lineterminator="\n").encode("utf-8"))


def change_words(bundle: Path) -> None:
    name = "07-board-report/report.html"
    page = (bundle / name).read_bytes().replace(b"too uncertain to say", b"gained", 1)
    forge(bundle, name, page)


def say_exempt(bundle: Path) -> None:
    made = manifest.read_manifest(bundle).as_dict()
    made["release"]["leaving"] = made["release"]["leaving"][:-1]
    reseal(bundle, **made)


def leave_out_paper(bundle: Path) -> None:
    made = manifest.read_manifest(bundle).as_dict()
    name = "07-board-report/report.docx"
    (bundle / name).unlink()
    del made["outputs"][name]
    made["release"]["leaving"].remove(name)
    reseal(bundle, **made)


@pytest.mark.parametrize(
    "tamper",
    [add_file, add_file_and_say_so, add_link, change_readme, change_number, change_words,
     say_exempt, leave_out_paper],
)  # fmt: skip
def test_a_tampered_public_release_is_found_whatever_it_says_of_itself(
    tamper: Callable[[Path], None], released: Path, quick: Path, tmp_path: Path
) -> None:
    bundle = copy_of(released, tmp_path / "bundle")
    tamper(bundle)
    found = look(bundle, tmp_path)
    assert found.differs


def test_a_release_that_is_not_the_one_on_record_is_found(released: Path, tmp_path: Path) -> None:
    bundle = copy_of(released, tmp_path / "released" / REPORT)
    (tmp_path / "released" / "CHANGES.md").write_text("seal: another\n", "utf-8")
    found = list(manifest.check_written(bundle, manifest.read_manifest(bundle)))
    assert [(one.column, one.note) for one in found] == [
        ("seal", "not in CHANGES.md beside the release")
    ]


def test_a_run_that_fails_when_made_again_says_so(
    whole: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RunError("the notebooks are not there.")

    monkeypatch.setattr(verify, "run_report", fail)
    with pytest.raises(RunError, match="cannot be run again: the notebooks are not there"):
        look(whole, tmp_path, data)
    assert not list((tmp_path / "out" / "working").iterdir())
    bundle = copy_of(whole, tmp_path / "bundle")
    (bundle / EFFECTS).unlink()
    found = look(bundle, tmp_path, data)
    assert found.differs and any("could not be run again" in one for one in found.said)


KILL = """
import os, signal, sys
from pathlib import Path
from pepstats.runs import verify
die = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
verify.run_report = die
verify.verify_run(*map(Path, sys.argv[1:]))
"""


@pytest.mark.skipif(os.name != "posix", reason="kills as POSIX does")
def test_a_killed_verify_leaves_the_release_and_the_last_one_whole(
    whole: Path, data: Path, quick: Path, tmp_path: Path
) -> None:
    kept = look(whole, tmp_path, data).kept
    before = hashes(kept, but=()), hashes(whole, but=())
    killed = subprocess.run(
        [sys.executable, "-c", KILL, str(whole), str(data), str(tmp_path / "out")], cwd=ROOT,
        capture_output=True, check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL
    assert (hashes(kept, but=()), hashes(whole, but=())) == before
    assert list(kept.parent.glob(".*partial*"))
    look(whole, tmp_path, data)
    assert not list(kept.parent.glob(".*"))


def test_a_study_that_names_files_outside_its_folder_is_laid_out_alike(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv", "report.yml"):
        (tmp_path / name).write_text(name, "utf-8")
    needed = {
        "../../real/a.csv": tmp_path / "a.csv",
        "ks2/../b.csv": tmp_path / "b.csv",
        "reports/report.yml": tmp_path / "report.yml",
        str(tmp_path / "a.csv"): tmp_path / "a.csv",
    }
    data = verify.lay_out_copy(needed, tmp_path / "place")
    assert {(data / name).read_text("utf-8") for name in needed} == {"a.csv", "b.csv", "report.yml"}
    inside = {path.resolve() for path in (tmp_path / "place").rglob("*")}
    assert (data / "../../real/a.csv").resolve() in inside


def test_the_real_study_is_made_again_the_same(tmp_path: Path) -> None:
    if not (SHARED / "study").is_dir():
        pytest.skip("the real study is not on this machine")
    if not os.environ.get("PEPSTATS_SLOW"):
        pytest.skip("two runs on real England: set PEPSTATS_SLOW=1 to ask for it")
    where = "--data", str(SHARED / "study"), "--out", str(tmp_path)
    assert invoke("run", "partnership-2018", *where).returncode == 0
    done = invoke("verify", str(tmp_path / "working" / "partnership-2018"), *where)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_path_from_here_is_looked_at_wherever_the_run_leaves_the_process(
    whole: Path, data: Path, again: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_and_step_away(slug: str, *, data: Path, out: Path, **_: object) -> None:
        load_report(slug, data)
        copy_of(again, out / "working" / slug)
        os.chdir(data)

    monkeypatch.setattr(verify, "run_report", run_and_step_away)
    monkeypatch.chdir(whole.parent)
    found = look(Path(whole.name), tmp_path, data)
    assert {one.file for one in found.findings} == manifest.read_manifest(whole).outputs.keys()


def test_a_file_that_is_not_there_is_never_passed_over(
    whole: Path, again: Path, tmp_path: Path
) -> None:
    bundle = copy_of(whole, tmp_path / "bundle")
    (bundle / EFFECTS).unlink()
    found = {
        one.file: one for one in verify.compare_runs(bundle, manifest.read_manifest(bundle), again)
    }
    assert found[EFFECTS].verdict == DIFFERS
