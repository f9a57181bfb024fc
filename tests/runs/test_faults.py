"""What goes wrong on a machine: one message, nothing half made, nothing left, the next one goes on.

The whole commands are tried by `benchmarks/faults.py`; here is one quick test of each kind.
"""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from pepstats import cli, paths
from pepstats.cli import main
from pepstats.errors import RunError, describe_fault
from pepstats.runs import files, kernels, runner, verify
from pepstats.runs.files import fill_folder, hold_alone, private_folder, write_whole
from pepstats.runs.tasks import StepRecord, Task
from tests.runs.test_kernels import alive
from tests.whole_runs import REPORT, copy_of, hashes, invoke
from tests.worlds import ROOT

posix = pytest.mark.skipif(os.name != "posix", reason="signals and kills as POSIX has them")

FILL = """
import os, signal, sys
from pathlib import Path
from pepstats.runs.files import fill_folder
final = Path(sys.argv[1])
writes = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree"}
def count(event, about):
    global left
    if event in writes or (event == "open" and set(str(about[1])) & set("wax")):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
for line in sys.stdin:
    child = os.fork()
    if not child:
        left = int(line)
        sys.addaudithook(count)
        with fill_folder(final) as making:
            for name in "abc":
                (making / name).write_text("new")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


@posix
def test_killed_at_any_of_its_writes_a_folder_is_the_old_or_the_new_one_whole(
    tmp_path: Path,
) -> None:
    final = tmp_path / "run"
    killed, ended = 0, None
    with subprocess.Popen([sys.executable, "-c", FILL, str(final)], cwd=ROOT, text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as filling:  # fmt: skip
        for last in range(1, 40):
            with fill_folder(final) as making:
                for name in "abc":
                    (making / name).write_text("old", "utf-8")
            filling.stdin.write(f"{last}\n")
            filling.stdin.flush()
            ended = int(filling.stdout.readline())
            killed += ended == -signal.SIGKILL
            files.sweep_partial(final)
            said = {(final / name).read_text("utf-8") for name in "abc"}
            assert said in ({"old"}, {"new"}), last
            if ended == 0:
                break
    assert ended == 0
    assert 8 < killed < 39  # and the last one was let finish
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_second_command_on_one_report_is_told_and_writes_nothing(tmp_path: Path) -> None:
    final = tmp_path / "working" / REPORT
    with fill_folder(final) as making:
        (making / "a").write_text("first", "utf-8")
        before = {path.name for path in final.parent.iterdir()}
        with pytest.raises(RunError, match="Another command is at work on"), fill_folder(final):
            pass
        assert {path.name for path in final.parent.iterdir()} == before
    assert hashes(final, but=()).keys() == {"a"}
    assert [path.name for path in final.parent.iterdir()] == [REPORT]


def test_of_many_at_once_just_one_holds_a_folder(tmp_path: Path) -> None:
    held, most = [0], [0]

    def hold(_: int) -> bool:
        try:
            with hold_alone(tmp_path / "run"):
                held[0] += 1
                most[0] = max(most[0], held[0])
                time.sleep(0.002)
                held[0] -= 1
        except RunError:
            return False
        return True

    with ThreadPoolExecutor(8) as workers:
        got = list(workers.map(hold, range(200)))
    assert most == [1] and any(got)
    assert not list(tmp_path.iterdir())


@posix
def test_a_killed_command_holds_nothing(tmp_path: Path) -> None:
    code = ("import os, signal; from pathlib import Path; from pepstats.runs.files import "
            f"hold_alone\nwith hold_alone(Path({str(tmp_path / 'run')!r})): "
            "os.kill(os.getpid(), signal.SIGKILL)")  # fmt: skip
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert (tmp_path / ".run.lock").is_file()
    with hold_alone(tmp_path / "run"):
        pass
    assert not list(tmp_path.iterdir())


def test_a_release_waits_for_no_run_and_is_told(
    whole: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = whole.parents[1]
    words = ["release", REPORT, "--data", str(data), "--out", str(out), "--draft"]
    for place in (whole, out / "released"):
        with hold_alone(place):
            assert main(words) == 2
        assert f"Another command is at work on {place}" in capsys.readouterr().err


def test_a_folder_that_is_taken_away_meanwhile_is_said_in_one_message(tmp_path: Path) -> None:
    with (
        pytest.raises(RunError, match="was taken away meanwhile"),
        fill_folder(tmp_path / "run") as making,
    ):
        shutil.rmtree(making)
        (making / "a").write_text("x", "utf-8")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.ENAMETOOLONG])
def test_what_the_machine_refuses_is_one_message_and_no_defect(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files.Path, "write_bytes", refuse)
    assert main(["invent", str(tmp_path / "england"), "--schools", "300"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("pepstats: ") and said.count("\n") == 1
    assert "defect" not in said and (describe_fault(OSError(number, "")) or "?") in said


def test_a_file_that_a_full_disk_has_no_room_for_leaves_no_half_and_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `steps.json` of what is kept of a failed run once did."""
    path = tmp_path / "steps.json"
    write_whole(path, b"before")

    def fill_up(self: Path, content: bytes) -> None:
        with self.open("wb") as file:
            file.write(content[:3])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.Path, "write_bytes", fill_up)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"after it")
    assert [one.name for one in tmp_path.iterdir()] == ["steps.json"]
    assert path.read_bytes() == b"before"


def test_a_full_disk_names_the_folder_though_the_system_does_not(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space") as full, fill_folder(tmp_path / "run"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert describe_fault(full.value) == (
        f"{tmp_path}: the disk is full. Make room, or name another folder with --out"
    )


def test_what_a_kernel_says_of_a_full_disk_is_read_and_other_errors_are_ours() -> None:
    said = "[Errno 28] No space left on device: '/x/panel.csv'"
    assert (describe_fault(said) or "").startswith("/x/panel.csv: the disk is full")
    assert (describe_fault("[Errno 28] No space left on device") or "").startswith("the disk is")
    assert describe_fault("[Errno 2] No such file or directory: 'x'") is None
    assert describe_fault(ValueError("[Errno 28]x")) is not None
    assert describe_fault(KeyError("x")) is None and describe_fault("the disk") is None


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tmp_path.chmod(0o500)
    assert main(["invent", str(tmp_path / "england"), "--schools", "300"]) == 2
    assert "not allowed" in capsys.readouterr().err


def write_notebooks(folder: Path, first: str) -> Path:
    """Copy the notebooks, the first of which does something else before all."""
    shutil.copytree(ROOT / "notebooks", folder)
    path = folder / "01-clean-sources.ipynb"
    notebook = json.loads(path.read_text("utf-8"))
    notebook["cells"][2]["source"] = [textwrap.dedent(first)]
    path.write_text(json.dumps(notebook), "utf-8")
    return folder


BROKEN = {
    "a kernel killed": (
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
        r"kernel was killed .* run out of memory: .*--jobs 1",
    ),
    "a cell that hangs": (
        "import time\ntime.sleep(600)", r"longer than 2 seconds .* allow more: `--longest-cell 8`",
    ),
    "a full disk": (
        "raise OSError(28, 'No space left on device', '/x/panel.csv')",
        "/x/panel.csv: the disk is full",
    ),
    "no memory": ("raise MemoryError", "no memory left"),
}  # fmt: skip


@posix
@pytest.mark.parametrize("what", BROKEN)
def test_what_befalls_a_notebook_is_named_with_its_cell_and_its_copy_kept(
    what: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    first, says = BROKEN[what]
    if "a kernel" not in what and "a cell" not in what:
        monkeypatch.setattr(kernels, "CAN_FORK", False)  # one kernel by itself is sooner there
    monkeypatch.setattr(paths, "NOTEBOOKS", write_notebooks(tmp_path / "notebooks", first))
    words = ["run", "--data", str(data), "--out", str(tmp_path / "out"), "--longest-cell", "2"]
    assert main(words) == 2
    (said,) = [line for line in capsys.readouterr().err.splitlines() if "pepstats:" in line]
    assert re.search(says, said) and "defect" not in said
    kept = tmp_path / "out" / "working" / f"{REPORT}.failed" / "01-clean-sources.failed.ipynb"
    assert f"notebook 01-clean-sources, cell 3, kept in {kept}" in said
    cells = [cell for cell in json.loads(kept.read_text("utf-8"))["cells"]
             if cell["cell_type"] == "code"]  # fmt: skip
    assert cells[0]["execution_count"] == 1
    assert "".join(cells[2]["source"]) == first
    assert not (tmp_path / "out" / "working" / REPORT).exists()
    assert not alive(tmp_path)


HANG = """
import sys
from pathlib import Path
from pepstats import cli, paths
paths.NOTEBOOKS = Path(sys.argv[1])
sys.exit(cli.main(["run", "--data", sys.argv[2], "--out", sys.argv[3], "--longest-cell", "2"]))
"""


@posix
def test_a_command_whose_cell_hangs_says_one_thing_to_its_very_end(
    data: Path, tmp_path: Path
) -> None:
    """What still waited for the kernel complained when Python ended, after the message."""
    books = write_notebooks(tmp_path / "notebooks", "import time\ntime.sleep(600)")
    done = subprocess.run(
        [sys.executable, "-c", HANG, str(books), str(data), str(tmp_path / "out")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    last = done.stderr.rstrip().splitlines()[-1]
    assert last.startswith("pepstats: A cell took longer than 2 seconds"), done.stderr


def test_temporary_folders_of_the_dead_are_cleared_away_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files.tempfile, "tempdir", str(tmp_path))
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                          capture_output=True, text=True, check=True).stdout.strip()  # fmt: skip
    kept = {f"pepstats-{os.getppid()}-x", f"pepstats-{os.getpid()}-y", "pepstats-notes-1"}
    for name in (*kept, f"pepstats-{dead}-z"):
        (tmp_path / name).mkdir()
    with private_folder() as place:
        assert {path.name for path in tmp_path.iterdir()} == {*kept, place.name}
    assert {path.name for path in tmp_path.iterdir()} == kept


STOPPED = {signal.SIGINT: 130, signal.SIGTERM: 143}


@posix
@pytest.mark.parametrize("how", STOPPED)
def test_a_stopped_run_leaves_no_kernel_and_no_folder(
    how: signal.Signals, data: Path, tmp_path: Path
) -> None:
    tmp, out = tmp_path / "tmp", tmp_path / "out"
    tmp.mkdir()
    begun = subprocess.Popen(
        [sys.executable, "-m", "pepstats", "run", "--data", str(data), "--out", str(out),
         "--jobs", "2"],
        cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "TMPDIR": str(tmp)},
    )  # fmt: skip
    ours = psutil.Process(begun.pid)
    while not (begun_by_it := ours.children(recursive=True)) and begun.poll() is None:
        time.sleep(0.05)
    time.sleep(1)
    begun.send_signal(how)
    _, said = begun.communicate(timeout=60)
    assert begun.returncode == STOPPED[how]
    assert said.splitlines()[-1].startswith("pepstats: stopped.") and "Traceback" not in said
    assert not any(one.is_running() and one.status() != "zombie" for one in begun_by_it)
    assert not list(tmp.iterdir()) and not list((out / "working").iterdir())


def test_a_stop_waits_until_a_folder_is_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = files.replace_folder

    def stopped(making: Path, final: Path) -> None:
        signal.raise_signal(signal.SIGINT)
        replace(making, final)

    monkeypatch.setattr(files, "replace_folder", stopped)
    with pytest.raises(KeyboardInterrupt), fill_folder(tmp_path / "run") as making:
        (making / "a").write_text("x", "utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


INVENT = ["invent", "{}", "--schools", "300"]


@posix
@pytest.mark.parametrize("words", [["--help"], ["explain", "--all"], INVENT])
@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_reader_that_closes_is_no_fault(words: list[str], closed: str, tmp_path: Path) -> None:
    begun = subprocess.Popen(
        [sys.executable, "-m", "pepstats", *(one.format(tmp_path / "e") for one in words)],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    getattr(begun, closed).close()
    setattr(begun, closed, None)
    said, told = begun.communicate(timeout=60)
    assert begun.returncode == 0 and not told


def test_nobody_listening_stops_no_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "w") as closed:
        monkeypatch.setattr(cli.sys, "stderr", closed)
        cli._tell("one")
        cli._tell("two")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full disk to show")
def test_an_output_that_cannot_be_written_is_exit_two() -> None:
    words = [sys.executable, "-m", "pepstats", "explain", "--all"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(words, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True,
                              check=False)  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("pepstats: ") and "the disk is full" in done.stderr
    assert done.stderr.count("\n") == 1


def pretend_steps(
    finished: Path, meanwhile: dict[Path, bytes]
) -> Callable[[Task, str, Path, object], None]:
    """Return what stands for executing a notebook: its files, and something else at the last."""

    def pretend(task: Task, report: str, making: Path, *_: object) -> None:
        for name in (n for n in hashes(finished) if task.owns(n)):
            (making / name).parent.mkdir(parents=True, exist_ok=True)
            (making / name).write_bytes((finished / name).read_bytes())
        if task.step == "07-board-report":
            for path, content in meanwhile.items():
                path.write_bytes(content)

    return pretend


def test_a_setting_or_an_earlier_run_that_changes_under_a_run_is_named(
    finished: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = Path(shutil.copytree(data, tmp_path / "data"))
    later, setting = f"{REPORT}-revised", study / "programmes" / "closing-the-gap.yml"
    earlier = copy_of(finished, tmp_path / "out" / "working" / REPORT)
    for path, says in (
        (setting, "programmes/closing-the-gap.yml changed while it ran"),
        (earlier / "manifest.json", f"The run of {REPORT} became another meanwhile"),
    ):
        kept = path.read_bytes()
        path.unlink()
        path.write_bytes(kept)
        new = kept + b"\nseed: 1\n" if path == setting else b"{}"
        monkeypatch.setattr(runner, "_execute_notebook", pretend_steps(finished, {path: new}))
        with pytest.raises(RunError, match=says):
            runner.run_report(later, data=study, out=tmp_path / "out",
                              options=runner.RunOptions(warm=False))  # fmt: skip
        path.write_bytes(kept)
        assert [p.name for p in (tmp_path / "out" / "working").iterdir()] == [REPORT]


def test_a_run_that_becomes_another_while_it_is_verified_is_not_called_different(
    whole: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = copy_of(whole, tmp_path / "bundle")

    def meanwhile(slug: str, *, out: Path, **_: object) -> None:
        copy_of(whole, out / "working" / slug)
        (bundle / "manifest.json").unlink()
        (bundle / "manifest.json").write_text("{}", "utf-8")

    monkeypatch.setattr(verify, "run_report", meanwhile)
    with pytest.raises(RunError, match="became another run meanwhile"):
        verify.verify_run(bundle, data=data, out=tmp_path / "out")


def test_commands_in_a_thread_take_no_signals_away() -> None:
    before, codes = signal.getsignal(signal.SIGTERM), []
    thread = threading.Thread(target=lambda: codes.append(main(["explain", "match.k"])))
    thread.start()
    thread.join()
    assert codes == [0] and signal.getsignal(signal.SIGTERM) is before
    assert main(["explain", "match.k"]) == 0 and signal.getsignal(signal.SIGTERM) is before


def test_a_step_says_how_long_it_took_or_that_it_is_as_it_was() -> None:
    said = [StepRecord(stands_on="0" * 64, seconds=1.5, reused=one).took for one in (False, True)]
    assert said == ["   1.50 s", "as it was"]


def test_help_names_every_exit_code() -> None:
    done = invoke("--help")
    assert done.returncode == 0
    for code in ("0 done", "1 done and something differs", "2 ", "3 ", "130", "143"):
        assert code in done.stdout
