"""The command `sweep`: a list in, a folder of tables, pictures and papers out, and one message."""

import json
from pathlib import Path

import pandas as pd
import pytest

import pepstats
from pepstats.cli import main
from tests.whole_runs import LATER, REPORT


@pytest.fixture(scope="module")
def listed(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five programmes of eight schools, each in one authority; and schools that nobody knows."""
    study = pepstats.load(LATER, data=str(data))
    there = study.panel.wide("rwm_expected").dropna().index.difference(pd.Index(study.barred))
    la = study.register["la"].reindex(there)
    rows = ["programme,urn,joined,dose,for,kind"]
    for n, city in enumerate(la.value_counts().index[:5]):
        rows += [f"Reading {n},{study.register.loc[s, 'urn']},,{s % 5},,reading"
                 for s in la.index[la == city][:8]]  # fmt: skip
    rows += [f"Nobody,{100_000 + n},,,," for n in range(8)]
    path = tmp_path_factory.mktemp("lists") / "reading.csv"
    path.write_text("\n".join(rows) + "\n", "utf-8")
    return path


def sweep(listed: Path, data: Path, out: Path, *more: str) -> int:
    return main(["sweep", str(listed), LATER, "--data", str(data), "--out", str(out), *more])


def files_of(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (out / "sweeps" / "reading").iterdir()}


def test_a_sweep_leaves_its_tables_pictures_and_both_papers_and_says_each_thing_once(
    listed: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep(listed, data, tmp_path) == 0
    said = capsys.readouterr()
    assert said.out.strip().endswith("sweep.html") and Path(said.out.strip()).is_file()
    assert said.err.count("no source of the study has any of its schools") == 1
    assert "6 programmes entered: 5 evaluated, 1 left out" in said.err
    files = files_of(tmp_path)
    assert {"sweep.html", "sweep.docx", "sweep.xlsx", "sweep-exempt.html", "programmes.csv",
            "effects.csv", "pooled.csv", "pooled-programmes.csv", "power.csv", "doses.csv",
            "other-schools.csv", "forest-exempt.svg", "caterpillar-exempt.png",
            "about.json"} <= set(files)  # fmt: skip
    about = json.loads(files["about.json"])
    assert list(about["programmes"]) == ["reading.csv"] and about["report"] == LATER
    account = pd.read_csv(tmp_path / "sweeps" / "reading" / "programmes.csv")
    assert account["evaluated"].tolist() == [True] * 5 + [False]
    again = tmp_path / "two"
    assert sweep(listed, data, again, "--jobs", "2") == 0
    assert files_of(again) == files


def test_a_sweep_is_written_into_its_own_folder_and_no_other(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder asked for as `..` is known by its name; one without a name of its own is refused."""
    inside = tmp_path / "mine" / "inside"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    assert sweep(Path(".."), data, tmp_path / "out") == 2
    assert f"{tmp_path / 'mine'}: no programme is in this folder" in capsys.readouterr().err
    for nameless in (Path("/"), tmp_path / ".hidden"):
        assert sweep(nameless, data, tmp_path / "out") == 2
        assert "with a name of its own" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_early_results_leave_no_public_paper_and_one_message(
    listed: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["sweep", str(listed), REPORT, "--data", str(data), "--out", str(tmp_path)]
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.err.startswith("pepstats: ") and said.err.count("\n") == 1
    assert "published results only" in said.err and "--exempt" in said.err
    assert not (tmp_path / "sweeps").exists()


def test_a_list_of_which_nothing_can_be_evaluated_leaves_no_folder(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "nobody.csv"
    path.write_text("programme,urn\nNobody,100000\n", "utf-8")
    assert main(["sweep", str(path), LATER, "--data", str(data), "--out", str(tmp_path)]) == 2
    assert "none of the programmes could be evaluated" in capsys.readouterr().err
    assert not (tmp_path / "sweeps").exists()
