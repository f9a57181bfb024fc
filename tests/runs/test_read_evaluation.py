"""Step 05 takes up the evaluation that step 04 wrote: every table of it again, byte for byte."""

from dataclasses import replace
from pathlib import Path

import pytest

from pepstats.runs import open_step, read_evaluation, tasks
from pepstats.runs.files import as_csv
from tests.whole_runs import REPORT, copy_of


@pytest.mark.parametrize("slug", ["closing-the-gap", "send-in-mainstream"])
def test_what_is_taken_up_is_what_was_written_down(
    slug: str, finished: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = copy_of(finished, tmp_path / "working" / REPORT)
    monkeypatch.setenv("PEPSTATS_DATA", str(data))
    monkeypatch.setenv("PEPSTATS_RUN", str(run))
    step = "05-check-robustness"
    whole = replace(tasks.READS[step], own=tasks.ALL)  # step 05 asks nothing of costs; a test does
    monkeypatch.setitem(tasks.READS, step, whole)
    found = read_evaluation(open_step(step, REPORT, slug))
    there = run / "04-estimate-effect" / slug
    for name, table in found.tables().items():
        assert as_csv(table) == (there / f"{name}.csv").read_bytes(), name
