"""What ran, with what, giving what: read only as it was written, and nobody's path in it."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from pepstats.errors import RunError
from pepstats.runs import files, manifest
from pepstats.settings.report import load_report
from tests.whole_runs import copy_of, replace


def edited(finished: Path, place: Path, **changes: object) -> Path:
    """A copy of a run whose manifest was edited by hand, seal and all left as they were."""
    run = copy_of(finished, place / "run")
    content = json.loads((run / manifest.MANIFEST).read_text("utf-8"))
    replace(run / manifest.MANIFEST, json.dumps({**content, **changes}).encode("utf-8"))
    return run


def test_what_is_written_is_read_and_is_sealed(finished: Path) -> None:
    made = manifest.read_manifest(finished)
    assert made.sealed and made.report == "autumn-2018" and made.release is None
    assert manifest.manifest_as_text(made.as_dict()) == (finished / manifest.MANIFEST).read_bytes()


def test_it_names_packages_keys_and_releases(finished: Path) -> None:
    made = manifest.read_manifest(finished)
    assert {"pepstats", "numpy", "pandas", "papermill", "python-docx"} <= made.packages.keys()
    assert made.arithmetic == manifest.hash_arithmetic()
    assert {one.release for one in made.inputs if one.kind == "ks2"} <= {
        "provisional", "revised", "final",
    }  # fmt: skip
    gaps = made.outputs["04-estimate-effect/closing-the-gap/gaps.csv"]
    assert gaps.key == ("school", "outcome") and "gap" in gaps.numbers


def test_no_path_of_this_machine_is_in_it(finished: Path, data: Path) -> None:
    text = (finished / manifest.MANIFEST).read_text("utf-8")
    assert str(data) not in text and str(finished.parent) not in text
    assert str(Path.home()) not in text.replace(str(data), "")


def test_a_hand_edit_breaks_the_seal(finished: Path, tmp_path: Path) -> None:
    later = "2018-10-02T12:00:00Z"
    assert not manifest.read_manifest(edited(finished, tmp_path, started=later)).sealed


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"schema": 2}, "schema 6"),
        ({"report": "../elsewhere"}, "`report`"),
        ({"outputs": {"../../outside.csv": {}}}, "outputs"),
        ({"inputs": [{"file": "a.csv"}]}, "inputs.0.sha256"),
        ({"more": 1}, "`more`"),
        ({"programmes": []}, "programmes"),
    ],
)
def test_what_is_not_a_manifest_is_refused_by_name(
    finished: Path, tmp_path: Path, changes: dict, says: str
) -> None:
    with pytest.raises(RunError, match=says):
        manifest.read_manifest(edited(finished, tmp_path, **changes))


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_what_is_not_json_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / manifest.MANIFEST).write_bytes(text)
    with pytest.raises(RunError, match="Run again"):
        manifest.read_manifest(tmp_path)


def test_a_folder_without_one_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a finished run"):
        manifest.read_manifest(tmp_path)


def test_a_key_is_the_fewest_first_columns_that_tell_rows_apart() -> None:
    table = pd.DataFrame({"a": [1, 1, 2], "b": ["x", "y", "x"], "c": [0.5, 1.5, 2.5]})
    assert files.find_key(table) == ("a", "b")
    assert files.find_key(table.drop(columns="b")) == ()  # a measure is no key
    assert files.find_key(table[["b", "a"]]) == ("b", "a")


def test_every_setting_a_run_reads_is_listed(data: Path, tmp_path: Path) -> None:
    study = Path(shutil.copytree(data, tmp_path / "study", ignore=shutil.ignore_patterns("*.csv")))
    for name in ("quality.yml", "plans/autumn-2018.json", "partnership/register.yml",
                 "reports/autumn-2018.md", "reports/other.md"):  # fmt: skip
        (study / name).parent.mkdir(exist_ok=True)
        (study / name).write_text("x", "utf-8")
    (study / "reports" / "later.yml").write_text("revises: autumn-2018\n", "utf-8")
    listed = manifest.list_settings(load_report("later", study), study)
    wanted = "reports/later.yml reports/autumn-2018.yml plans/autumn-2018.json quality.yml "
    wanted += "partnership/register.yml programmes/closing-the-gap.yml"
    assert set(wanted.split()) <= set(listed)
    assert "reports/other.md" not in listed


def test_how_a_machine_rounds_is_a_fingerprint_that_repeats() -> None:
    assert manifest.hash_arithmetic() == manifest.hash_arithmetic()
    assert len(manifest.hash_arithmetic()) == 16


def test_code_is_told_from_another_only_where_git_knows_the_commit() -> None:
    assert manifest.same_code(None) is None
    assert manifest.same_code("0" * 40) is None
    assert manifest.same_code("--output=x") is None
