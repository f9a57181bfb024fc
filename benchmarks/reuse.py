"""What a run takes over, against all of it made anew: one key, file or table changed at a time.

    python benchmarks/reuse.py [--schools 900] [--only WORD ...] [--every N]

On a small invented England: each key of the report's and of a programme's file, each file that the
study reads, and each table of an earlier step, is changed in turn, one at a time. The run that
takes over what it can must leave the same bytes as the run that makes all anew (`force`), or be
refused in the same words; of a table, those steps must be made again that read it. A row says which
steps were. With `--every N` each Nth change only.
"""

from __future__ import annotations

import argparse
import copy
import datetime
import hashlib
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from pepstats.errors import PepstatsError
from pepstats.invented import study
from pepstats.invented.england import build_england
from pepstats.runs import runner
from pepstats.runs.manifest import read_manifest
from pepstats.runs.reuse import Ground
from pepstats.runs.tasks import Task

REPORT, PROGRAMME = "autumn-2018", "closing-the-gap"
SETTINGS = (f"reports/{REPORT}.yml", f"programmes/{PROGRAMME}.yml")


def vary(value: Any) -> Any:
    """Return another value of the same kind: what a person could write there instead."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case datetime.date():
            return value + datetime.timedelta(days=1)
        case str():
            return f"{value} too" if " " in value else value[:-1] or "other"
        case list() if value and isinstance(value[-1], dict):
            return value[:-1]
        case list():
            return [*value[:-1]] if len(value) > 1 else value
        case _:
            return value


def list_places(content: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """List every key of settings, those inside others too; of a list of rows the first alone."""
    if isinstance(content, dict):
        for key, inside in content.items():
            yield (*place, key)
            if isinstance(inside, dict) or (isinstance(inside, list) and inside[:1]
                                            and isinstance(inside[0], dict)):  # fmt: skip
                inner = inside if isinstance(inside, dict) else inside[0]
                step = () if isinstance(inside, dict) else (0,)
                yield from list_places(inner, (*place, key, *step))


def change_setting(data: Path, file: str, place: tuple[Any, ...]) -> bool:
    """Change one key of a settings file; say whether there was anything to change."""
    content = yaml.safe_load((data / file).read_text("utf-8"))
    inside = changed = copy.deepcopy(content)
    for step in place[:-1]:
        inside = inside[step]
    inside[place[-1]] = vary(inside[place[-1]])
    if changed == content:
        return False
    (data / file).write_text(yaml.safe_dump(changed, allow_unicode=True), "utf-8")
    return True


def change_file(path: Path) -> None:
    """Change a file that a study reads: a text gets a line more, a table loses its last row."""
    lines = path.read_bytes().splitlines(keepends=True)
    more = path.suffix in {".md", ".yml"}
    path.write_bytes(b"".join([*lines, b"\n"] if more else lines[:-1]))


def outcome(data: Path, out: Path, *, force: bool) -> tuple[dict[str, str] | str, list[str]]:
    """Run; return the hash of every file, or why it was refused, and which steps were run."""
    options = runner.RunOptions(jobs=2, force=force)
    run = out / "working" / REPORT
    try:
        runner.run_report(REPORT, data=data, out=out, options=options)
    except PepstatsError as error:
        return str(error).replace(str(out), "").replace(str(data), ""), []
    made = {path.relative_to(run).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in run.rglob("*")
            if path.is_file() and path.name not in {"manifest.json", "run.log"}}  # fmt: skip
    steps = read_manifest(run).steps
    return made, [name for name, one in steps.items() if not one.reused]


class Bench:
    """A study, its finished run, and the changes tried on copies of them."""

    def __init__(self, folder: Path, schools: int) -> None:
        """Make the study and its run."""
        self.folder, self.data, self.out = folder, folder / "study", folder / "out"
        study.write_all(study.lay_out_england(build_england(schools=schools)), self.data)
        for path in self.data.rglob("*.yml"):  # a file that is changed on purpose is no mistake
            text = path.read_text("utf-8")
            content = yaml.safe_load(text)
            for line in content.get("sources", []) if isinstance(content, dict) else ():
                line.pop("sha256", None)
            path.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
        (self.data / "quality.yml").write_text(
            "sign_off: {analyst: {name: One Person}, assurer: {name: Another}}\n", "utf-8"
        )
        made, _ = outcome(self.data, self.out, force=True)
        if isinstance(made, str):
            raise SystemExit(made)

    def changes(self) -> Iterator[tuple[str, Any]]:
        """List the changes: what is changed, and how."""
        for file in SETTINGS:
            for place in list_places(yaml.safe_load((self.data / file).read_text("utf-8"))):
                yield f"{file}: {'.'.join(map(str, place))}", (file, place)
        for path in sorted(self.data.rglob("*")):
            name = path.relative_to(self.data).as_posix()
            if path.is_file() and name not in SETTINGS and path.suffix != ".docx":
                yield name, path
        for name in sorted(read_manifest(self.out / "working" / REPORT).outputs):
            if name.endswith(".csv") and not name.startswith("07-"):
                yield f"run: {name}", name

    def try_one(self, change: Any) -> tuple[str, list[str]]:
        """Make one change; return whether both runs say the same, and which steps were run."""
        data, out = self.folder / "changed", self.folder / "again"
        for place, source in ((data, self.data), (out, self.out)):
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(source, place)
        if isinstance(change, str):
            return self._try_table(change, out)
        if isinstance(change, tuple):
            if not change_setting(data, *change):
                return "nothing to change", []
        else:
            change_file(data / change.relative_to(self.data))
        taken, ran = outcome(data, out, force=False)
        anew, _ = outcome(data, self.folder / "anew", force=True)
        told = "same" if taken == anew else "DIFFERS"
        return (f"{told}, refused" if isinstance(anew, str) else told), ran

    def _try_table(self, name: str, out: Path) -> tuple[str, list[str]]:
        """Say which steps a changed table of an earlier step would run again."""
        report, found = runner.check_request(REPORT, self.data)
        run = out / "working" / REPORT
        ground = runner.find_ground(run, run, report, found, self.data)
        tasks = [Task(*one.split("--")) if "--" in one else Task(one, "")
                 for one in read_manifest(run).steps]  # fmt: skip
        before = self._hashes(ground, tasks)
        change_file(run / name)
        after = self._hashes(ground, tasks)
        ran = [task.name for task in tasks if before[task] != after[task]]
        read = [task.name for task in tasks if task.reads_file(name)]
        return "same" if ran == read else "DIFFERS", ran

    @staticmethod
    def _hashes(ground: Ground, tasks: list[Task]) -> dict[Task, str]:
        return {task: ground.stands_on(task) for task in tasks}


def main() -> None:
    """Try every change and print a row for each."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--schools", type=int, default=900)
    ask.add_argument("--only", nargs="*", default=[])
    ask.add_argument("--every", type=int, default=1)
    asked = ask.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(Path(scratch), asked.schools)
        chosen = [(what, change) for what, change in bench.changes()
                  if not asked.only or any(word in what for word in asked.only)]  # fmt: skip
        wrong = 0
        for what, change in chosen[:: asked.every]:
            started = time.perf_counter()
            told, ran = bench.try_one(change)
            wrong += "DIFFERS" in told
            seconds = time.perf_counter() - started
            print(f"{what:<60} {told:<18} {seconds:6.1f} s  {', '.join(ran) or '-'}", flush=True)
    print(f"{len(chosen[:: asked.every])} changes, {wrong} that differ")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
