"""From one release of the same results to the next: what moved, what did not, any verdict changed.

Two bridges. `bridge_results` sets two releases of the published results side by side, measure by
measure; `bridge_effects` does so for what was concluded from them. A number has moved when it is
not the same to nine digits; the rest is said to be as it was.

What was reported before is read from the earlier report's own run, else from its release; where
there is neither, or it holds no school's results, there is no bridge and nothing stops.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from pepstats import paths
from pepstats.errors import DesignError, RunError
from pepstats.formatting import count_words, format_number
from pepstats.measures import MEASURES, find_measure, outcome_label
from pepstats.runs.files import CHANGES_FILE, MANIFEST, sha256_of, write_whole
from pepstats.runs.manifest import EarlierRun, Manifest, read_manifest
from pepstats.runs.steps import EARLIER, NOTHING, Step
from pepstats.schools import Panel
from pepstats.settings import Report, load_report

PANEL = "01-clean-sources/panel.csv"
RELEASES = "01-clean-sources/panel-releases.csv"
EFFECTS_FILE = "04-estimate-effect/{slug}/effects.csv"
REFUSED_FILE = "04-estimate-effect/{slug}/refused.csv"
BRIDGE_FILE = "04-estimate-effect/{slug}/bridge.csv"
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
    """The earlier report's run or release where it lies; a release lacks what was withheld."""

    folder: Path


def list_bridge_tables(programmes: Iterable[str]) -> list[str]:
    """List the tables of the earlier report's run that a bridge reads."""
    forms = (EFFECTS_FILE, REFUSED_FILE)
    return [PANEL, RELEASES, *(form.format(slug=slug) for slug in programmes for form in forms)]


def find_earlier(report: Report, out: Path) -> Earlier | None:
    """Find the run of the report that this one revises, else its release; nothing without one.

    One that has no manifest, or holds other bytes than its manifest names, is none.
    """
    if report.revises is None:
        return None
    found = (open_earlier(out / place / report.revises, report.revises, report.programmes)
             for place in ("working", "released"))  # fmt: skip
    return next((one for one in found if one is not None), None)


def open_earlier(folder: Path, slug: str, programmes: Iterable[str]) -> Earlier | None:
    """Open a folder as a run or release of a report, with what a bridge reads; else nothing."""
    try:
        made = read_manifest(folder)
    except RunError:
        return None
    tables = {name: made.outputs[name].sha256 for name in list_bridge_tables(programmes)
              if name in made.outputs and name not in made.withheld}  # fmt: skip
    whole = all((folder / name).is_file() and sha256_of(folder / name) == digest
                for name, digest in tables.items())  # fmt: skip
    return (
        Earlier(report=slug, folder=folder, tables=tables)
        if made.sealed and whole and made.report == slug
        else None
    )


def _read_table(step: Step, earlier: Earlier | None, name: str) -> pd.DataFrame | None:
    """Read a table of the earlier report's run, and say so; None where it holds no such table."""
    if earlier is None or name not in earlier.tables:
        step.say_read(EARLIER, name, NOTHING)
        return None
    content = (earlier.folder / name).read_bytes()
    step.say_read(EARLIER, name, hashlib.sha256(content).hexdigest())
    return pd.read_csv(io.BytesIO(content), keep_default_na=False, na_values=[""])


def bridge_effects(
    before: pd.DataFrame, after: pd.DataFrame, refused: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Return what was concluded before and after, one row per programme and outcome.

    Both are tables of effects (`effects.csv`). `change` is in `unit`; `moved` says whether any
    number of the row did; `said` is the change as a sentence; an effect that only one of them has
    is `no estimate` in the other, and `refused` says of an outcome why there was none before.
    """
    sides = {"before": _keyed(before), "after": _keyed(after)}
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
    why = refused or {}
    rows["said"] = [_say(row, why.get(row["outcome"], "")) for row in rows.to_dict("records")]
    return rows[EFFECT_COLUMNS]


def bridge_programme(step: Step, after: pd.DataFrame) -> pd.DataFrame:
    """Return a programme's effects in the report that this one revises, and now: see above.

    Without a run or a release of that report the table is empty; of a programme or an outcome that
    it has no estimate of, the table says so.
    """
    if step.report.revises is None or step.programme is None:
        return pd.DataFrame(columns=EFFECT_COLUMNS)
    slug = step.programme.slug
    earlier = find_earlier(step.report, paths.output_folder())
    before = _read_table(step, earlier, EFFECTS_FILE.format(slug=slug))
    refused = _read_table(step, earlier, REFUSED_FILE.format(slug=slug))
    if earlier is None:
        return pd.DataFrame(columns=EFFECT_COLUMNS)
    why = {} if refused is None else dict(zip(refused["outcome"], refused["reason"], strict=True))
    return bridge_effects(after.iloc[:0] if before is None else before, after, why)


def bridge_report(step: Step, panel: Panel, schools: Iterable[int] | None = None) -> pd.DataFrame:
    """Return the year's results in the report that this one revises, and now.

    Empty without a run of that report, or where only its release is there and holds no school's
    results.
    """
    if step.report.revises is None:
        return pd.DataFrame(columns=RESULT_COLUMNS)
    earlier = find_earlier(step.report, paths.output_folder())
    values = _read_table(step, earlier, PANEL)
    releases = _read_table(step, earlier, RELEASES)
    if values is None or releases is None:
        return pd.DataFrame(columns=RESULT_COLUMNS)
    before = Panel(
        values.set_index(["school", "year"]).astype(float),
        pd.DataFrame(),
        releases.set_index("year").astype("str").fillna(""),
    )
    return bridge_results(before, panel, year=step.report.year, schools=schools)


def _keyed(effects: pd.DataFrame) -> pd.DataFrame:
    if effects.duplicated(KEY).any():
        raise DesignError("An effect is listed twice: one programme's outcome has one row.")
    return effects.reindex(columns=[*KEY, "unit", *CARRIED]).set_index(KEY)


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
    if then == now:
        return f"{what}: {now}, as it was but for digits not shown. {verdict}"
    how = ""
    if row["mode_before"] != row["mode_after"] and NO_EFFECT not in (then, now):
        held = f"{row['mode_before']}; now they are {row['mode_after']}"
        how = f" Then they were held against what was {held}."
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

Newest first; written by `pepstats release`. A number has moved when it is not the same to nine
digits. The seal is that of the release's `manifest.json`.
"""


def write_entry(
    before: Path | None, after: Path, made: Manifest, *, on: str, why: str,
    revises: str | None = None,
) -> str:  # fmt: skip
    """Write what a release changed, set beside the last one where there is one.

    `before` is the folder of the last release, of this report or of the one it `revises`; `after`
    that of the run being released. An earlier report that was never released is set beside it as
    its own run was, where the run found one.
    """
    now = read_effects(after, made)
    lines, reasons = [], [why] if why else []
    if before is None or read_manifest(before).report != made.report:
        lines.append(f"- first release, with {count_words(len(now), 'effect')}")
    if before is not None:
        then = read_manifest(before)
        lines += [f"- it revises {then.report}"] if then.report != made.report else []
        lines += _say_effects(bridge_effects(read_effects(before, then), now))
        lines += _say_files(then, made)
        reasons += say_reasons(then, made) or ["nothing it came from has changed"]
    elif revises is not None:
        bridged = read_effects(after, made, BRIDGE_FILE)
        beside = "set beside its run" if len(bridged) else "there was no run to set it beside"
        lines.append(f"- it revises {revises}, which was not released; {beside}")
        lines += _say_effects(bridged) if len(bridged) else []
    reason = [f"- why: {'; '.join(reasons)}"] if reasons else []
    return "\n".join([f"## {made.report}, {on}", "", *lines, *reason, ""])


def find_last_release(report: Report, data: Path, released: Path) -> Path | None:
    """Find the last release of a report, else of the earlier one that it revises."""
    name: str | None = report.slug
    while name is not None:
        if (released / name / MANIFEST).is_file():
            return released / name
        name = load_report(name, data).revises
    return None


def read_effects(folder: Path, made: Manifest, name: str = EFFECTS_FILE) -> pd.DataFrame:
    """Read every programme's effects, or its bridge, from a run or a release."""
    parts = [
        pd.read_csv(folder / name.format(slug=slug), keep_default_na=False, na_values=[""])
        for slug in made.programmes
    ]
    return pd.concat(parts, ignore_index=True)


def _say_effects(table: pd.DataFrame) -> Iterator[str]:
    moved = table[table["moved"]]
    flipped = int(table["verdict_changed"].sum())
    verdicts = count_words(flipped, "verdict") if flipped else "no verdict"
    yield f"- {len(moved)} of {len(table)} effects moved; {verdicts} changed"
    for slug, rows in moved.groupby("programme", sort=False):
        yield from (f"  - {slug}: {said}" for said in rows["said"])
    still = table[~table["moved"]]
    if len(still):
        named = [f"{row['programme']} {row['outcome']}" for row in still.to_dict("records")]
        yield f"- did not move: {', '.join(named)}"


def _say_files(then: Manifest, now: Manifest) -> Iterator[str]:
    """Count which tables are not the same, as their hashes tell."""
    tables = [name for name, one in now.outputs.items() if one.columns]
    known = [name for name in tables if name in then.outputs]
    other = [n for n in known if then.outputs[n].sha256 != now.outputs[n].sha256]
    new, gone = len(tables) - len(known), [n for n in then.outputs if n not in now.outputs]
    yield (
        f"- of {len(tables)} tables {len(known) - len(other)} are the same byte for byte, "
        f"{len(other)} are not, {new} are new; {len(gone)} files are no longer made"
    )


def say_reasons(then: Manifest, now: Manifest) -> list[str]:
    """List what differs between two runs that could have moved a number: the reasons there are."""
    reasons = [*_say_inputs(then, now)]
    for what in ("settings", "seeds", "packages"):
        ours, theirs = getattr(then, what), getattr(now, what)
        names = [n for n in sorted({*ours, *theirs}) if ours.get(n) != theirs.get(n)]
        if names:
            reasons.append(f"{what} changed: {', '.join(names)}")
    if then.python != now.python:
        reasons.append(f"Python {then.python} became {now.python}")
    if then.platform != now.platform:
        reasons.append(f"{then.platform} became {now.platform}")
    if then.code.commit != now.code.commit:
        first, last = ((one.code.commit or "unknown")[:12] for one in (then, now))
        reasons.append(f"code {first} became {last}")
    return reasons


def _say_inputs(then: Manifest, now: Manifest) -> Iterator[str]:
    ours, theirs = ({(i.kind, i.year, i.file): i for i in one.inputs} for one in (then, now))
    by_kind: dict[tuple[str, int | None], list[str]] = {}
    for key in [*ours, *(k for k in theirs if k not in ours)]:
        a, b = ours.get(key), theirs.get(key)
        if a is None or b is None:
            one, word = (b, "added") if a is None else (a, "taken out")
            if one is not None:
                by_kind.setdefault(key[:2], []).append(f"{one.release or 'one'} {word}")
        elif a.sha256 != b.sha256 or a.release != b.release:
            told = f"{a.release} became {b.release}" if a.release != b.release else "other bytes"
            by_kind.setdefault(key[:2], []).append(told)
    for (kind, year), all_told in by_kind.items():
        yield f"{kind}{f' {year}' if year else ''}: {', '.join(all_told)}"


def bring_up_to_date(released: Path) -> None:
    """See that every release there is in `CHANGES.md`, also one whose line a kill cut off."""
    path = released / CHANGES_FILE
    try:
        text = path.read_text("utf-8") if path.is_file() else HEADER
    except UnicodeDecodeError as error:
        raise RunError(f"{path}: not UTF-8 text (byte {error.start}). Save it as UTF-8.") from None
    for folder in sorted(p for p in released.glob("[!.]*") if (p / MANIFEST).is_file()):
        made = read_manifest(folder)
        entry = folder / CHANGES_FILE
        if made.seal not in text and entry.is_file():
            head, _, rest = text.partition("\n## ")
            said = entry.read_text("utf-8").rstrip() + f"\n- seal: {made.seal}\n"
            text = f"{head.rstrip()}\n\n{said}" + (f"\n## {rest}" if rest else "")
    write_whole(path, text.encode("utf-8"))
