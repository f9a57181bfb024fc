"""What an attacker gets out of public releases of invented Englands, and what chance alone gives.

    python benchmarks/attack_release.py [--whole 20] [--editions 200] [--jobs 2] [--first 1]

The attacker (`tests/attacker.py`) has a release, the open code and what is published anyway. Each
England is released whole in October, once more with one school fewer in a programme and some
support counted otherwise, and in December; October's and the chain of all three are attacked. In
others only the paper's page is made, without notebooks. The same attacker guesses without any
release: what it gets right then is chance, and each difference is of the same England.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import multiprocessing
import os
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

import pepstats
from pepstats import paths
from pepstats.errors import DesignError
from pepstats.invented import study as invented
from pepstats.invented.england import build_england
from pepstats.runs import runner
from pepstats.runs.tasks import Task, parameters_of
from tests.attack_shadows import find_between
from tests.attack_world import World, lay_out_published, see_world
from tests.attacker import Attacked, attack, look_around

SCHOOLS = 1200
OCTOBER, DECEMBER = "autumn-2018", "autumn-2018-revised"
SLUGS = ("closing-the-gap", "send-in-mainstream")
PROTECTED = ("refused", "hash", "size", "count", "consent", "order", "name", "answer")


@dataclass(frozen=True)
class Outcome:
    """What came of one attack on one England, beside the same attacker without the release."""

    what: str
    seed: int
    primary: int
    exact: int
    chance: int
    certain: int
    alone: float
    insider: float
    width: float
    misread: int
    found: Counter[str]


def run_here(task: Task, report: str, making: Path, *_: object) -> None:
    """Execute a notebook's cells in this process: the same files, without a kernel's start."""
    content = json.loads((paths.NOTEBOOKS / f"{task.step}.ipynb").read_text("utf-8"))
    shell = InteractiveShell(user_module=ModuleType("notebook"))
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            with capture_output():
                shell.run_cell("".join(cell["source"])).raise_error()
            if "parameters" in cell["metadata"].get("tags", []):
                shell.push(parameters_of(task, report))
    (making / "notebooks" / f"{task.name}.ipynb").write_text(json.dumps(content), "utf-8")


def write_study(seed: int, data: Path) -> None:
    """Write an England whose reports do not say that it is invented: all as with a real city."""
    invented.write_all(invented.lay_out_england(build_england(schools=SCHOOLS, seed=seed)), data)
    for report in (data / "reports").glob("*.yml"):
        text = re.sub(r"planted:.*\n(  .*\n)*", "", report.read_text("utf-8"))
        report.write_text(text.replace("invented: true\n", "invented: false\n"), "utf-8")


def release(report: str, data: Path, out: Path, kept: Path) -> Path:
    """Run and release a report as any council would, and keep a copy of what left."""
    runner.run_report(report, data=data, out=out, options=runner.RunOptions(force=True))
    shutil.copytree(pepstats.release(report, data=data, out=out, draft=True), kept)
    return kept


def change_doses(data: Path) -> None:
    """Count some schools' support otherwise, so that other ones had more of it."""
    path = data / "programmes" / "closing-the-gap.yml"
    text = path.read_text("utf-8")
    for row in re.findall(r"  - \{urn: .*\n", text)[1:4]:
        dose = int(re.findall(r"dose: (\d+)", row)[0])
        text = text.replace(row, row.replace(f"dose: {dose}", f"dose: {(dose + 8) % 16}"))
    path.write_text(text, "utf-8")


def lose_member(data: Path, slug: str) -> None:
    """Let one school leave a programme: the difference of two releases is that school."""
    path = data / "programmes" / f"{slug}.yml"
    text = path.read_text("utf-8")
    row = re.findall(r"  - \{urn: .*\n", text)[0]
    path.write_text(text.replace(row, ""), "utf-8")
    gone = f"{re.findall('[0-9]+', row)[0]},{slug},"
    said = data / "invented" / "local" / "statements.csv"
    lines = said.read_text("utf-8").splitlines(keepends=True)
    said.write_text("".join(line for line in lines if not line.startswith(gone)), "utf-8")
    for report in (data / "reports").glob("*.yml"):  # its statements are other bytes now
        kept = report.read_text("utf-8")
        report.write_text(re.sub(r"(statements\.csv),\s+sha256: \w+", r"\1", kept), "utf-8")


def release_again(data: Path, out: Path, kept: Path, slug: str) -> tuple[Path, bool]:
    """Release October's results once more, with a school fewer or, if that is refused, as many."""
    change_doses(data)
    before = data.with_name("before")
    shutil.copytree(data, before)
    lose_member(data, slug)
    try:
        return release(OCTOBER, data, out, kept), False
    except DesignError:
        shutil.rmtree(data)
        shutil.copytree(before, data)
        shutil.rmtree(out / "working" / f"{OCTOBER}.failed", ignore_errors=True)
        return release(OCTOBER, data, out, kept), True


def attack_whole(seed: int) -> list[Outcome]:
    """Attack October's release, December's, and the chain of three of one England."""
    runner._execute_notebook = run_here
    with tempfile.TemporaryDirectory() as place:
        data, out = Path(place, "data"), Path(place, "out")
        write_study(seed, data)
        try:
            first = release(OCTOBER, data, out, Path(place, "first"))
        except DesignError:  # the headlines alone would tell too much
            return []
        worlds = [publish(data, OCTOBER, Path(place, "seen-1"))]
        truth = [truth_of(OCTOBER, data)]
        again, refused = release_again(data, out, Path(place, "again"), SLUGS[seed % 2])
        worlds.append(publish(data, OCTOBER, Path(place, "seen-2")))
        last = release(DECEMBER, data, out, Path(place, "last"))
        worlds.append(publish(data, DECEMBER, Path(place, "seen-3")))
        truth.append(truth_of(DECEMBER, data))
        seen = [Path(place, f"seen-{n}") for n in (1, 3)]
        told = [
            score("October", seed, [first], worlds[:1], truth[0], seen[0]),
            score("December", seed, [last], worlds[2:], truth[1], seen[1]),
            score("chain of three", seed, [first, again, last], worlds, truth[0], seen[0]),
        ]
        told[-1].found["refused"] += refused
        told[-1].found.update(one.kind for one in find_between(worlds[:2], [first, again]))
        return told


def publish(data: Path, report: str, folder: Path) -> World:
    """See the world of one report as the attacker does."""
    return see_world(folder, lay_out_published(data, report, folder))


def truth_of(report: str, data: Path) -> pd.DataFrame:
    """Return what nobody but the authority knows."""
    study = pepstats.load(report, data)
    return study.panel.values.xs(study.report.year, level="year")


def score(
    what: str, seed: int, releases: list[Path], worlds: list[World], truth: pd.DataFrame,
    published: Path,
) -> Outcome:  # fmt: skip
    """Count what an attack got right, and what is left of every school's uncertainty."""
    with_it, without = attack(releases, worlds), attack([], worlds)
    found = Counter(f.kind for n, folder in enumerate(releases)
                    for f in look_around(worlds[n], folder, published))  # fmt: skip
    left = with_it.left
    known = left.join(true_of(left, truth))
    primary = {key for slug, one in worlds[0].evaluations.items()
               if (form := worlds[0].forms.get(f"{slug}|{one.programme.primary}|headline"))
               for key in form.parts}  # fmt: skip
    first = [key for key in left.index if key in primary or not primary]
    percent = left["percent"]
    misread = (known["true"] < known["low"] - 1e-6) | (known["true"] > known["high"] + 1e-6)
    return Outcome(
        what, seed, len(first), hits(with_it, truth, first), hits(without, truth, first),
        int(left["certain"].sum()), float(left["alone"].min()), float(left["insider"].min()),
        float((left["high"] - left["low"])[percent].min()), int(misread.sum()), found,
    )  # fmt: skip


def true_of(left: pd.DataFrame, truth: pd.DataFrame) -> pd.Series:
    """Return the true value of each unknown."""
    return pd.Series([truth.loc[key] for key in left.index], index=left.index, name="true")


def hits(attacked: Attacked, truth: pd.DataFrame, of: list[tuple[int, str]]) -> int:
    """Count the guesses that are exactly right."""
    left = attacked.left.loc[of]
    return int((np.abs(left["guess"] - true_of(left, truth)) < 1e-6).sum())


def attack_edition(seed: int) -> list[Outcome]:
    """Attack the page of October's paper, made without notebooks."""
    from tests.attack_edition import write_edition

    with tempfile.TemporaryDirectory() as place:
        data, page = Path(place, "data"), Path(place, "page")
        write_study(seed, data)
        study = pepstats.load(OCTOBER, data)
        try:
            write_edition(study, page)
        except DesignError:
            return []
        seen = publish(data, OCTOBER, Path(place, "seen"))
        truth = study.panel.values.xs(study.report.year, level="year")
        return [score("October, page", seed, [page], [seen], truth, Path(place, "seen"))]


def tell(done: list[Outcome]) -> Iterator[str]:
    """Print one row for each kind of release: sums, paired differences, and the worst."""
    yield (
        f"{'release':<16}{'n':>4}{'results':>9}{'exact':>7}{'chance':>8}{'difference (se)':>18}"
        f"{'certain':>9}{'alone':>8}{'insider':>9}{'width':>7}{'misread':>9}  else"
    )
    for what in dict.fromkeys(one.what for one in done):
        some = [one for one in done if one.what == what]
        apart = np.array([one.exact - one.chance for one in some], dtype=float)
        error = apart.std(ddof=1) / np.sqrt(len(apart)) if len(apart) > 1 else float("nan")
        besides = sum((one.found for one in some), Counter())
        yield (
            f"{what:<16}{len(some):>4}{np.mean([o.primary for o in some]):>9.1f}"
            f"{np.mean([o.exact for o in some]):>7.2f}{np.mean([o.chance for o in some]):>8.2f}"
            f"{f'{apart.mean():+.2f} ({error:.2f})':>18}{sum(o.certain for o in some):>9}"
            f"{min(o.alone for o in some):>8.3f}{min(o.insider for o in some):>9.3f}"
            f"{min(o.width for o in some):>7.1f}{sum(o.misread for o in some):>9}  "
            + ", ".join(f"{kind} {besides[kind]}" for kind in PROTECTED)
        )


def main() -> None:
    """Run and print."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--whole", type=int, default=20)
    ask.add_argument("--editions", type=int, default=200)
    ask.add_argument("--jobs", type=int, default=2)
    ask.add_argument("--first", type=int, default=1)
    asked = ask.parse_args()
    began, done = time.time(), []
    fresh = multiprocessing.get_context("spawn")
    whole = range(asked.first, asked.first + asked.whole)
    pages = range(asked.first + 1000, asked.first + 1000 + asked.editions)
    # Notebooks leave memory behind, so a worker is made anew after four. An executor that does so
    # can wait for ever in Python 3.11; a pool does not.
    parts = ((attack_whole, whole, 4), (attack_edition, pages, 50))
    try:
        for attacked, seeds, each in parts:
            with fresh.Pool(asked.jobs, maxtasksperchild=each) as workers:
                for seed, found in zip(seeds, workers.imap(attacked, seeds), strict=True):
                    done += found
                    left = " ".join(f"{one.alone:.3f}" for one in found) or "refused"
                    said = f"{seed}: {time.time() - began:.0f} s, left {left}"
                    print(said, file=sys.stderr, flush=True)
    finally:  # what was found is told, whatever ended it
        print("\n".join(tell(done)), flush=True)
    seeds = {one.seed for one in done}
    print(f"refused before anything left: {asked.whole + asked.editions - len(seeds)} Englands")
    print(f"\n{time.time() - began:.0f} s")
    worst = sorted(done, key=lambda one: one.alone)[:5]
    print("worst:", [dataclasses.asdict(one) | {"found": dict(one.found)} for one in worst])


if __name__ == "__main__":
    main()
