"""The chain from a named entry to published cells: each link holds, and a broken one is said."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from pepstats.errors import RunError
from pepstats.runs import fold_lines, manifest, trace, trace_entry
from pepstats.runs.files import sha256_of
from pepstats.settings import Report
from pepstats.study import Study, load_study
from tests.whole_runs import LATER, REPORT, copy_of, invoke, replace

CELL = re.compile(r"(\S+\.csv), line ([\d,]+)(?:, as URN \d+)?, column (\S+): `(.*)`")
OWN = re.compile(r"school (\d+), line (\d+): gap (\S+) = own (\S+) -")


def cell_of(data: Path, file: str, line: int, column: str) -> str:
    """Read one cell by hand: the line of the file, the column by its name."""
    text = (data / file).read_bytes().decode("utf-8-sig")
    header = next(csv.reader([text.splitlines()[0]]))
    return next(csv.reader(io.StringIO(text.splitlines()[line - 1])))[header.index(column)]


@pytest.fixture(scope="module", autouse=True)
def loaded_once() -> Iterator[None]:
    """Read published files once for all chains that come from one folder."""
    known: dict[tuple[str, Path], Study] = {}

    def load(report: Report, data: Path) -> Study:
        asked = report.slug, data
        if asked not in known:
            known[asked] = load_study(report, data)
        return known[asked]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace, "load_study", load)
        yield


@pytest.fixture(scope="module")
def chain(revised: Path, data: Path) -> str:
    return "\n".join(trace_entry(LATER, "closing-the-gap.headline", data, revised.parents[1]))


def test_every_cell_of_the_chain_is_where_it_says_and_says_what_it_says(
    chain: str, data: Path
) -> None:
    cells = CELL.findall(chain)
    assert len(cells) > 30
    for file, line, column, text in cells:
        found = cell_of(data, file, int(line.replace(",", "")), column)
        assert found.strip() == text, (file, line, column)


def test_the_schools_of_the_chain_add_up_to_the_estimate(chain: str, revised: Path) -> None:
    folder = revised / "04-estimate-effect" / "closing-the-gap"
    effects, gaps = pd.read_csv(folder / "effects.csv"), pd.read_csv(folder / "gaps.csv")
    leading = effects.iloc[0]
    own = gaps[(gaps["outcome"] == leading["outcome"]) & gaps["gap"].notna()]
    assert [int(s) for s, *_ in OWN.findall(chain)] == own["school"].tolist()
    assert f"the mean of {len(own)} gaps" in chain and f"outcome {leading['outcome']}" in chain
    for school, line, gap, result in OWN.findall(chain):
        row = gaps.iloc[int(line) - 2]
        assert (row["school"], row["gap"], row["own"]) == pytest.approx(
            (int(school), float(gap), float(result)), rel=1e-5
        )


def test_files_of_the_chain_are_named_with_hash_licence_and_page(
    chain: str, revised: Path, data: Path
) -> None:
    made = manifest.read_manifest(revised)
    used = {file for file, *_ in CELL.findall(chain)}
    for one in made.inputs:
        assert one.licence and one.page and one.sha256 == sha256_of(data / str(one.file))
        assert (f"sha256 {one.sha256}" in chain) == (one.file in used)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("closing-the-gap.rwm_expected.estimate", "outcome rwm_expected"),
        ("send-in-mainstream.reading_progress.size", "column READPROG"),
        ("closing-the-gap.starts", "settings file programmes/closing-the-gap.yml"),
        ("ratings.sentence", "table 02-priority-ratings/ratings.csv"),
        ("report.releases", "send-in-mainstream/effects.csv"),
        ("closing-the-gap.statements", "06-case-studies/closing-the-gap/statements.csv"),
    ],
)
def test_entries_of_all_kinds_have_a_chain_of_at_most_a_hundred_columns(
    entry: str, words: str, revised: Path, data: Path
) -> None:
    chain = trace_entry(LATER, entry, data, revised.parents[1])
    assert chain[0] == entry and chain[1].startswith("  says: ") and words in "\n".join(chain)
    said = fold_lines(chain)
    assert max(map(len, said.splitlines())) <= 100
    assert said.split() == " ".join(chain).split()


def test_a_rating_is_traced_to_the_cells_of_its_results(finished: Path, data: Path) -> None:
    """Once it named its files only."""
    ratings = pd.read_csv(finished / "02-priority-ratings" / "ratings.csv")
    school = int(ratings.loc[ratings["rating"].notna(), "school"].iloc[3])
    out = finished.parents[1]
    chain = trace_entry(REPORT, "ratings.sentence", data, out, school)
    line = ratings.index[ratings["school"] == school][0] + 2
    (row,) = [one for one in chain if one.startswith(f"  one of its rows, line {line}: ")]
    assert f"school {school};" in row
    parts = pd.read_csv(finished / "02-priority-ratings" / "contributions.csv")
    known = parts[(parts["school"] == school) & parts["value"].notna()]
    told = [one for one in chain if "contributions.csv, line" in one]
    assert [int(one.rpartition(" ")[2]) - 2 for one in told] == list(known.index)
    cells = CELL.findall("\n".join(chain))
    assert len(cells) >= 4
    for file, at, column, text in cells:
        assert cell_of(data, file, int(at.replace(",", "")), column).strip() == text
    published = pd.to_numeric(known["published"], errors="coerce").tolist()
    assert {float(text) for *_, text in cells} <= set(published)


def test_a_case_and_a_statement_are_traced_to_their_own_row(finished: Path, data: Path) -> None:
    out, slug = finished.parents[1], "closing-the-gap"
    cases = pd.read_csv(finished / "06-case-studies" / slug / "cases.csv")
    for number in (1, 2):
        chain = trace_entry(REPORT, f"{slug}.case-{number}.name", data, out)
        (row,) = [one for one in chain if "one of its rows" in one]
        assert f"line {number + 1}: school {cases['school'].iloc[number - 1]};" in row
    said = pd.read_csv(finished / "06-case-studies" / slug / "statements.csv").iloc[2]
    chain = trace_entry(REPORT, f"{slug}.quoted", data, out, int(said["school"]))
    (place,) = [one.strip() for one in chain if re.match(r"    \S+statements.csv, line \d+$", one)]
    file, _, at = place.partition(", line ")
    assert cell_of(data, file, int(at), "statement").strip() == said["statement"]


def test_october_s_own_results_are_found_in_the_authority_s_list(
    finished: Path, data: Path
) -> None:
    said = "\n".join(trace_entry(REPORT, "closing-the-gap.chance", data, finished.parents[1]))
    local = [cell for cell in CELL.findall(said) if "local_results" in cell[0]]
    assert local and "- forecast" in said
    for file, line, column, text in local:
        assert cell_of(data, file, int(line.replace(",", "")), column) == text


def test_a_link_that_does_not_hold_is_said(revised: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run = copy_of(revised, out / "working" / LATER)
    with pytest.raises(RunError, match=r"no entry `closing-the-gap\.headlin`. Did you mean"):
        trace_entry(LATER, "closing-the-gap.headlin", data, out)
    gaps = "04-estimate-effect/closing-the-gap/gaps.csv"
    table = pd.read_csv(run / gaps)
    table.loc[table["gap"].notna().idxmax(), "gap"] += 1
    table["gap"] += 0.5
    replace(run / gaps, table.to_csv(index=False).encode())
    with pytest.raises(RunError, match="add up to"):
        trace_entry(LATER, "closing-the-gap.headline", data, out)
    effects = "04-estimate-effect/closing-the-gap/effects.csv"
    replace(run / effects, (run / effects).read_bytes() + b"\n")
    with pytest.raises(RunError, match="changed since it was written"):
        trace_entry(LATER, "closing-the-gap.headline", data, out)
    study = copy_of(data, tmp_path / "study")
    text = study / "programmes" / "closing-the-gap.yml"
    replace(text, text.read_bytes() + b"# later\n")
    with pytest.raises(RunError, match="changed since the run"):
        trace_entry(LATER, "closing-the-gap.starts", study, out)


def test_the_command_prints_the_chain_and_refuses_in_one_line(revised: Path, data: Path) -> None:
    folders = ("--data", str(data), "--out", str(revised.parents[1]))
    done = invoke("trace", LATER, "closing-the-gap.k", *folders)
    assert done.returncode == 0 and done.stdout.startswith("closing-the-gap.k\n")
    done = invoke("trace", LATER, "nothing", *folders)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and not done.stdout
