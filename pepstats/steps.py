"""One step of a run: reads the folders of earlier steps, writes whole files into its own.

A file is complete or absent: it is written beside its place and renamed. Tables are CSV at full
precision; every figure has a table of the same stem and alt text.
"""

from __future__ import annotations

import hashlib
import html
import json
import os
import zlib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pepstats import paths
from pepstats.autumn import Report, load_programmes, load_report
from pepstats.disclosure import SHOWN_COLUMNS
from pepstats.errors import DesignError, RunError, nearest
from pepstats.panel import Panel
from pepstats.programme import Programme, load_programme
from pepstats.settings import check_slug

if TYPE_CHECKING:
    from pepstats.pictures import Picture
    from pepstats.study import Study

RUN, DATA, EARLIER = "run:", "data:", "earlier:"
"""Where a file that was read lies: in this run, in the study, in the earlier report's run."""
NOTHING = hashlib.sha256(b"").hexdigest()  # stands for the hash of a file that is not there
READ = ".read"  # how the list of what a step read ends

STEPS = {
    "01-clean-sources": False,
    "02-priority-ratings": False,
    "03-match-schools": True,
    "04-estimate-effect": True,
    "05-check-robustness": True,
    "06-case-studies": True,
    "07-board-report": False,
}
"""The steps in order, and whether each is run once per programme."""


@dataclass(frozen=True)
class Shown:
    """Pictures as a notebook shows them: each with its words."""

    pictures: tuple[tuple[bytes, str], ...]

    def _repr_html_(self) -> str:
        return "".join(
            f'<p><img alt="{html.escape(alt)}" width="640" '
            f'src="data:image/png;base64,{b64encode(png).decode("ascii")}"></p>'
            for png, alt in self.pictures
        )


@dataclass(frozen=True)
class Step:
    """A step of one report, for one programme where it has one.

    Everything it reads it reads through its own methods, or names with `reading`; while a run is
    being made, it writes each down in `said`, by which the runner knows what the step rests on.
    """

    name: str
    report: Report
    programme: Programme | None
    data: Path
    run: Path
    wholes: Mapping[str, str] = field(default_factory=dict, repr=False)
    said: Path | None = field(default=None, repr=False)

    @property
    def folder(self) -> Path:
        """The only folder this step writes in."""
        return self._folder_of(self.name, self.programme.slug if self.programme else None)

    def say_read(self, where: str, name: str, sha256: str = "") -> None:
        """Write down a file that was read: where it lies, its name there, its hash if known."""
        if self.said is not None:
            with self.said.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps([f"{where}{name}", sha256]) + "\n")

    def reading(self, *names: str) -> Path:
        """Give the data folder to read these files from, as far as they are there.

        `*` at the end of a name stands for whatever a folder holds.
        """
        for name in names:
            folder = self.data / name.removesuffix("*")
            listed = sorted(folder.iterdir()) if name.endswith("/*") and folder.is_dir() else []
            for one in [f"{name[:-1]}{path.name}" for path in listed] or [name]:
                if (self.data / one).is_file():
                    self.say_read(DATA, one)
        return self.data

    def settings(self, *names: str) -> Path:
        """Give the data folder to read these settings from, each the name of a YAML file there."""
        return self.reading(*(f"{name}.yml" for name in names))

    def read_study(self) -> Study:
        """Read all published files of the report, and its programmes with their schools."""
        from pepstats.study import load_study

        study = load_study(self.report, self.data)
        for source in study.sources:
            self.say_read(DATA, source.file, source.sha256)
        for programme in study.programmes.values():
            self.reading(*programme.files)
        return study

    def save_table(self, name: str, table: pd.DataFrame) -> None:
        """Write a table as CSV: full precision, the index as its key where it has a name."""
        write_whole(self._place(f"{name}.csv"), _as_csv(table))

    def save_tables(self, tables: Mapping[str, pd.DataFrame]) -> None:
        """Write several tables, each under its own name."""
        for name, table in tables.items():
            self.save_table(name, table)

    def save_panel(self, panel: Panel) -> None:
        """Write a panel as three tables: values, reasons and releases."""
        self.save_table("panel", panel.values)
        self.save_table("panel-reasons", panel.reasons)
        self.save_table("panel-releases", panel.releases)

    def save_numbers(self, numbers: Mapping[str, Any]) -> None:
        """Write named entries as `numbers.json`, sorted by name."""
        text = json.dumps(
            dict(numbers), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False
        )
        write_whole(self._place("numbers.json"), (text + "\n").encode("utf-8"))

    def save_pictures(self, pictures: Mapping[str, Picture]) -> Shown:
        """Write pictures as SVG and PNG, each with its table and alt text beside it; show them."""
        from pepstats.figures import to_png, to_svg

        shown = []
        for name, picture in pictures.items():
            if not picture.alt.strip():
                raise RunError(f"{self.name}: the figure `{name}` has no alt text.")
            png = to_png(picture.figure)
            write_whole(self._place(f"{name}.csv"), _as_csv(picture.data))
            write_whole(self._place(f"{name}.svg"), to_svg(picture.figure))
            write_whole(self._place(f"{name}.png"), png)
            write_whole(
                self._place(f"{name}.alt.txt"), (picture.alt.strip() + "\n").encode("utf-8")
            )
            shown.append((png, picture.alt))
        return Shown(tuple(shown))

    def save_file(self, name: str, content: str | bytes) -> None:
        """Write any other file whole."""
        raw = content.encode("utf-8") if isinstance(content, str) else content
        write_whole(self._place(name), raw)

    def save_files(self, files: Mapping[str, str | bytes]) -> None:
        """Write several files whole, each under its own name."""
        for name, content in files.items():
            self.save_file(name, content)

    def read_table(self, step: str, name: str, programme: str | None = None) -> pd.DataFrame:
        """Read a table that an earlier step wrote; an empty cell is missing, `NA` is text."""
        path = self._earlier(step, f"{name}.csv", programme)
        return pd.read_csv(path, keep_default_na=False, na_values=[""])

    def rng(self, purpose: str) -> np.random.Generator:
        """Give this step's own stream of chance for a purpose: seed, step and purpose decide it."""
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
        wholes = self.wholes or find_wholes(self.report, self.data)
        listed = listed.assign(programme=listed["programme"].map(wholes))
        counted = listed.groupby("school")["programme"].nunique()
        own = keyed(own, "school")
        return own.assign(also_in=counted.reindex(own.index) - 1), tuple(sorted(counted.index))

    def read_inspections(self) -> pd.DataFrame | None:
        """Read each school's latest inspection; nothing where the study has no inspections."""
        table = keyed(self.read_table("01-clean-sources", "inspections"), "school")
        if table.empty:
            return None
        return table.assign(inspected=pd.to_datetime(table["inspected"]))

    def read_panel(self, before: int | None = None) -> Panel:
        """Read the panel of step 01, whole or only the years before one."""
        tables = {}
        for part, key in (
            ("", ["school", "year"]),
            ("-reasons", ["school", "year"]),
            ("-releases", ["year"]),
        ):
            table = self.read_table("01-clean-sources", f"panel{part}")
            tables[part] = table[table["year"] < (before or 9999)].set_index(key)
        return Panel(
            tables[""].astype(float),
            tables["-reasons"].astype("str"),
            tables["-releases"].astype("str").fillna(""),
        )

    def list_programmes(self) -> list[Programme]:
        """List the report's programmes that this run has results for, as they are written down."""
        there = {path.name for path in (self.run / "04-estimate-effect").glob("*") if path.is_dir()}
        return [programme for programme in self.load_programmes() if programme.slug in there]

    def load_programmes(self) -> list[Programme]:
        """Load every programme of the report, whether or not this run is for it."""
        programmes = load_programmes(self.report, self.data)
        self.reading(*(programme.file for programme in programmes))
        return programmes

    def read_officers_text(self) -> str | None:
        """Read the officers' own words for this report, where they have written any."""
        name = f"reports/{self.report.slug}.md"
        path = self.reading(name) / name
        return path.read_text("utf-8") if path.is_file() else None

    def read_last_shown(self) -> pd.DataFrame:
        """Read the counts that the last release showed, where the report's settings name them."""
        file = self.report.disclosure.last_shown
        return (
            read_shown(self.reading(file) / file) if file else pd.DataFrame(columns=SHOWN_COLUMNS)
        )

    def find_template(self) -> Path | None:
        """Find the council's own Word template, where the report's settings name one."""
        template = self.report.template
        return self.reading(template) / template if template else None

    def read_numbers(self, step: str, programme: str | None = None) -> dict[str, Any]:
        """Read the named entries that an earlier step wrote."""
        path = self._earlier(step, "numbers.json", programme)
        entries: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return entries

    def read_file(self, step: str, name: str, programme: str | None = None) -> bytes:
        """Read any other file that an earlier step wrote."""
        return self._earlier(step, name, programme).read_bytes()

    def _earlier(self, step: str, name: str, programme: str | None) -> Path:
        if step not in STEPS:
            raise RunError(f"`{step}` is no step. {nearest(step, STEPS)}")
        if step >= self.name:
            raise RunError(f"{self.name} may read only from earlier steps, not from {step}.")
        slug = programme or (self.programme.slug if self.programme else None)
        path = self._folder_of(step, slug) / check_name(name)
        if not path.is_file():
            raise RunError(f"{path} is not there. Run {step} first, or `pepstats run` for all.")
        self.say_read(RUN, path.relative_to(self.run).as_posix())
        return path

    def _folder_of(self, step: str, programme: str | None) -> Path:
        folder = self.run / step
        if STEPS[step]:
            if programme is None:
                raise RunError(f"{step} is run once per programme; name one.")
            return folder / check_slug(programme, "programme")
        return folder

    def _place(self, name: str) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / check_name(name)


def open_step(name: str, report: str, programme: str = "") -> Step:
    """Open a step by name, for a report and, where it is run per programme, a programme."""
    if name not in STEPS:
        raise RunError(f"`{name}` is no step. {nearest(name, STEPS)}")
    data = paths.data_folder()
    settings = load_report(report, data)
    wholes = find_wholes(settings, data)
    if STEPS[name] and programme not in settings.programmes:
        raise RunError(
            f"{name}: report `{report}` has no programme `{programme}`. "
            f"{nearest(programme, settings.programmes)}"
        )
    chosen = load_programme(programme, data) if STEPS[name] else None
    run = paths.working_folder(settings.slug)
    said = run / "notebooks" / f"{name_task(name, programme)}{READ}" if paths.making() else None
    if said is not None:
        said.parent.mkdir(parents=True, exist_ok=True)
    step = Step(name, settings, chosen, data, run, wholes, said)
    step.reading(*([chosen.file] if chosen else []))
    return step


def find_wholes(report: Report, data: Path) -> dict[str, str]:
    """Find, for each programme of a report, the one it is a phase of: itself if of no other."""
    return {slug: load_programme(slug, data).whole for slug in report.programmes}


def name_task(step: str, programme: str) -> str:
    """Name one step for one programme where it has one: what its executed copy is called."""
    return f"{step}--{programme}" if programme else step


def read_shown(path: Path) -> pd.DataFrame:
    """Read counts that a release showed; each is a whole number or nothing."""
    try:
        table = pd.read_csv(path, dtype={"table": "str", "row": "str", "column": "str"})
        known = table[SHOWN_COLUMNS].astype({"count": "Int64"}).astype({"count": float})
    except (KeyError, ValueError, TypeError) as error:
        raise DesignError(
            f"{path}: not counts that a release showed ({error}). Name the `shown-counts.csv` of "
            f"that release; its columns are {', '.join(SHOWN_COLUMNS)}."
        ) from None
    twice = known[known.duplicated(["table", "row", "column"])]
    if len(twice):
        where = ", ".join(f"row {row + 2}" for row in twice.index[:5])
        raise DesignError(f"{path}: a count is there twice ({where}). Take one of the two out.")
    return known


def _as_csv(table: pd.DataFrame) -> bytes:
    keyed = any(level is not None for level in table.index.names)
    text: str = table.to_csv(index=keyed, lineterminator="\n")
    return text.encode("utf-8")


def check_name(name: str) -> str:
    """Give back a plain file name, or refuse one that could leave its folder."""
    if name in {"", ".", ".."} or name != Path(name).name or name.startswith(".") or "\\" in name:
        raise RunError(f"`{name}` cannot be a file name here.")
    return name


def keyed(table: pd.DataFrame, key: str) -> pd.DataFrame:
    """Give a table by its key, refusing one that has a key twice."""
    found = table.set_index(key)
    if not found.index.is_unique:
        twice = found.index[found.index.duplicated()].unique().tolist()
        raise RunError(f"`{key}` is there twice for {twice[:5]}. Run the step that wrote it again.")
    return found


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is complete or absent; one that already says this is left alone.

    A file that changes outside a run takes the manifest with it: what lies there then is no longer
    the run that the manifest describes.
    """
    if path.is_file() and path.read_bytes() == content:
        return
    for folder in path.parents:
        manifest = folder / "manifest.json"
        if manifest.is_file():
            manifest.unlink()
            break
        if folder.name in {"working", "released"}:
            break
    partial = path.with_name(f"{path.name}.partial-{os.getpid()}")
    partial.write_bytes(content)
    os.replace(partial, path)  # noqa: PTH105 - atomic on every system we run on


def sha256_of(path: Path) -> str:
    """Give a file's SHA-256 as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
