"""From one release of the same results to the next: what moved, what did not, any verdict changed.

Two bridges. `bridge_results` sets two releases of the published results side by side, measure by
measure; `bridge_effects` does so for what was concluded from them. A number has moved when it is
not the same to nine digits; the rest is said to be as it was.

What was reported before is read from the earlier report's own run, else from its release; where
there is neither, or it holds no school's results, there is no bridge and nothing stops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from pepstats import paths
from pepstats.errors import RunError
from pepstats.formatting import count_words, format_number
from pepstats.impact import HOW
from pepstats.measures import MEASURES, find_measure, outcome_label
from pepstats.report import round_effects
from pepstats.runs.files import CHANGES_FILE, MANIFEST, read_csv, sha256_of, write_whole
from pepstats.runs.manifest import EarlierRun, find_manifest, read_manifest
from pepstats.runs.steps import Step
from pepstats.schools import Panel
from pepstats.settings import Report

PANEL = "01-clean-sources/panel.csv"
RELEASES = "01-clean-sources/panel-releases.csv"
PAPER = "07-board-report/"
EFFECTS_FILE = f"{PAPER}effects.csv"
SAME_DIGITS = 1e-9
KEY = ["programme", "outcome"]
CARRIED = ["estimate", "low", "high", "p_placebo", "n_schools", "release", "mode", "verdict"]

EFFECT_COLUMNS = [
    *KEY, "unit", *(f"{name}_{when}" for name in CARRIED for when in ("before", "after")),
    "change", "moved", "verdict_changed", "said",
]  # fmt: skip

RESULT_COLUMNS = [
    "measure", "unit", "release_before", "release_after", "schools_before", "schools_after",
    "in_both", "schools_moved", "before", "after", "change", "largest_change",
]  # fmt: skip

NO_EFFECT = "no estimate"


class Earlier(EarlierRun):
    """The earlier report's run or release where it lies; a release has no school's results."""

    folder: Path

    def read(self, name: str) -> pd.DataFrame | None:
        """Read a table of it; None where it holds no such table."""
        return read_csv(self.folder / name) if name in self.tables else None


def find_earlier(report: Report, out: Path) -> Earlier | None:
    """Find the run of the report that this one revises, else its release; nothing without one.

    One that has no manifest, or holds other bytes than its manifest names, is none.
    """
    if report.revises is None:
        return None
    found = (open_earlier(out / place / report.revises, report.revises)
             for place in ("working", "released"))  # fmt: skip
    return next((one for one in found if one is not None), None)


def open_earlier(folder: Path, slug: str) -> Earlier | None:
    """Open a folder as a run or release of a report, with what a bridge reads; else nothing."""
    made = find_manifest(folder)
    if made is None or made.report != slug:
        return None
    tables = {name: made.outputs[name].sha256 for name in (PANEL, RELEASES, EFFECTS_FILE)
              if name in made.outputs}  # fmt: skip
    whole = all((folder / name).is_file() and sha256_of(folder / name) == digest
                for name, digest in tables.items())  # fmt: skip
    return Earlier(report=slug, folder=folder, tables=tables) if whole else None


def bridge_effects(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return what was concluded before and after, one row per programme and outcome.

    Both are effects, rounded here as a paper prints them. `change` is in `unit`; `moved` says
    whether any printed number of the row did; `said` is the change as a sentence; an effect that
    only one of them has is `no estimate` in the other.
    """
    wanted = [*KEY, "unit", *CARRIED]
    sides = {when: table.reindex(columns=wanted).set_index(KEY)
             for when, table in (("before", round_effects(before)),
                                 ("after", round_effects(after)))}  # fmt: skip
    index = sides["after"].index.union(sides["before"].index, sort=False)
    table = pd.DataFrame(index=index)
    table["unit"] = sides["after"]["unit"].reindex(index).fillna(sides["before"]["unit"])
    for name in CARRIED:
        for when, side in sides.items():
            column = side[name].reindex(index)
            text = name in {"release", "mode", "verdict"}
            table[f"{name}_{when}"] = column.fillna(NO_EFFECT) if text else column.astype(float)
    table["change"] = table["estimate_after"] - table["estimate_before"]
    moved = pd.Series(False, index=index)
    for name in ("estimate", "low", "high", "p_placebo", "n_schools"):
        moved |= ~_as_it_was(table[f"{name}_before"], table[f"{name}_after"])
    table["verdict_changed"] = table["verdict_before"] != table["verdict_after"]
    table["moved"] = moved | table["verdict_changed"]
    rows = table.reset_index()
    why = {} if "reason" not in before else before.set_index(KEY)["reason"].dropna().to_dict()
    rows["said"] = [
        _say(row, str(why.get((row["programme"], row["outcome"]), "")))
        for row in rows.to_dict("records")
    ]
    return rows[EFFECT_COLUMNS]


def bridge_programme(step: Step, after: pd.DataFrame) -> pd.DataFrame:
    """Return a programme's effects in the report that this one revises, and now: see above.

    Without a run or a release of that report the table is empty; of a programme or an outcome that
    it has no estimate of, the table says so.
    """
    earlier = find_earlier(step.report, paths.output_folder())
    if earlier is None or step.programme is None:
        return pd.DataFrame(columns=EFFECT_COLUMNS)
    before = earlier.read(EFFECTS_FILE)
    if before is None:
        return bridge_effects(after.iloc[:0], after)
    own = before[before["programme"] == step.programme.slug]
    return bridge_effects(own, after)


def bridge_report(step: Step, panel: Panel, schools: Iterable[int] | None = None) -> pd.DataFrame:
    """Return the year's results in the report that this one revises, and now.

    Empty without a run of that report, or where only its release is there and holds no school's
    results.
    """
    earlier = find_earlier(step.report, paths.output_folder())
    values = earlier.read(PANEL) if earlier else None
    releases = earlier.read(RELEASES) if earlier else None
    if values is None or releases is None:
        return pd.DataFrame(columns=RESULT_COLUMNS)
    before = Panel(
        values.set_index(["school", "year"]).astype(float),
        pd.DataFrame(),
        releases.set_index("year").astype("str").fillna(""),
    )
    return bridge_results(before, panel, year=step.report.year, schools=schools)


def _as_it_was(before: pd.Series, after: pd.Series) -> pd.Series:
    near = np.isclose(before, after, rtol=SAME_DIGITS, atol=0, equal_nan=True)
    return pd.Series(near, index=before.index)


def bridge_results(
    before: Panel, after: Panel, *, year: int, schools: Iterable[int] | None = None
) -> pd.DataFrame:
    """Return each measure's results of a year in two releases, over all schools or some.

    `before` and `after` are means over the schools that have the measure in both, each school
    counted once, so that no change comes from who is counted; `schools_moved` is how many of them
    have another value now, and `largest_change` the largest of those changes. Measures that
    neither has that year are left out.
    """
    names = [name for name in MEASURES if name in before.values or name in after.values]
    (values, releases), (values_now, releases_now) = (
        _of_year(panel, names, year, schools) for panel in (before, after)
    )
    rows = []
    for name in names:
        ours, theirs = (side[name].dropna().sort_index() for side in (values, values_now))
        if ours.empty and theirs.empty:
            continue
        both = ours.index.intersection(theirs.index)
        moved = (theirs[both] - ours[both])[~_as_it_was(ours[both], theirs[both])]
        first, then = ours[both].mean(), theirs[both].mean()
        rows.append((
            name, MEASURES[name].unit, releases[name], releases_now[name],
            len(ours), len(theirs), len(both), len(moved),
            first, then, then - first, moved.abs().max() if len(moved) else 0.0,
        ))  # fmt: skip
    return pd.DataFrame(rows, columns=RESULT_COLUMNS)


def _of_year(
    panel: Panel, names: list[str], year: int, schools: Iterable[int] | None
) -> tuple[pd.DataFrame, pd.Series]:
    """Return a year's results, one row a school, and the release that each measure is from."""
    values = panel.values.reindex(columns=names)
    values = values[values.index.get_level_values("year") == year].droplevel("year")
    releases = panel.releases.reindex(index=[year], columns=names).iloc[0].fillna("")
    return values if schools is None else values[values.index.isin(list(schools))], releases


def _say(row: dict[str, object], why: str) -> str:
    what = outcome_label(str(row["outcome"]))
    then, now = (_side(row, when) for when in ("before", "after"))
    if not row["moved"]:
        return f"{what}: as it was, {now}."
    if row["verdict_changed"]:
        verdict = f"The verdict changed from “{row['verdict_before']}” to “{row['verdict_after']}”."
    else:
        verdict = f"The verdict is still “{row['verdict_after']}”."
    how = ""
    if row["mode_before"] != row["mode_after"] and NO_EFFECT not in (then, now):
        held = (HOW[str(row[f"mode_{when}"])] for when in ("before", "after"))
        how = " The earlier estimate was {}; this one is {}.".format(*held)
    elif then == NO_EFFECT and why:
        how = f" There was none before: {why}."
    return f"{what}: {then} became {now}.{how} {verdict}"


def _side(row: dict[str, object], when: str) -> str:
    estimate = float(str(row[f"estimate_{when}"]))
    if not np.isfinite(estimate):
        return NO_EFFECT
    places = find_measure(str(row["outcome"])).decimals
    size = format_number(estimate, places, signed=True)
    count = count_words(int(float(str(row[f"n_schools_{when}"]))), "school")
    return f"{size} {row['unit']} ({count}, {row[f'release_{when}']} results)"


HEADER = """# What changed in what was released

Newest first; written by `pepstats release`. A number has moved when another is printed. The seal is
that of the release's `manifest.json`.
"""


def record_release(
    released: Path, before: Path | None, making: Path, *, revises: str | None = None
) -> Callable[[], None]:
    """Return what writes a release into `CHANGES.md`, once it is in its place.

    `before` is the folder of the last release of the report, `making` that of the new one.
    """
    made, lines = read_manifest(making), []
    now = read_effects(making)
    release = made.release
    assert release is not None  # it has just been written as one
    if before is None:
        lines.append(f"- first release, with {count_words(len(now), 'effect')}")
        lines += [f"- it revises {revises}"] if revises is not None else []
    else:
        table = bridge_effects(read_effects(before), now)
        moved, flipped = table[table["moved"]], int(table["verdict_changed"].sum())
        verdicts = count_words(flipped, "verdict") if flipped else "no verdict"
        lines.append(f"- {len(moved)} of {len(table)} effects moved; {verdicts} changed")
        lines += [f"  - {row.programme}: {row.said}" for row in moved.itertuples()]
    lines += [f"- why: {release.why}"] if release.why else []
    lines.append(f"- seal: {made.seal}")
    said = "\n".join([f"## {made.report}, {release.on}", "", *lines])
    return partial(_add_entry, released, said)


def read_effects(folder: Path) -> pd.DataFrame:
    """Read every programme's effects, as they were printed, from a run or a release."""
    return read_csv(folder / EFFECTS_FILE)


def _add_entry(released: Path, said: str) -> None:
    path = released / CHANGES_FILE
    head, _, rest = _read_changes(path).partition("\n## ")
    text = f"{head.rstrip()}\n\n{said}\n" + (f"\n## {rest}" if rest else "")
    write_whole(path, text.encode("utf-8"))


def _read_changes(path: Path) -> str:
    try:
        return path.read_text("utf-8") if path.is_file() else HEADER
    except UnicodeDecodeError as error:
        raise RunError(f"{path}: not UTF-8 text (byte {error.start}). Save it as UTF-8.") from None


def bring_up_to_date(released: Path) -> None:
    """See that every release there is in `CHANGES.md`, also one whose line a kill cut off."""
    for folder in sorted(p for p in released.glob("[!.]*") if (p / MANIFEST).is_file()):
        made = read_manifest(folder)
        if made.release is not None and made.seal not in _read_changes(released / CHANGES_FILE):
            said = f"## {made.report}, {made.release.on}\n\n- released\n- seal: {made.seal}"
            _add_entry(released, said)
