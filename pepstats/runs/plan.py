"""The pre-analysis plan: the design, written down with its hash before outcomes are read.

`plans/<report>.json` in the data folder says who is compared with whom and how, from files up to
each programme's baseline only. A run holds itself to it, and the paper says where it departs.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import ValidationError

from pepstats.errors import RunError
from pepstats.impact import Design, design_comparison
from pepstats.measures import MEASURES
from pepstats.report import BLIND, NO_PLAN
from pepstats.runs.files import write_whole
from pepstats.runs.manifest import find_commit, seal_of, utc
from pepstats.runs.steps import Step
from pepstats.schools import check_planned
from pepstats.settings import (
    Programme,
    Report,
    Settings,
    list_revised,
    load_programme,
    load_report,
    read_once,
)
from pepstats.sources import RESULTS, find_source
from pepstats.study import load_study

FOLDER = "plans"

SPECIFICATION = (
    "Each school's result beyond that of its comparison schools, every one counted in full, less "
    "what goes with being unlike them by a line over schools in no programme and outside its own "
    "authority (before other schools' results are published, beyond a forecast by such a line of "
    "last year's results); the programme's mean gap weighted by precision; chance measured by "
    "placebo programmes of as many schools, each in one other authority where ten or more can hold "
    "one; all outcomes of all programmes of the report judged together (step-down max-T)."
)

DESCRIBED = {"register", "links", "trusts"}
"""Files that say what a school is, and nothing of its results."""

FIXED = ("phase", "starts", "baseline", "outcomes", "match", "pool", "placebo", "seed")
"""What of a programme's settings decides the comparison."""


class PlannedProgramme(Settings):
    """One programme's design: its settings, and each member's comparison schools."""

    settings: dict[str, Any]
    members: tuple[int, ...]
    pool: int
    pool_sha256: str
    pairs: dict[int, tuple[int, ...]]


class Plan(Settings):
    """A report's plan: what was read for it, what it fixes, and its hash."""

    schema_version: Literal[1]
    report: str
    year: int
    written: str
    commit: str | None
    results_were_listed: bool
    read: dict[str, str]
    specification: str
    programmes: dict[str, PlannedProgramme]
    seal: str

    @property
    def sealed(self) -> bool:
        """Whether it is as it was written."""
        return self.seal == seal_of(self.model_dump(mode="json"))


def write_plan(slug: str, data: Path) -> tuple[Path, Plan]:
    """Write a report's plan into its data folder, from files up to the baseline alone.

    A plan that is there is kept when the design is the same, and refused when it is not: what was
    fixed beforehand is not fixed again afterwards. Returns where it lies, and what it says.
    """
    report = load_report(slug, data)
    plan, path = _design_all(report, data), data / FOLDER / f"{report.slug}.json"
    if not path.is_file():
        path.parent.mkdir(exist_ok=True)
        write_whole(path, f"{plan.model_dump_json(indent=1)}\n".encode())
        return path, plan
    there = read_plan(path)
    slugs = {**there.programmes, **plan.programmes}
    changed = [name for name in slugs
               if there.programmes.get(name) != plan.programmes.get(name)]  # fmt: skip
    if changed:
        raise RunError(
            f"{path} was written on {there.written}, and the design of {', '.join(changed)} is "
            "another now. Keep the plan and let the paper say where the run departs; or move it "
            "away, and plan anew."
        )
    return path, there


def _design_all(report: Report, data: Path) -> Plan:
    planned, read = {}, dict[str, str]()
    programmes = {slug: load_programme(slug, data) for slug in report.programmes}
    early = _before(report, max(max(one.baseline) for one in programmes.values()))
    files = [find_source(line, data) for line in early.sources if line.kind in RESULTS]
    check_planned(list(programmes.values()), report, files)
    for slug, programme in programmes.items():
        study = load_study(_before(report, max(programme.baseline)), data)
        members = study.members[slug].index
        design = design_comparison(programme, study.panel, study.register, members, study.barred)
        planned[slug] = describe_design(programme, design)
        read |= {source.file: source.sha256 for source in study.sources}
    kinds = {MEASURES[o].kind for one in programmes.values() for o in one.outcomes}
    plan = Plan(
        schema_version=1,
        report=report.slug,
        year=report.year,
        written=utc(time.time()),
        commit=find_commit(),
        results_were_listed=any(
            line.year in {None, report.year} and line.kind in {*kinds, "local_results"}
            for line in report.sources
        ),
        read=read,
        specification=SPECIFICATION,
        programmes=planned,
        seal="",
    )
    return plan.model_copy(update={"seal": seal_of(plan.model_dump(mode="json"))})


def _before(report: Report, last: int) -> Report:
    """Return a report with only the files that could be read before the start."""
    early = tuple(
        line for line in report.sources
        if line.kind in DESCRIBED
        or (line.kind in RESULTS and line.year is not None and line.year <= last)
    )  # fmt: skip
    return report.model_copy(update={"sources": early})


def describe_design(programme: Programme, design: Design) -> PlannedProgramme:
    """Describe who is compared with whom, and by which settings."""
    schools = sorted(int(school) for school in design.pool.schools.index)
    text = "\n".join(map(str, schools))
    pairs = design.match.pairs(design.members).sort_values(["school", "rank"])
    return PlannedProgramme(
        settings=programme.model_dump(mode="json", include=set(FIXED)),
        members=design.members,
        pool=len(schools),
        pool_sha256=hashlib.sha256(text.encode("ascii")).hexdigest(),
        pairs={
            int(school): tuple(int(s) for s in own)
            for school, own in pairs.groupby("school")["comparison"]
        },
    )


def find_plan(report: Report, data: Path) -> Plan | None:
    """Find a report's plan, or that of the earlier report it revises; nothing without one."""
    paths = (data / FOLDER / f"{slug}.json" for slug in list_revised(report.slug, data))
    return next((read_plan(path) for path in paths if path.is_file()), None)


def read_plan(path: Path) -> Plan:
    """Read a plan, refusing one that is not what we wrote or was changed since."""
    try:
        plan = Plan.model_validate_json(read_once(path))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise RunError(f"{path} is not a plan: `{where}`: {first['msg']}.") from None
    if not plan.sealed:
        raise RunError(f"{path} was changed after it was written: its hash is not that of its "
                       "content. Put back the plan as it was written.")  # fmt: skip
    return plan


def hold_to_plan(step: Step, design: Design) -> pd.DataFrame:
    """Set what a run did beside what was planned, one row per thing fixed beforehand.

    Columns `item`, `planned`, `done`, `followed` (yes or no). Without a plan one row says so.
    """
    plan = find_plan(step.report, step.data)
    columns = ["item", "planned", "done", "followed"]
    if plan is None or step.programme is None or step.programme.slug not in plan.programmes:
        return pd.DataFrame([("plan", NO_PLAN, "", "no")], columns=columns)
    then, now = plan.programmes[step.programme.slug], describe_design(step.programme, design)
    told = f"{plan.written}, {plan.seal[:12]}"
    items: dict[str, tuple[object, ...]] = {
        "plan": (told, told),
        BLIND: ("not at hand", "at hand already" if plan.results_were_listed else "not at hand"),
        "year of the outcome": (plan.year, step.report.year),
        "method": (plan.specification, SPECIFICATION),
        **{name: (then.settings.get(name), now.settings[name]) for name in FIXED},
        "programme's schools": _told(then.members, now.members, "school"),
        "schools in the pool": tuple(f"{x.pool:,} ({x.pool_sha256[:12]})" for x in (then, now)),
        "pairs": _told(_pairs(then), _pairs(now), "pair"),
    }
    rows = []
    for item, both in items.items():
        a, b = (x if isinstance(x, str) else json.dumps(x, sort_keys=True) for x in both)
        rows.append((item, a, b, "yes" if a == b else "no"))
    return pd.DataFrame(rows, columns=columns)


def _pairs(one: PlannedProgramme) -> list[tuple[int, int]]:
    return [(school, other) for school, others in one.pairs.items() for other in others]


def _told(then: Iterable[Any], now: Iterable[Any], what: str) -> tuple[str, str]:
    """Count two lists, and what only one of them has where they are not the same."""
    a, b = set(then), set(now)
    if a == b:
        return f"{len(a)} {what}s", f"{len(b)} {what}s"
    return f"{len(a)} {what}s, {len(a - b)} not used", f"{len(b)} {what}s, {len(b - a)} not planned"
