"""A whole run: the notebooks in order through Papermill, and the manifest last.

Everything is made in a folder of its own beside the last run and takes its place only when it is
whole, so that a run that is stopped, or that fails, writes over nothing.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pepstats import paths
from pepstats.errors import DesignError, RunError, SourceError, describe_fault, nearest
from pepstats.impact import choose_months
from pepstats.priority import load_dashboard
from pepstats.report import check_officers_words
from pepstats.runs import manifest
from pepstats.runs.disclosed import FOLDER
from pepstats.runs.files import (
    LOG,
    MANIFEST,
    describe_files,
    fill_folder,
    lab_beside,
    sha256_of,
    write_whole,
)
from pepstats.runs.kernels import Kernels, import_papermill, start_kernels
from pepstats.runs.reuse import Ground, find_kept, hash_code, kept_beside
from pepstats.runs.revision import find_earlier
from pepstats.runs.tasks import StepRecord, Task, check_parameters, list_tasks, parameters_of
from pepstats.schools import check_asked
from pepstats.settings import (
    Programme,
    Report,
    check_named_files,
    hash_settings,
    list_parts,
    load_programmes,
    load_quality,
    load_report,
)
from pepstats.sources import Source, Tidied, check_statements, find_source, parse_source

KERNEL = "python3"
LONGEST_CELL = 900
"""Seconds that a cell may take before it is said to hang; the longest of ours takes some twenty."""
OURS = {kind.__name__: kind for kind in (SourceError, DesignError, RunError)}


@dataclass(frozen=True)
class RunOptions:
    """How a run is made: notebooks at a time, also what has not changed, and who is told.

    `longest_cell` is how many seconds a cell may take before it is said to hang. Kernels that are
    not to be `warm` are started one by one.
    """

    jobs: int = 1
    force: bool = False
    tell: Callable[[str], None] = lambda _: None
    longest_cell: int = LONGEST_CELL
    warm: bool = True


def run_report(
    slug: str,
    *,
    data: Path,
    out: Path,
    programmes: Iterable[str] = (),
    options: RunOptions = RunOptions(),
) -> Path:
    """Execute a report's notebooks in order and return the finished paper's path.

    A step whose every source is what it was in the last run is taken over from it, unless `force`.
    `tell` is told what is being done. Raises the error of the first notebook that fails, naming
    its cell; the failed copy is kept in `<report>.failed` beside the run.
    """
    asked = list_parts(programmes, data)
    report, found = check_request(slug, data, asked)
    chosen = asked or report.programmes
    final = out / "working" / report.slug
    with fill_folder(final) as making:
        (making / "notebooks").mkdir()
        started = time.time()
        earlier = find_earlier(report, out)
        last = manifest.find_manifest(final)
        ground = replace(
            find_ground(making, final, report, found, data),
            times={name: one.seconds for name, one in last.steps.items()} if last else {},
            earlier=earlier,
            told={one.name: sha256_of(one) for one in sorted((out / FOLDER).glob("*.csv"))},
            last=None if options.force else last,
            kept=None if options.force else find_kept(final),
        )
        with handed_to_kernels(data, out, making):
            done = execute(list_tasks(chosen), report.slug, options, ground)
        ground.refuse_changes()
        if find_earlier(report, out) != earlier:
            raise RunError(f"The run of {report.revises} became another meanwhile. Run again.")
        (making / LOG).write_bytes(manifest.log_as_text(done))
        write_manifest(ground, report, chosen, done, started)
    failed = final.with_name(f"{final.name}.failed")
    for old in (failed, lab_beside(final), kept_beside(final)):
        shutil.rmtree(old, ignore_errors=True)
    if kept := sum(one.reused for one in done.values()):
        options.tell(
            f"{kept} of {len(done)} steps are as they were: nothing they rest on has changed."
        )
    if report.revises is not None and earlier is None:
        options.tell(
            f"{report.revises} has not been run here, so the paper cannot show what changed since. "
            f"Run `pepstats run {report.revises}` first, then {report.slug} again."
        )
    return final / "07-board-report" / "report.html"


def check_request(
    slug: str, data: Path, programmes: Iterable[str] = ()
) -> tuple[Report, list[Source]]:
    """Check all that can be checked before anything runs: settings, files, texts."""
    report = load_report(slug, data)
    check_named_files(report, data)
    for name in programmes:
        if name not in report.programmes:
            raise DesignError(
                f"Report `{slug}` has no programme `{name}`. {nearest(name, report.programmes)}"
            )
    found = [find_source(line, data) for line in report.sources]
    all_programmes = load_programmes(report, data)
    _check_words_of(report, all_programmes, found, data)  # what is edited most, and told soonest
    check_asked(report, all_programmes, found, data)
    return report, found


def _check_words_of(
    report: Report, programmes: Iterable[Programme], found: Iterable[Source], data: Path
) -> None:
    """Refuse what would only stop a later step: texts, rules, the quality log, statements."""
    text, programmes = data / "reports" / f"{report.slug}.md", list(programmes)
    try:
        words = text.read_text("utf-8") if text.is_file() else None
        check_officers_words(report, programmes, words)
    except UnicodeDecodeError as error:
        raise DesignError(
            f"{text}: not UTF-8 text (byte {error.start}). Save it as UTF-8."
        ) from None
    load_quality(report.slug, data)
    load_dashboard(data, report.year)
    for one in programmes:
        choose_months(one, data)
    wholes = dict.fromkeys(one.whole for one in programmes)
    for source in (one for one in found if one.kind == "statements"):
        for part in parse_source(source):
            if isinstance(part, Tidied):
                check_statements(part.values, file=source.file, schools=wholes)


def find_ground(
    making: Path, final: Path, report: Report, found: Iterable[Source], data: Path
) -> Ground:
    """Gather what all steps of a run stand on, each file by its hash as it is at the start."""
    settings = {name: hash_settings(data / name) for name in manifest.list_settings(report, data)}
    programmes = {one.slug: one for one in load_programmes(report, data)}
    return Ground(making, final, data, hash_code(), report, programmes, settings, tuple(found))


def execute(
    tasks: list[Task], report: str, options: RunOptions, ground: Ground
) -> dict[str, StepRecord]:
    """Execute tasks, each when what it needs is done, as many at a time as asked.

    Those that would make what the last run made are taken over from it. Returns what is to be known
    of each, by its name.
    """
    from tqdm import tqdm

    for task in tasks:
        check_parameters(task)
    futures: dict[Future[StepRecord], Task] = {}
    with (
        tqdm(total=len(tasks), file=sys.stderr, unit="notebook", disable=None, leave=False) as bar,
        start_kernels(warm=options.warm) as kernels,
        ThreadPoolExecutor(max_workers=max(1, options.jobs)) as workers,
    ):
        for task in tasks:  # in their order: what a task needs is always begun before it
            needed = [future for future, other in futures.items() if task.needs(other)]
            future = workers.submit(
                _execute_one, task, report, needed, ground, kernels, options.longest_cell
            )
            futures[future] = task
        left = list(tasks)
        options.tell(f"{len(left)} steps{ground.say_left(left)}")
        try:
            for future in as_completed(futures):
                done, task = future.result(), futures[future]
                left.remove(task)
                about = ground.say_left(left)
                options.tell(f"{task.name.replace('--', ' · '):<52} {done.took:>9}{about}")
                bar.update()
        except BaseException:
            kernels.stop()
            workers.shutdown(wait=False, cancel_futures=True)
            ended = [one for one in futures if one.done() and not one.cancelled()]
            ground.keep({futures[one]: one.result() for one in ended if one.exception() is None})
            raise
    return {task.name: future.result() for future, task in futures.items()}


def _execute_one(
    task: Task, report: str, needed: Iterable[Future[StepRecord]], ground: Ground,
    kernels: Kernels, longest: int,
) -> StepRecord:  # fmt: skip
    """Wait for what a task needs; then take it over where it is the same, else execute it."""
    for other in needed:
        other.result()
    started = time.perf_counter()
    stands_on = ground.stands_on(task)
    reused = ground.take_over(task, stands_on)
    if not reused:
        _execute_notebook(task, report, ground.making, kernels, longest)
    seconds = round(time.perf_counter() - started, 2)
    if reused:  # how long it takes is what it took when it was made
        seconds = ground.times.get(task.name, seconds)
    return StepRecord(stands_on=stands_on, seconds=seconds, reused=reused)


def _execute_notebook(
    task: Task, report: str, making: Path, kernels: Kernels, longest: int
) -> None:
    """Execute one notebook; its copy has its final name only when it succeeded."""
    manager, config = kernels.manager()  # begins to warm up, while Papermill is imported
    papermill = import_papermill()
    from nbclient.exceptions import CellTimeoutError
    from papermill.exceptions import PapermillExecutionError

    source = paths.NOTEBOOKS / f"{task.step}.ipynb"
    final = making / "notebooks" / f"{task.name}.ipynb"
    partial = final.with_name(f"{task.name}.partial.ipynb")
    try:
        papermill.execute_notebook(
            str(source), str(partial), parameters=parameters_of(task, report),
            kernel_name=KERNEL, progress_bar=False, log_output=False, config=config,
            kernel_manager_class=manager, execution_timeout=longest,
            start_timeout=max(60, longest),
        )  # fmt: skip
    except (PapermillExecutionError, CellTimeoutError, RuntimeError) as error:
        if kernels.stopped:  # with the run, which has its own reason
            raise
        where = _keep_failed(task, partial, making.with_name(f"{report}.failed"))
        if not isinstance(error, PapermillExecutionError):
            what = HANGS if isinstance(error, CellTimeoutError) else KILLED
            raise RunError(what.format(longest, 4 * longest, where=where)) from None
        if error.ename in OURS:
            raise OURS[error.ename](f"{error.evalue} ({where})") from None
        fault = MemoryError() if error.ename == MemoryError.__name__ else error.evalue
        if told := describe_fault(fault):
            raise RunError(f"{told} ({where}).") from None
        raise NotebookDefect(f"{where}: {error.ename}: {error.evalue}", str(error)) from None
    manifest.normalise_notebook(partial, parameters_of(task, report))
    partial.replace(final)


HANGS = (
    "A cell took longer than {} seconds and was ended ({where}). Where the machine is just slow, "
    "allow more: `--longest-cell {}`."
)
KILLED = (
    "A notebook's kernel was killed ({where}). Most often the machine has run out of memory: close "
    "other programs, or run with `--jobs 1`."
)


def _keep_failed(task: Task, partial: Path, folder: Path) -> str:
    """Keep the copy of a notebook that failed, and say which it is, its cell, and where it is."""
    where = f"notebook {task.name}"
    with suppress(OSError, ValueError):  # on a full disk there may be none
        cells = json.loads(partial.read_text("utf-8"))["cells"]
        begun = [cell for cell in cells if cell["metadata"].get("papermill", {}).get("start_time")]
        ran = sum(cell["cell_type"] == "code" for cell in begun)
        where = f"{where}, cell {ran}"
        folder.mkdir(exist_ok=True)
        kept = folder / f"{task.name}.failed.ipynb"
        partial.replace(kept)
        where = f"{where}, kept in {kept}"
    return where


def write_manifest(
    ground: Ground, report: Report, programmes: Iterable[str], done: Mapping[str, StepRecord],
    started: float,
) -> None:  # fmt: skip
    """Describe a finished run in its folder: everything in it, and everything it came from."""
    lock = paths.PROJECT / "requirements.lock"
    content = {
        "schema": manifest.SCHEMA,
        "report": report.slug,
        "programmes": list(programmes),
        "seeds": {slug: one.seed for slug, one in ground.programmes.items()},
        "code": {
            "commit": manifest.find_commit(),
            "modified": bool(manifest.ask_git("status", "--porcelain", "--", *manifest.CODE)),
            "lock": sha256_of(lock) if lock.is_file() else None,
        },
        **manifest.describe_machine(),
        "settings": dict(ground.settings),
        "inputs": [
            manifest.describe_input(one, invented=report.invented) for one in ground.sources
        ],
        "earlier": ground.earlier and ground.earlier.model_dump(include={"report", "tables"}),
        "outputs": {name: one.model_dump() for name, one in describe_files(ground.making).items()},
        "started": manifest.utc(started),
        "nonce": secrets.token_hex(16),
        "working": None,
        "steps": {name: one.model_dump() for name, one in done.items()},
        "release": None,
    }  # fmt: skip
    write_whole(ground.making / MANIFEST, manifest.manifest_as_text(content))


class NotebookDefect(Exception):
    """A notebook failed for a reason that is ours, not the input's."""

    def __init__(self, message: str, traceback: str) -> None:
        """Keep the notebook's own traceback for the log."""
        super().__init__(message)
        self.traceback = traceback


@contextmanager
def handed_to_kernels(data: Path, out: Path, making: Path) -> Iterator[None]:
    """Let the kernels know where the data and the run are, and keep them to one thread each.

    All start in the run's folder. The whole process stands there meanwhile: Papermill steps into
    it for each notebook and back again, and two at a time would leave us where the other stood.
    One thread, because sums in another order differ in the last digit; compiled bytecode is
    allowed, because without it every kernel compiles its imports again.
    """
    given = {
        "PEPSTATS_DATA": str(data),
        "PEPSTATS_OUT": str(out),
        "PEPSTATS_RUN": str(making),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "RAYON_NUM_THREADS": "1",  # diff-diff's own sums
        "PYTHONDONTWRITEBYTECODE": "",
    }
    before, stood = dict(os.environ), Path.cwd()
    os.environ.update(given)
    os.chdir(making)
    logging.getLogger("papermill").setLevel(logging.CRITICAL)  # what fails is told once
    try:
        yield
    finally:
        os.chdir(stood)
        if "papermill" in sys.modules:  # two at a time leave it in the run's folder
            sys.modules["papermill.iorw"].papermill_io.get_handler("local").cwd(None)
        for name in given.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)
