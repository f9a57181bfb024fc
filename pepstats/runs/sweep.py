"""Many programmes run at once from a list: their tables, pictures and paper in a folder."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pepstats.document import Document, write_formats
from pepstats.errors import DesignError
from pepstats.plots import to_png, to_svg
from pepstats.programmes import (
    Pooled,
    Sweep,
    evaluate_programmes,
    find_programmes,
    pool_sweep,
    sum_remarks,
    tabulate_answers,
)
from pepstats.report import SweepResults, refuse_unpublished, write_sweep_papers
from pepstats.runs.files import as_csv, fill_folder, sha256_of, write_whole
from pepstats.runs.manifest import find_commit
from pepstats.settings import Entered, Programme
from pepstats.sources import list_entered_members, read_entered
from pepstats.study import Study, load_study


@dataclass(frozen=True)
class SweepOptions:
    """How a sweep is run: processes at a time, and whether only the exempt paper is written."""

    jobs: int = 1
    exempt_only: bool = False
    tell: Callable[[str], None] = print


def sweep_study(
    study: Study, programmes: Iterable[Entered], executor: Executor | None = None
) -> Sweep:
    """Evaluate many programmes on one study; its own programmes' schools are barred as well."""
    entered = list_entered_members(programmes, study.data)
    found = find_programmes(entered, study.followed, study.data)
    inputs = study.inputs_of(next(iter(study.programmes.values())))
    return evaluate_programmes(found, inputs, study.barred, executor)


def run_sweep(listed: Path, report: str, data: Path, out: Path, options: SweepOptions) -> Path:
    """Evaluate every programme of a folder or a list, pool them, and write the paper.

    Returns the paper's path; all is in `sweeps/<name>/`, which takes the place of the last one when
    it is whole.
    """
    listed = listed.resolve()
    if not listed.stem or listed.stem.startswith("."):
        raise DesignError(f"{listed}: not a folder or a list of programmes with a name of its own.")
    study = load_study(report, data)
    like = next(iter(study.programmes.values()))
    entered = read_entered(listed, like)
    if not options.exempt_only:
        refuse_unpublished(_releases_of(study, entered), f"`{listed.name}` on `{report}`")
    fresh = multiprocessing.get_context("spawn")  # as on Windows: nothing of ours is forked
    with (
        ProcessPoolExecutor(options.jobs, fresh) if options.jobs > 1 else nullcontext()
    ) as executor:
        sweep = sweep_study(study, entered, executor)
    for line in sum_remarks(sweep.remarks, sweep.account):
        options.tell(line)
    done = int(sweep.account["evaluated"].sum())
    options.tell(f"{len(sweep.account)} programmes entered: {done} evaluated, "
                 f"{len(sweep.account) - done} left out")  # fmt: skip
    if not done:
        raise DesignError(f"{listed}: none of the programmes could be evaluated.")
    pooled = {outcome: pool_sweep(sweep, outcome) for outcome in sweep.outcomes}
    results = SweepResults(study.report, listed.stem, sweep, pooled)
    papers = write_sweep_papers(results, exempt_only=options.exempt_only)
    final = out / "sweeps" / listed.stem
    with fill_folder(final) as making:
        _write_all(making, results, papers, _describe_inputs(study, listed, like))
    return final / ("sweep-exempt.html" if options.exempt_only else "sweep.html")


def _releases_of(study: Study, entered: Iterable[Entered]) -> set[str]:
    """Return how final the results are that the programmes' outcomes rest on."""
    releases, year = study.panel.releases, study.report.year
    named = {name for one in entered if one.programme for name in one.programme.outcomes}
    there = [name for name in sorted(named) if name in releases and year in releases.index]
    return {str(releases.loc[year, name]) for name in there} - {""}


def tabulate_sweep(sweep: Sweep, pooled: Mapping[str, Pooled]) -> dict[str, pd.DataFrame]:
    """Return every table of a sweep by the name of its file."""
    tables = {
        "programmes": sweep.account,
        "remarks": sweep.remarks,
        "effects": sweep.effects,
        "refused": sweep.refused,
        "later": sweep.cells,
        "other-schools": sweep.rest,
        "doses": sweep.doses,
    }
    if pooled:
        parts = list(pooled.values())
        tables |= {
            "pooled": tabulate_answers(pooled),
            "pooled-programmes": pd.concat([one.each for one in parts], ignore_index=True),
            "power": pd.concat([one.power.assign(outcome=one.outcome) for one in parts]),
        }
    return {name: table for name, table in tables.items() if len(table.columns)}


def _describe_inputs(study: Study, listed: Path, like: Programme) -> dict[str, object]:
    files = sorted(listed.glob("*.yml")) if listed.is_dir() else [listed]
    return {
        "commit": find_commit(),
        "report": study.report.slug,
        "compared_as": like.slug,
        "programmes": {path.name: sha256_of(path) for path in files},
        "sources": {one.file: one.sha256 for one in study.sources},
    }


def _write_all(
    making: Path, results: SweepResults, papers: Mapping[str, Document], about: Mapping[str, object]
) -> None:
    for name, table in tabulate_sweep(results.sweep, results.pooled).items():
        write_whole(making / f"{name}.csv", as_csv(table))
    for name, picture in results.draw(named=True).items():
        write_whole(making / f"{name}-exempt.csv", as_csv(picture.table))
        write_whole(making / f"{name}-exempt.svg", to_svg(picture.figure))
        write_whole(making / f"{name}-exempt.png", to_png(picture.figure))
    for name, content in write_formats(papers).items():
        write_whole(making / name, content if isinstance(content, bytes) else content.encode())
    write_whole(making / "about.json", (json.dumps(about, indent=1) + "\n").encode())
