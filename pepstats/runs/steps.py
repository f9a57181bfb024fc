"""One step of a run: reads the folders of earlier steps, writes whole files into its own.

A file is complete or absent: it is written beside its place and renamed. Tables are CSV, numbers
at the digits that all machines agree on; every figure has a table of the same stem and alt text.
"""

from __future__ import annotations

import html
import json
import zlib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from pepstats import paths
from pepstats.errors import RunError, nearest
from pepstats.formatting import plain_text, settle_one
from pepstats.impact import FORECAST, Design, Evaluation, Inputs, no_similar, take_up_evaluation
from pepstats.matching import Pool, take_up
from pepstats.plots import Picture, to_png, to_svg
from pepstats.report import Told
from pepstats.runs.disclosed import read_told
from pepstats.runs.files import (
    EXACT_STEPS,
    as_csv,
    check_name,
    keyed,
    lab_beside,
    read_csv,
    write_whole,
)
from pepstats.runs.tasks import READS, STEPS, Task
from pepstats.schools import Panel
from pepstats.settings import (
    Programme,
    Report,
    check_slug,
    keep_keys,
    load_programme,
    load_programmes,
    load_report,
)
from pepstats.study import Study, load_study


def read_design(step: Step) -> Design:
    """Take up the design that step 03 wrote down: the same schools, the same pairs."""
    if step.programme is None:
        raise RunError(f"{step.name} has no programme, so no design.")
    here = "03-match-schools"
    members, everyone = step.read_members()
    schools, left_out, unmatched = (
        step.read_keyed(here, name, "school") for name in ("pool", "left-out", "unmatched")
    )
    scales = step.read_keyed(here, "scales", "variable")
    pool = Pool(schools, step.read_table(here, "flow"), left_out, scales)
    pairs = step.read_table(here, "pairs-of-all")
    match = take_up(pairs, schools.index, step.programme.match, unmatched)
    never = tuple(sorted({*everyone, *members.index}))
    return Design(tuple(sorted(members.index)), never, pool, match)


def read_inputs(step: Step) -> Inputs:
    """Read what a programme is evaluated from, as steps 01 and 03 wrote it down."""
    members, _ = step.read_members()
    listed = step.read_table("01-clean-sources", "members").groupby("programme")["school"]
    schools = {str(slug): tuple(sorted(own)) for slug, own in listed}
    followed = step.read_table("03-match-schools", "plan")["followed"]
    return Inputs(
        panel=step.read_panel(),
        register=step.read_keyed("01-clean-sources", "register", "school"),
        year=step.report.year,
        members=members,
        national=step.read_table("01-clean-sources", "national"),
        rules=step.data,
        fixed_before=bool(followed.eq("yes").all()),
        others=tuple(
            (other, schools.get(other.slug, ()))
            for other in step.load_programmes()
            if step.programme is None or other.slug != step.programme.slug
        ),
        similar=step.read_similar(),
    )


def read_evaluation(step: Step) -> Evaluation:
    """Take up the evaluation that step 04 wrote down, to the last digit."""
    if step.programme is None:
        raise RunError(f"{step.name} has no programme, so no evaluation.")
    names = ["measured", "gaps-of-all", "slopes", "refused", "draws", "placebo-cities", "placebo",
             "effects"]  # fmt: skip
    here = "04-estimate-effect"
    tables = {name: step.read_table(here, name) for name in names}
    if (tables["measured"]["mode"] == FORECAST).all():
        tables["yardstick"] = step.read_table(here, "yardstick")
    return take_up_evaluation(step.programme, read_design(step), read_inputs(step), tables)


PUBLISHED = "notebooks/published.json"
"""The hash of each published file that the first step read, kept while a run is being made."""


@dataclass(frozen=True)
class Shown:
    """What a step wrote: how many files and, by hand, where; its pictures as a notebook shows them.

    A step of a run does not say where: that is another place each time.
    """

    files: int
    folder: str = ""
    pictures: tuple[tuple[bytes, str, str], ...] = field(default=(), repr=False)

    def _repr_html_(self) -> str:
        by_hand = f"Written to {self.folder}, until the next `pepstats run`; the run is as it was."
        return f"<p>{html.escape(by_hand)}</p>" * bool(self.folder) + "".join(
            f'<p>{html.escape(caption)}<br><img alt="{html.escape(alt)}" width="640" '
            f'src="data:image/png;base64,{b64encode(png).decode("ascii")}"></p>'
            for png, alt, caption in self.pictures
        )


def _files_of(name: str, thing: object, *, exact: bool) -> dict[str, bytes]:
    """Return the files that a thing is written as, by name; refuse what none is known for.

    What is `exact` is as it was published, to the last digit.
    """
    match thing:
        case pd.DataFrame():
            return {f"{name}.csv": as_csv(thing, exact=exact)}
        case Panel():
            parts = {"": thing.values, "-reasons": thing.reasons, "-releases": thing.releases}
            return {f"{name}{part}.csv": as_csv(table, exact=exact)
                    for part, table in parts.items()}  # fmt: skip
        case Picture():
            return _files_of_picture(name, thing)
        case dict() if name == "numbers":
            numbers = {key: settle_one(value) for key, value in thing.items()}
            text = json.dumps(
                numbers, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False
            )
            return {f"{name}.json": f"{text}\n".encode()}
        case str() | bytes() if Path(name).suffix:
            return {name: thing if isinstance(thing, bytes) else thing.encode()}
    raise RunError(
        f"`{name}` is a {type(thing).__name__}: a step saves tables, pictures, a panel, `numbers` "
        "as a dict, and text or bytes under a file name with its ending."
    )


def _files_of_picture(name: str, picture: Picture) -> dict[str, bytes]:
    """Return a picture's files: its table, drawn twice, and the words that stand for it."""
    for kind, words in (("alt text", picture.alt), ("caption", picture.caption)):
        if not words.strip():
            raise RunError(f"The figure `{name}` has no {kind}.")
    return {
        f"{name}.csv": as_csv(picture.table),
        f"{name}.svg": to_svg(picture.figure),
        f"{name}.png": to_png(picture.figure),
        f"{name}.alt.txt": f"{plain_text(picture.alt).strip()}\n".encode(),
        f"{name}.caption.txt": f"{plain_text(picture.caption).strip()}\n".encode(),
    }


@dataclass(frozen=True)
class Step:
    """A step of one report, for one programme where it has one.

    It writes in `run`. A step opened by hand has the last `finished` run beside that: what was not
    made by hand it reads from there, and it never writes there.
    """

    name: str
    report: Report
    programme: Programme | None
    data: Path
    run: Path
    finished: Path | None = None

    @property
    def folder(self) -> Path:
        """The only folder this step writes in."""
        return self.run / self._place_of(self.name, self.programme.slug if self.programme else None)

    def read_study(self) -> Study:
        """Read all published files of the report, and its programmes with their schools."""
        study = load_study(self.report, self.data, self.load_programmes())
        if self.finished is None:
            (self.run / PUBLISHED).parent.mkdir(parents=True, exist_ok=True)
            seen = json.dumps({source.file: source.sha256 for source in study.sources})
            write_whole(self.run / PUBLISHED, seen.encode("utf-8"))
        return study

    def save(self, things: Mapping[str, object]) -> Shown:
        """Write all that the step made into its folder, each thing whole; return what it shows.

        By name: a table (CSV, the index as its key where it has a name), a picture (SVG, PNG, its
        table, alt text and caption), a panel (values, reasons and releases), `numbers` as a dict
        (JSON, sorted by name), or text or bytes, whose name is the file's own with its ending.
        Anything else, a figure without its words, or two things that are one file raise RunError,
        and nothing is written.
        """
        made: dict[str, bytes] = {}
        shown = []
        for name, thing in things.items():
            files = _files_of(name, thing, exact=self.name in EXACT_STEPS)
            if twice := made.keys() & files.keys():
                raise RunError(f"{self.name}: `{min(twice)}` would be written twice.")
            made |= {check_name(file): content for file, content in files.items()}
            if isinstance(thing, Picture):
                shown.append((files[f"{name}.png"], thing.alt, thing.caption))
        self.folder.mkdir(parents=True, exist_ok=True)
        for file, content in made.items():
            write_whole(self.folder / file, content)
        return Shown(len(made), str(self.folder) if self.finished else "", tuple(shown))

    def read_table(self, step: str, name: str, programme: str | None = None) -> pd.DataFrame:
        """Read a table that an earlier step wrote; an empty cell is missing, `NA` is text."""
        return read_csv(self._earlier(step, f"{name}.csv", programme))

    def rng(self, purpose: str) -> np.random.Generator:
        """Return this step's own random numbers for a purpose, by seed, step and purpose."""
        seed = self.programme.seed if self.programme else zlib.crc32(self.report.slug.encode())
        return np.random.default_rng([seed, zlib.crc32(f"{self.name} {purpose}".encode())])

    def read_keyed(self, step: str, name: str, key: str) -> pd.DataFrame:
        """Read a table that an earlier step wrote, by its key, each key once."""
        return keyed(self.read_table(step, name), key)

    def read_members(self) -> tuple[pd.DataFrame, tuple[int, ...]]:
        """Read this programme's schools, and every programme's.

        Index `school`; `urn`, `joined`, `dose`, `basis`, and `also_in`: how many other programmes
        of the report the school is in.
        """
        listed = self.read_table("01-clean-sources", "members")
        own = listed[listed["programme"] == (self.programme.slug if self.programme else "")]
        wholes = {slug: load_programme(slug, self.data).whole for slug in self.report.programmes}
        counted = listed["programme"].map(wholes).groupby(listed["school"]).nunique()
        own = keyed(own, "school")
        return own.assign(also_in=counted.reindex(own.index) - 1), tuple(sorted(counted.index))

    def read_similar(self) -> pd.DataFrame:
        """Read the pairs of the published lists that this programme names; none without one."""
        if self.programme is None or not self.programme.pool.lists:
            return no_similar()
        listed = self.read_table("01-clean-sources", "similar-schools").astype({"list": "str"})
        own = listed[listed["programme"].eq(self.programme.slug)]
        return own.drop(columns="programme").reset_index(drop=True)

    def read_inspections(self) -> pd.DataFrame | None:
        """Read each school's latest inspection; nothing where the study has no inspections."""
        table = self.read_keyed("01-clean-sources", "inspections", "school")
        return None if table.empty else table.assign(inspected=pd.to_datetime(table["inspected"]))

    def read_panel(self, before: int | None = None) -> Panel:
        """Read the panel of step 01, whole or only the years before one."""
        index = {"": ["school", "year"], "-reasons": ["school", "year"], "-releases": ["year"]}
        tables = {}
        for part, key in index.items():
            table = self.read_table("01-clean-sources", f"panel{part}")
            tables[part] = table[table["year"] < (before or 9999)].set_index(key)
        return Panel(
            tables[""].astype(float),
            tables["-reasons"].astype("str"),
            tables["-releases"].astype("str").fillna(""),
        )

    def list_programmes(self) -> list[Programme]:
        """List the report's programmes that this run has results for, as they are written down."""
        runs = [run / "04-estimate-effect" for run in (self.run, self.finished) if run]
        there = {path.name for run in runs for path in run.glob("*") if path.is_dir()}
        return [programme for programme in self.load_programmes() if programme.slug in there]

    def load_programmes(self) -> list[Programme]:
        """Load every programme of the report, whether or not this run is for it."""
        keys = READS[self.name].others
        return [keep_keys(one, keys) for one in load_programmes(self.report, self.data)]

    def read_officers_text(self) -> str | None:
        """Read the officers' own words for this report, where they have written any."""
        path = self.data / f"reports/{self.report.slug}.md"
        return path.read_text("utf-8") if path.is_file() else None

    def read_told(self) -> Told:
        """Read what earlier releases told of the authority's results of this year."""
        return read_told(paths.output_folder(), self.report)

    def read_template(self) -> tuple[bytes, str] | None:
        """Read the council's own Word template, and its name, where the settings name one."""
        template = self.report.template
        return ((self.data / template).read_bytes(), template) if template else None

    def read_file(self, step: str, name: str, programme: str | None = None) -> bytes:
        """Read any other file that an earlier step wrote."""
        return self._earlier(step, name, programme).read_bytes()

    def _earlier(self, step: str, name: str, programme: str | None) -> Path:
        if step not in STEPS:
            raise RunError(f"`{step}` is no step. {nearest(step, STEPS)}")
        if step >= self.name:
            raise RunError(f"{self.name} may read only from earlier steps, not from {step}.")
        if not Task(self.name, "").may_read(step, name):
            raise RunError(
                f"{self.name} has not declared that it reads {step}/{name}, so it would not be run "
                "again when that changes. Declare it; CONTRIBUTING.md says how."
            )
        slug = programme or (self.programme.slug if self.programme else None)
        name = f"{self._place_of(step, slug)}/{check_name(name)}"
        for run in (self.run, self.finished):
            if run is not None and (run / name).is_file():
                return run / name
        raise RunError(
            f"{(self.finished or self.run) / name} is not there. Run {step} first, or "
            "`pepstats run` for all."
        )

    def _place_of(self, step: str, programme: str | None) -> str:
        """Return the place of a step's folder in a run."""
        if not STEPS[step]:
            return step
        if programme is None:
            raise RunError(f"{step} is run once per programme; name one.")
        return f"{step}/{check_slug(programme, 'programme')}"


def open_step(name: str, report: str, programme: str = "") -> Step:
    """Open one step of a run, for its notebook: what earlier steps wrote, and its own folder.

    In a run it writes into the run that is being made. By hand it writes into a folder of its own,
    `working/<report>.lab`, so that the last finished run stays as it is; the next run clears it.

    Parameters
    ----------
    name : str
        Of the notebook, without its ending.
    report : str
        The name of a report.
    programme : str
        The slug of a programme, for a step that is made for each.

    Returns
    -------
    Step
        Reads the folders of earlier steps, and saves into its own.

    Raises
    ------
    RunError
        For a step or a programme that is not known.

    Examples
    --------
    >>> pepstats.open_step("04-estimate-effect", "autumn-2018", "closing-the-gap").programme.slug
    'closing-the-gap'
    """
    if name not in STEPS:
        raise RunError(f"`{name}` is no step. {nearest(name, STEPS)}")
    data, making = paths.data_folder(), paths.making()
    settings = load_report(report, data)
    if STEPS[name] and programme not in settings.programmes:
        raise RunError(
            f"{name}: report `{report}` has no programme `{programme}`. "
            f"{nearest(programme, settings.programmes)}"
        )
    reads = READS[name]
    settings = keep_keys(settings, reads.report)
    chosen = keep_keys(load_programme(programme, data), reads.own) if STEPS[name] else None
    if making is None:
        finished = paths.output_folder() / "working" / settings.slug
        return Step(name, settings, chosen, data, lab_beside(finished), finished=finished)
    return Step(name, settings, chosen, data, making)
