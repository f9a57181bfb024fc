"""One step of a run: reads the folders of earlier steps, writes whole files into its own.

A file is complete or absent: it is written beside its place and renamed. Tables are CSV at full
precision; every figure has a table of the same stem and alt text.
"""

from __future__ import annotations

import hashlib
import html
import json
import os
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pepstats import paths
from pepstats.errors import RunError, nearest
from pepstats.panel import Panel
from pepstats.programme import Programme, Report, check_slug, load_programme, load_report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
class Picture:
    """A figure as a notebook shows it: the picture and its words together."""

    png: bytes
    alt: str

    def _repr_html_(self) -> str:
        source = b64encode(self.png).decode("ascii")
        return f'<img alt="{html.escape(self.alt)}" src="data:image/png;base64,{source}">'


@dataclass(frozen=True)
class Step:
    """A step of one report, for one programme where it has one."""

    name: str
    report: Report
    programme: Programme | None
    data: Path
    run: Path

    @property
    def folder(self) -> Path:
        """The only folder this step writes in."""
        return self._folder_of(self.name, self.programme.slug if self.programme else None)

    def save_table(self, name: str, table: pd.DataFrame) -> None:
        """Write a table as CSV: full precision, the index as its key where it has a name."""
        keyed = any(level is not None for level in table.index.names)
        text = table.to_csv(index=keyed, lineterminator="\n")
        write_whole(self._place(f"{name}.csv"), text.encode("utf-8"))

    def save_panel(self, name: str, panel: Panel) -> None:
        """Write a panel as three tables: values, reasons and releases."""
        self.save_table(name, panel.values)
        self.save_table(f"{name}-reasons", panel.reasons)
        self.save_table(f"{name}-releases", panel.releases)

    def save_numbers(self, numbers: Mapping[str, Any]) -> None:
        """Write named entries as `numbers.json`, sorted by name."""
        text = json.dumps(dict(numbers), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
        write_whole(self._place("numbers.json"), (text + "\n").encode("utf-8"))

    def save_figure(self, name: str, figure: Figure, *, data: pd.DataFrame, alt: str) -> Picture:
        """Write a figure as SVG and PNG with the table behind it and its alt text; show it."""
        from pepstats.figures import to_png, to_svg

        if not alt.strip():
            raise RunError(f"{self.name}: the figure `{name}` has no alt text.")
        png = to_png(figure)
        self.save_table(name, data)
        write_whole(self._place(f"{name}.svg"), to_svg(figure))
        write_whole(self._place(f"{name}.png"), png)
        write_whole(self._place(f"{name}.alt.txt"), (alt.strip() + "\n").encode("utf-8"))
        return Picture(png, alt)

    def save_file(self, name: str, content: str | bytes) -> None:
        """Write any other file whole."""
        raw = content.encode("utf-8") if isinstance(content, str) else content
        write_whole(self._place(name), raw)

    def read_table(self, step: str, name: str, programme: str | None = None) -> pd.DataFrame:
        """Read a table that an earlier step wrote; an empty cell is missing, `NA` is text."""
        path = self._earlier(step, f"{name}.csv", programme)
        return pd.read_csv(path, keep_default_na=False, na_values=[""])

    def read_panel(self, step: str = "01-clean-sources", name: str = "panel") -> Panel:
        """Read a panel that an earlier step wrote."""
        values = self.read_table(step, name).set_index(["school", "year"])
        reasons = self.read_table(step, f"{name}-reasons").set_index(["school", "year"])
        releases = self.read_table(step, f"{name}-releases").set_index("year")
        return Panel(values.astype(float), reasons.astype("str"), releases.astype("str").fillna(""))

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
    if STEPS[name] and programme not in settings.programmes:
        raise RunError(
            f"{name}: report `{report}` has no programme `{programme}`. "
            f"{nearest(programme, settings.programmes)}"
        )
    chosen = load_programme(programme, data) if STEPS[name] else None
    return Step(name, settings, chosen, data, paths.working_folder(settings.slug))


def check_name(name: str) -> str:
    """Give back a plain file name, or refuse one that could leave its folder."""
    if name in {"", ".", ".."} or name != Path(name).name or name.startswith(".") or "\\" in name:
        raise RunError(f"`{name}` cannot be a file name here.")
    return name


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
