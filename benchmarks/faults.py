"""What goes wrong on a machine, made to go wrong: kills, full disks, stops, two commands at once.

    python benchmarks/faults.py [--only WORD ...] [--kills 50] [--stops 20] [--seed 1]

All on a small invented England in a folder of its own. After each fault is counted what must be
none: half a run or release that could be taken for a whole one, a process or a temporary folder
left, a next run that does not complete, a message that is not just one, or that calls it a defect
of ours. Prints a row for each kind and ends with 1 where any count is not zero. A full and a
read-only disk are mounted, which only root can do on Linux; elsewhere they are not tried.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from pepstats.runs.files import MANIFEST, sha256_of
from pepstats.runs.manifest import check_written, manifest_as_text, read_manifest

ROOT = Path(__file__).resolve().parents[1]
REPORT = "autumn-2018"
COUNTED = ("half files", "processes", "folders", "next run", "messages")
WAIT = 6  # seconds that a kernel has to see that its run is gone

RELEASE = """
import os, signal, sys
from pepstats.runs import release
release.same_code = lambda _: True
report, data, out, last = sys.argv[1:]
writes = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree", "shutil.copyfile"}
left = [int(last)]
def count(event, about):
    if event in writes or (event == "open" and set(str(about[1])) & set("wax+")):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(count)
release.release_report(report, data, out, draft=True)
"""

IN_NOTEBOOKS = """
import sys
from pathlib import Path
from pepstats import paths
paths.NOTEBOOKS = Path(sys.argv.pop(1))
from pepstats.cli import main
sys.exit(main(sys.argv[1:]))
"""


@dataclass
class Kind:
    """A kind of fault: how often it was tried, what was counted, and what was wrong."""

    name: str
    tried: int = 0
    counted: Counter[str] = field(default_factory=Counter)
    said: list[str] = field(default_factory=list)

    def wrong(self, what: str, said: str) -> None:
        """Count what must not be, and keep what was seen."""
        self.counted[what] += 1
        self.said.append(f"{self.name}: {what}: {said}")
        print(f"\n{self.said[-1]}", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Place:
    """Where the faults are made: a study, its outputs, a temporary folder and a home."""

    folder: Path
    out: Path

    @property
    def data(self) -> Path:
        """The small study."""
        return self.folder / "data"

    @property
    def final(self) -> Path:
        """The finished run."""
        return self.out / "working" / REPORT

    def begin(self, *words: str, **more: str) -> subprocess.Popen[str]:
        """Begin a command of ours, all that it starts marked as ours."""
        for name in ("tmp", "home"):
            (self.folder / name).mkdir(exist_ok=True)
        private = {"TMPDIR": str(self.folder / "tmp"), "HOME": str(self.folder / "home")}
        given = {**os.environ, **private, "PYTHONPATH": str(ROOT),
                 "PEPSTATS_FAULTS": str(self.folder), **more}  # fmt: skip
        words = words if words[0] == "-c" else ("-m", "pepstats", *words)
        return subprocess.Popen([sys.executable, *words], env=given, cwd=self.folder, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                start_new_session=True)  # fmt: skip

    def do(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Do a command of ours and wait for it."""
        begun = self.begin(*words, **more)
        said, told = begun.communicate(timeout=1200)
        return subprocess.CompletedProcess(words, begun.returncode, said, told)

    def run(self, *more: str) -> tuple[str, ...]:
        """Return the words that run the report here."""
        return ("run", REPORT, "--data", str(self.data), "--out", str(self.out), *more)

    def release(self, last: int) -> subprocess.CompletedProcess[str]:
        """Release the run, killed at its last write; at none for 0."""
        return self.do("-c", RELEASE, REPORT, str(self.data), str(self.out), str(last))

    def left_processes(self) -> list[int]:
        """List the processes that commands here started and left, once they had time to go."""
        until = time.monotonic() + WAIT
        while (found := [*self._marked()]) and time.monotonic() < until:
            time.sleep(0.2)
        return found

    def _marked(self) -> Iterator[int]:
        for one in psutil.process_iter():
            try:
                if one.environ().get("PEPSTATS_FAULTS") == str(self.folder):
                    yield one.pid
            except (psutil.Error, OSError):
                continue

    def left_folders(self) -> list[str]:
        """List temporary folders, and hidden or partial files beside the outputs.

        Steps that a stopped run had finished are kept for the next one, and are no litter.
        """
        hidden = [p for p in self.out.rglob("*") if not p.name.endswith(".kept")
                  and (p.name.startswith(".") or "partial" in p.name)]  # fmt: skip
        home = (self.folder / "home").rglob("kernel*.json")
        return [str(p) for p in [*(self.folder / "tmp").iterdir(), *hidden, *home]]


def look(kind: Kind, place: Place, *, swept: bool = True) -> None:
    """Count half files that look whole, processes and, where all is swept, folders left."""
    print(".", end="", file=sys.stderr, flush=True)
    for folder in [*place.out.glob("working/[!.]*"), *place.out.glob("released/[!.]*")]:
        if (folder / MANIFEST).is_file():
            kept = [*check_written(folder, read_manifest(folder))]
            kept = [one for one in kept if one.column != "seal" or "beside" not in one.note]
            if kept:
                kind.wrong("half files", f"{folder}: {kept[0]}")
        elif folder.is_dir() and not folder.name.endswith((".failed", ".lab")):
            kind.wrong("half files", f"{folder} has no manifest")
    if left := place.left_processes():
        kind.wrong("processes", str(left))
        for number in left:
            os.kill(number, signal.SIGKILL)
    if swept and (folders := place.left_folders()):
        kind.wrong("folders", str(folders[:3]))


def complete(kind: Kind, place: Place, before: dict[str, str]) -> None:
    """Run once more: it has to complete, be the same as ever, and clear away what was left."""
    done = place.do(*place.run())
    if done.returncode or (before and hash_outputs(place.final) != before):
        kind.wrong("next run", done.stderr[-300:] or "it completes and is not the same")
    if folders := place.left_folders():
        kind.wrong("folders", str(folders[:3]))


def hash_outputs(run: Path) -> dict[str, str]:
    """Return the hash of each file that a run describes."""
    return {name: sha256_of(run / name) for name in read_manifest(run).outputs}


def hold_to_one_message(
    kind: Kind, done: subprocess.CompletedProcess[str], says: str, code: int = 2
) -> None:
    """Count a message that is not just one, says something else, or another exit code."""
    lines = [line for line in done.stderr.splitlines() if line.startswith("pepstats:")]
    bad = "Traceback" in done.stderr or "defect of ours" in done.stderr
    if done.returncode != code or len(lines) != (code != 0) or bad or says not in done.stderr:
        kind.wrong("messages", f"exit {done.returncode}, wanted `{says}`: {done.stderr[-600:]}")


def kill_runs(place: Place, asked: argparse.Namespace, before: dict[str, str]) -> Iterator[Kind]:
    """Kill runs at any moment from start to end, and releases at any of their writes."""
    rng = random.Random(asked.seed)  # noqa: S311 - a seeded hand, not a secret
    kind = Kind("a run killed (SIGKILL)")
    took = _time(place)
    for number in range(asked.kills * 7 // 10):
        kind.tried += 1
        if number % 5 == 4:  # also with nothing there before
            shutil.rmtree(place.final)
        begun = place.begin(*place.run("--force", "--jobs", str(1 + number % 2)))
        time.sleep(rng.uniform(0.2, took * 1.05))
        os.kill(begun.pid, signal.SIGKILL)
        begun.communicate()
        look(kind, place, swept=False)
        complete(kind, place, before)
    yield kind
    kind = Kind("a release killed (SIGKILL)")
    stamp(place.final)
    for _ in range(asked.kills - asked.kills * 7 // 10):
        kind.tried += 1
        done = place.release(rng.randint(1, 90))
        if done.returncode not in {0, -signal.SIGKILL}:
            kind.wrong("messages", done.stderr[-300:])
        look(kind, place, swept=False)
        done = place.release(0)
        if done.returncode:
            kind.wrong("next run", done.stderr[-300:])
        look(kind, place)
    yield kind
    complete(kind, place, before)


def _time(place: Place) -> float:
    started = time.monotonic()
    place.do(*place.run("--force"))
    return time.monotonic() - started


def stamp(run: Path) -> None:
    """Let a run look as if it were made from a clean checkout, which a release asks for."""
    content = read_manifest(run).as_dict()
    content["code"] = {**content["code"], "modified": False, "commit": "c" * 40}
    (run / MANIFEST).write_bytes(manifest_as_text(content))


def kill_kernels(place: Place, asked: argparse.Namespace, before: dict[str, str]) -> Iterator[Kind]:
    """Kill a kernel while its run goes on, as a machine out of memory does; hang a cell."""
    kind = Kind("a kernel killed")
    for number in range(3):
        kind.tried += 1
        begun = place.begin(*place.run("--force", "--jobs", str(1 + number % 2)))
        time.sleep(5 + 2 * number)
        until = time.monotonic() + 60
        while not (kernel := _find_kernel(begun.pid)) and time.monotonic() < until:
            time.sleep(0.1)  # until there is one: the one before may be done
        for one in kernel:
            one.kill()
        said, told = begun.communicate(timeout=600)
        done = subprocess.CompletedProcess("", begun.returncode, said, told)
        hold_to_one_message(kind, done, "kernel was killed")
        if not [*place.final.with_name(f"{REPORT}.failed").glob("*.failed.ipynb")]:
            kind.wrong("messages", "the copy is not kept")
        look(kind, place)
        complete(kind, place, before)
    yield kind
    kind = Kind("a cell that hangs", tried=1)
    folder = Path(shutil.copytree(ROOT / "notebooks", place.folder / "notebooks"))
    path = folder / "01-clean-sources.ipynb"
    text = path.read_text("utf-8")
    first = '"step = open_step('
    path.write_text(
        text.replace(first, f'"import time; time.sleep(9999)\\n",\n    {first}'), "utf-8"
    )
    done = place.do("-c", IN_NOTEBOOKS, str(folder), *place.run("--force", "--longest-cell", "5"))
    hold_to_one_message(kind, done, "longer than 5 seconds")
    look(kind, place)
    complete(kind, place, before)
    yield kind


def _find_kernel(number: int) -> list[psutil.Process]:
    """Find the last kernel that a run has: what the warm process has forked."""
    try:
        warm = psutil.Process(number).children()
        return [kernel for one in warm for kernel in one.children()][-1:]
    except psutil.Error:
        return []


@contextmanager
def mounted(folder: Path, size: int) -> Iterator[Path]:
    """Mount a small disk on a folder, and take it away again."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        folder.rmdir()


def _remount(folder: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", folder], check=True)


def fill_disks(place: Place, asked: argparse.Namespace, before: dict[str, str]) -> Iterator[Kind]:
    """Run, and release, onto disks that are full at five sizes, and onto one that is read-only."""
    if os.name != "posix" or os.getuid() != 0 or shutil.which("mount") is None:
        yield Kind("a full or read-only disk: not tried, only root can mount one")
        return
    whole = sum(one.bytes for one in read_manifest(place.final).outputs.values())
    kind = Kind("disk full, at five sizes")
    for part in (0.001, 0.05, 0.3, 0.7, 0.97):
        kind.tried += 1
        size = max(8192, int(whole * part))
        with mounted(place.folder / "small", size) as small:
            there = Place(place.folder, small)
            hold_to_one_message(kind, there.do(*there.run()), "the disk is full")
            look(kind, there)
            _remount(small, f"size={4 * whole}")
            complete(kind, there, before)
    yield kind
    kind = Kind("read-only folder")
    with mounted(place.folder / "small", 4 * whole) as small:
        shutil.copytree(place.data, small / "data")
        shutil.copytree(place.out, small / "out")
        _remount(small, "ro")
        out, data = str(small / "out"), str(small / "data")
        for words in (
            ("run", REPORT, "--out", out, "--data", data), ("plan", REPORT, "--data", data),
            ("run", REPORT, "--out", str(small / "new"), "--data", data),
            ("verify", f"{out}/working/{REPORT}", "--out", out, "--data", data),
            ("release", REPORT, "--draft", "--out", out, "--data", data),
            ("new", "autumn-2019", "--data", data), ("invent", f"{small}/england"),
        ):  # fmt: skip
            kind.tried += 1
            hold_to_one_message(kind, place.do(*words), "nothing can be written there")
    yield kind


def close_outputs(
    place: Place, asked: argparse.Namespace, before: dict[str, str]
) -> Iterator[Kind]:
    """Close what a command writes to, as `| head -1` does, and give paths that are too long."""
    kind = Kind("output closed by its reader")
    for words in (("explain", "--all"), ("--help",), ("check", REPORT, "--data", str(place.data)),
                  place.run("--force")):  # fmt: skip
        for closed in ("stdout", "stderr"):
            kind.tried += 1
            begun = place.begin(*words)
            if closed == "stdout" or words[0] == "run":  # others say nothing of what they do
                getattr(begun, closed).readline()
            getattr(begun, closed).close()
            rest = begun.stderr if closed == "stdout" else begun.stdout
            said = rest.read() if rest else ""
            code = begun.wait(timeout=600)
            if code not in {0, 1} or "Traceback" in said or "rror" in said:
                kind.wrong("messages", f"{words[0]}, {closed}: exit {code}: {said[-300:]}")
    look(kind, place)
    if hash_outputs(place.final) != before:
        kind.wrong("half files", "the run that nobody listened to is not the same")
    yield kind
    kind = Kind("path too long")
    long, deep = "x" * 300, "/".join(["d" * 200] * 25)
    tmp = place.folder / ("t" * 120)
    tmp.mkdir()
    kind.tried += 1  # too long for a socket in it: they are elsewhere
    hold_to_one_message(kind, place.do(*place.run("--force"), TMPDIR=str(tmp)), "", 0)
    named = ("run", REPORT, "--data", str(place.data), "--out")
    for words in (
        (*named, f"{place.folder}/{long}"), (*named, f"{place.folder}/{deep}"),
        ("run", REPORT, "--data", f"{place.folder}/{long}"),
        ("verify", f"{place.folder}/{long}"), ("invent", f"{place.folder}/{long}"),
    ):  # fmt: skip
        kind.tried += 1
        hold_to_one_message(kind, place.do(*words), "too long")
    look(kind, place)
    yield kind


def start_twice(place: Place, asked: argparse.Namespace, before: dict[str, str]) -> Iterator[Kind]:
    """Begin a second command on a report that one is at work on, and change inputs under a run.

    A published file is read once, by the first step: changed after that it is in nothing, and the
    run is the one that it would have been. Changed before, it is named.
    """
    kind = Kind("two commands on one report")
    release = ("release", *place.run()[1:])
    for words in (place.run("--force"), place.run("--force", "--jobs", "2"), release):
        kind.tried += 1
        first = place.begin(*place.run("--force"))
        while not [*place.final.parent.glob(f".{REPORT}.partial-*")] and first.poll() is None:
            time.sleep(0.05)
        hold_to_one_message(kind, place.do(*words), "Another command is at work")
        first.communicate(timeout=600)
        if first.returncode or hash_outputs(place.final) != before:
            kind.wrong("half files", "the first is not as it would have been alone")
        look(kind, place)
    yield kind
    kind = Kind("inputs changed under a run")
    ways: dict[str, Callable[[bytes], bytes]] = {
        "invented/ks2/2016-2017_england_ks2final.csv": lambda content: content[:-9],
        "programmes/closing-the-gap.yml": lambda content: content + b"# another\n",
        f"reports/{REPORT}.yml": lambda content: b"",
        f"reports/{REPORT}.md": lambda content: b"Another text.\n",
    }
    for moment in (1.0, 3.0, 8.0):
        for name, change in ways.items():
            path = place.data / name
            if not path.is_file():
                continue
            kind.tried += 1
            kept = path.read_bytes()
            begun = place.begin(*place.run("--force", "--jobs", "2"))
            while not [*place.final.parent.glob(f".{REPORT}.partial-*")] and begun.poll() is None:
                time.sleep(0.05)
            time.sleep(moment)
            path.write_bytes(change(kept))
            said, told = begun.communicate(timeout=600)
            path.write_bytes(kept)
            done = subprocess.CompletedProcess("", begun.returncode, said, told)
            published = "invented/" in name
            if begun.returncode or not published or hash_outputs(place.final) != before:
                hold_to_one_message(kind, done, "ks2" if published else Path(name).name)
            look(kind, place)
    complete(kind, place, before)
    yield kind


def stop_runs(place: Place, asked: argparse.Namespace, before: dict[str, str]) -> Iterator[Kind]:
    """Stop runs at any moment by Ctrl-C, by a request to end and by closing the terminal."""
    rng = random.Random(asked.seed)  # noqa: S311 - a seeded hand, not a secret
    kind, took = Kind("Ctrl-C, SIGTERM, SIGHUP"), _time(place)
    slowest = 0.0
    for number in range(asked.stops):
        kind.tried += 1
        how = (signal.SIGINT, signal.SIGTERM, signal.SIGTERM, signal.SIGHUP)[number % 4]
        begun = place.begin(*place.run("--force", "--jobs", str(1 + number % 2)))
        time.sleep(rng.uniform(1.0, took * 0.9))
        os.kill(begun.pid, how)
        asked_at = time.monotonic()
        said, told = begun.communicate(timeout=600)
        slowest = max(slowest, time.monotonic() - asked_at)
        done = subprocess.CompletedProcess("", begun.returncode, said, told)
        if begun.returncode:  # else it was done before
            hold_to_one_message(kind, done, "stopped", 128 + how)
        look(kind, place)
    kind.name += f" (gone after {slowest:.1f} s at most)"
    complete(kind, place, before)
    yield kind


ALL = {"kill": kill_runs, "kernel": kill_kernels, "disk": fill_disks, "output": close_outputs,
       "twice": start_twice, "stop": stop_runs}  # fmt: skip


def main() -> None:
    """Make every fault and print what was counted; 1 where anything is not as it must be."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--only", nargs="+", default=list(ALL), choices=list(ALL))
    ask.add_argument("--kills", type=int, default=50)
    ask.add_argument("--stops", type=int, default=20)
    ask.add_argument("--seed", type=int, default=1)
    asked = ask.parse_args()
    kinds: list[Kind] = []
    print(f"{'fault':<46}{'tried':>6}" + "".join(f"{name:>12}" for name in COUNTED), flush=True)
    with tempfile.TemporaryDirectory(prefix="faults-") as scratch:
        place = Place(Path(scratch).resolve(), Path(scratch).resolve() / "out")
        place.do("invent", str(place.data), "--schools", "900")
        done = place.do(*place.run())
        if done.returncode:
            raise SystemExit(done.stderr)
        before = hash_outputs(place.final)
        for name in asked.only:
            for kind in ALL[name](place, asked, before):
                kinds.append(kind)
                counts = "".join(f"{kind.counted[one]:>12}" for one in COUNTED)
                print(f"{kind.name:<46}{kind.tried:>6}{counts}", flush=True)
    for kind in kinds:
        print("\n".join(kind.said))
    failed = any(kind.counted for kind in kinds)
    print("Not as it must be." if failed else "All as it must be.")
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
