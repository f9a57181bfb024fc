"""Kernels: warm ones are as cold ones, and none is left when a run ends, however it ends."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import papermill
import psutil
import pytest

from pepstats import paths
from pepstats.errors import RunError
from pepstats.runs import kernels, runner
from tests.whole_runs import REPORT
from tests.worlds import ROOT

STATE = """
import os, sys, threading, pandas as pd, numpy as np, matplotlib
said = {"columns": pd.get_option("display.max_columns"), "backend": matplotlib.rcParams["backend"]}
said |= {"threads": sorted(type(one).__name__ for one in threading.enumerate())}
said |= {"folder": os.getcwd(), "asked": os.environ["ASKED"], "path": [p for p in sys.path if p]}
pd.reset_option("display.max_columns")
said |= {"default": pd.get_option("display.max_columns"), "main": __name__}
sorted(said.items())
"""


def write_notebook(path: Path, *cells: str) -> Path:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    path.write_text(nbformat.writes(made), "utf-8")
    return path


def execute(notebook: Path, one: kernels.Kernels, timeout: int = 60) -> list[dict[str, object]]:
    """Execute a notebook as a run does; return what its cells show."""
    manager, config = one.manager()
    done = papermill.execute_notebook(
        str(notebook), None, progress_bar=False, config=config, kernel_manager_class=manager,
        execution_timeout=timeout,
    )  # fmt: skip
    return [dict(output.get("data", output)) for cell in done.cells for output in cell.outputs]


def alive(mark: Path) -> list[int]:
    """List the processes that were given an environment that names a place."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            given = (folder / "environ").read_bytes()
        except OSError:
            continue
        if str(mark).encode() in given:
            found.append(int(folder.name))
    return found


linux = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux alone")


@linux
def test_a_warm_kernel_looks_to_a_notebook_as_a_cold_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASKED", "yes")
    notebook = write_notebook(tmp_path / "state.ipynb", STATE)
    shown = []
    for warm in (True, False):
        with kernels.start_kernels(warm=warm) as one:
            shown.append(execute(notebook, one))
    assert shown[0] == shown[1]
    assert "('columns', 20)" in str(shown[0])


@linux
def test_a_warm_kernel_is_forked_from_what_has_imported_all_and_has_one_thread(
    tmp_path: Path,
) -> None:
    cell = (
        "import os, sys; import pepstats.runs; parent = os.getppid(); "
        "[len(os.listdir(f'/proc/{parent}/task')), os.readlink(f'/proc/{parent}/exe') == "
        "os.readlink('/proc/self/exe'), "
        "b'import kernels' in open(f'/proc/{parent}/cmdline', 'rb').read()]"
    )
    with kernels.start_kernels(warm=True) as one:
        assert execute(write_notebook(tmp_path / "n.ipynb", cell), one) == [
            {"text/plain": "[1, True, True]"}
        ]


def test_where_nothing_can_be_forked_kernels_are_started_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = write_notebook(tmp_path / "n.ipynb", "6 * 7")
    for name, value in (("CAN_FORK", False), ("SERVE", "raise SystemExit(1)")):
        with monkeypatch.context() as patch:
            patch.setattr(kernels, name, value)
            with kernels.start_kernels(warm=True) as one:
                assert execute(notebook, one) == [{"text/plain": "42"}]


def test_a_temporary_folder_with_a_long_path_stops_no_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = write_notebook(tmp_path / "n.ipynb", "6 * 7")
    long = tmp_path / ("long-" * 20) / ("longer-" * 10)
    long.mkdir(parents=True)
    monkeypatch.setattr(kernels.tempfile, "tempdir", str(long))
    for short in (kernels.SHORT, str(long)):  # the last: no other folder is to be had
        monkeypatch.setattr(kernels, "SHORT", short)
        with kernels.start_kernels(warm=True) as one:
            assert execute(notebook, one) == [{"text/plain": "42"}]
        assert not one.folder.exists()


@pytest.fixture
def first_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let the first notebook of a run do something else in its third cell."""

    def write(source: str) -> None:
        folder = Path(shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks"))
        path = folder / "01-clean-sources.ipynb"
        notebook = json.loads(path.read_text("utf-8"))
        notebook["cells"][2]["source"] = [source]
        path.write_text(json.dumps(notebook), "utf-8")
        monkeypatch.setattr(paths, "NOTEBOOKS", folder)

    return write


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import os; os.kill(os.getpid(), 9)", "kernel was killed .* out of memory: .*--jobs 1"),
        ("import time; time.sleep(1000)", "longer than 3 seconds .* allow more: `--longest-cell"),
    ],
)
def test_a_cell_that_never_ends_is_named_where_each_kernel_is_started_by_itself_too(
    source: str, says: str, first_cell: Callable[[str], None], data: Path, tmp_path: Path
) -> None:
    """Of warm kernels, `test_faults` asks the same by the command."""
    first_cell(source)
    options = runner.RunOptions(longest_cell=3, warm=False)
    with pytest.raises(RunError, match=says) as told:
        runner.run_report(REPORT, data=data, out=tmp_path, options=options)
    kept = tmp_path / "working" / f"{REPORT}.failed" / "01-clean-sources.failed.ipynb"
    assert f"notebook 01-clean-sources, cell 3, kept in {kept}" in str(told.value)
    cells = [cell for cell in json.loads(kept.read_text("utf-8"))["cells"]
             if cell["cell_type"] == "code"]  # fmt: skip
    assert cells[0]["execution_count"] == 1 and cells[2]["source"] in (source, [source])
    assert not (tmp_path / "working" / REPORT).exists()
    assert not alive(tmp_path)


@linux
@pytest.mark.parametrize(
    ("reached", "number"),
    [("a kernel is at work", signal.SIGINT), ("a kernel is at work", signal.SIGKILL),
     ("all of it warms up", signal.SIGKILL)],  # and stopped by a key, in `test_faults`
)  # fmt: skip
def test_a_run_that_is_stopped_leaves_no_kernel_and_no_temporary_folder(
    number: int, reached: str, data: Path, tmp_path: Path
) -> None:
    out, temporary = tmp_path / "out", Path(tempfile.mkdtemp(dir="/tmp", prefix="t"))
    with subprocess.Popen(
        [sys.executable, "-m", "pepstats", "run", "--data", str(data), "--out", str(out)],
        cwd=ROOT, env={**os.environ, "TMPDIR": str(temporary)}, stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            count = 2 if reached == "a kernel is at work" else 1  # beside what warms up, the run
            wait_for(lambda: any(temporary.iterdir()) and len(alive(temporary)) > count)
            process.send_signal(number)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode != 0 and b"Traceback" not in said, said
    wait_for(lambda: not alive(temporary) and not list(temporary.iterdir()))
    assert not (out / "working" / REPORT).exists()
    temporary.rmdir()


def children() -> set[int]:
    return {process.pid for process in psutil.Process().children(recursive=True)}


def wait_for(seen: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not seen():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize("warm", [True, False])
def test_only_what_a_run_started_is_ended_when_it_stops(warm: bool, tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    before = children()
    notebook = write_notebook(tmp_path / "n.ipynb", "import time", "time.sleep(60)")
    with kernels.start_kernels(warm=warm) as one, ThreadPoolExecutor() as pool:
        asleep = pool.submit(execute, notebook, one)
        wait_for(lambda: len(children() - before) > warm)
        time.sleep(1)
        one.stop()
        with pytest.raises(RuntimeError):
            asleep.result(timeout=30)
    assert children() == before and other.poll() is None
    other.kill()
    other.wait()
