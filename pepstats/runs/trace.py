"""From a named entry of the paper to the cells of the published files that it comes from.

Each link is looked up again and not taken from a record: the entry is made from the run's tables,
its row is found in its table and the table held to the manifest, an estimate is added up again from
its schools' gaps, each gap from its parts, and each school's result is found as a text in a cell of
a published file that is held to its hash.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from textwrap import wrap

import numpy as np
import pandas as pd

from pepstats import paths
from pepstats.document import Entry
from pepstats.errors import RunError, nearest
from pepstats.formatting import count_words, plain_text, school_year, settle_one
from pepstats.impact import MATCHED
from pepstats.measures import GAP, measures_of
from pepstats.report import collect_edition, list_entries
from pepstats.runs.files import read_csv, sha256_of
from pepstats.runs.manifest import Manifest, read_manifest
from pepstats.runs.steps import Step
from pepstats.runs.tasks import FIRST, LAST, STEPS
from pepstats.settings import load_report
from pepstats.sources import Cells, Results, read_text
from pepstats.study import Study, load_study

WIDE = 100
CLOSE = 1e-6
"""How far an estimate that is added up again may be from the one written: gaps have six decimals,
and an estimate is a mean of them."""

RATINGS, MATCHING, ESTIMATE = "02-priority-ratings", "03-match-schools", "04-estimate-effect"


def trace_entry(
    report: str, entry: str, data: str | Path | None = None, out: str | Path | None = None,
    school: int | None = None,
) -> list[str]:  # fmt: skip
    """Trace a named entry of a finished run's paper to the cells of the files it comes from.

    Returns the chain, a link or a cell a line; it names schools, and is not for publication.
    `school` is the one of a programme whose comparison schools are listed one by one, or of a table
    whose row is taken apart; else the first. Raises RunError where there is no such run or entry, a
    file was changed since, or a link does not hold.
    """
    data, out = paths.data_folder(data), paths.output_folder(out)
    settings = load_report(report, data)
    run = out / "working" / settings.slug
    made = read_manifest(run)
    step = Step(LAST, settings, None, data, run)
    entries = list_entries(collect_edition(step))
    if entry not in entries:
        raise RunError(f"The paper of `{report}` has no entry `{entry}`. {nearest(entry, entries)}")
    chain = _Chain(made, step, school)
    return [entry, *chain.from_entry(entry, entries[entry])]


def fold_lines(lines: Iterable[str]) -> str:
    """Write lines for a screen of a hundred columns: what is longer goes on further in."""
    folded: list[str] = []
    for line in lines:
        inside = line[: len(line) - len(line.lstrip())]
        folded += wrap(line, WIDE, subsequent_indent=f"{inside}    ", break_on_hyphens=False)
    return "\n".join(folded)


@dataclass
class _Published:
    """The published files of a study, each parsed once, and the cells looked up in them."""

    study: Study
    made: Manifest
    used: set[str] = field(default_factory=set)

    def find(self, school: int, year: int, measure: str) -> list[str]:
        """Say in which cell a school's result is; of a gap between groups, in which two."""
        if measure.endswith(GAP):
            groups = (f"{measure.removesuffix(GAP)}.{one}" for one in ("disadvantaged", "other"))
            return [cell for one in groups for cell in self.find(school, year, one)]
        value = self.study.panel.values[measure].get((school, year), np.nan)
        known = self.study.followed.known
        for one in self.study.results:
            urns = [u for u in known.index[known == school] if u in one.values.index]
            if one.source.year != year or measure not in one.values or not urns:
                continue
            for urn in urns:
                found = one.values.loc[urn, measure]
                if found == value or (pd.isna(found) and pd.isna(value)):
                    named = "" if urn == school else f", as URN {urn}"
                    line, column, text = self._cell(one, int(urn), measure)
                    file = one.source.file
                    return [f"{file}, line {line:,}{named}, column {column}: `{text}`"]
        return []

    def _cell(self, one: Results, urn: int, measure: str) -> tuple[int, str, str]:
        """Find a school's cell in one file: its line, its column, and the text there."""
        file = one.source.file
        self.used.add(file)
        table = self._tables[file]
        if {"MEASURE", "VALUE"} <= set(table.columns):  # a row for each figure
            name, _, group = measure.partition(".")
            wanted = {"URN": str(urn), "YEAR": str(one.source.year), "MEASURE": name,
                      "GROUP": group}  # fmt: skip
            has = [table.column(table.columns.get(column)) == text
                   for column, text in wanted.items()]  # fmt: skip
            row, column = int(np.flatnonzero(np.all(has, axis=0))[0]), "VALUE"
        else:
            row = int(np.flatnonzero(table.rows == int(one.identity.loc[urn, "row"]))[0])
            named = measures_of(one.source.kind)
            column = next((c for c in table.columns if named.get(c) == measure), "")
        place = table.columns.get(column)
        if place is None:
            return int(table.rows[row]), measure, "(in the rows of a long file)"
        return int(table.rows[row]), table.header[place], str(table.column(place)[row])

    @cached_property
    def _tables(self) -> dict[str, Cells]:
        return {one.source.file: read_text(one.source) for one in self.study.results}

    def describe(self) -> Iterator[str]:
        """Describe each file that a cell was found in, as the manifest has it."""
        for one in self.made.inputs:
            if one.file in self.used:
                yield f"  {one.file}: {one.kind} {one.year or ''}, {one.release or 'as published'}"
                yield f"    sha256 {one.sha256}, as in manifest.json"
                yield f"    licence: {one.licence or 'the report names none'}"
                yield f"    published on: {one.page or 'no page, it is of the study alone'}"


@dataclass
class _Chain:
    """The chain of one run's entries: each method gives the lines of one link and all below it."""

    made: Manifest
    step: Step
    school: int | None

    @cached_property
    def published(self) -> _Published:
        """The published files, read as the first step read them, and held to the manifest."""
        study = load_study(self.step.report, self.step.data)
        listed = {one.file: one.sha256 for one in self.made.inputs}
        changed = [one.file for one in study.sources if listed.get(one.file) != one.sha256]
        if changed:
            raise RunError(
                f"{', '.join(changed)} changed since the run of `{self.made.report}`. Run again."
            )
        return _Published(study, self.made)

    def from_entry(self, name: str, entry: Entry) -> Iterator[str]:
        """Say what an entry says, and go on to the file that it is made of."""
        yield f"  says: {entry.text or '(nothing, in this paper)'}"
        if entry.value is not None:
            yield f"  value: {entry.value}"
        if entry.source.endswith(".yml"):
            yield from self._from_settings(name, entry)
            return
        for file in self._files_of(entry.source):
            yield from self._from_table(name, entry, file)

    def _files_of(self, source: str) -> list[str]:
        """List the run's tables that an entry names: of each programme, where it names none."""
        if source in self.made.outputs:
            return [source]
        step, _, table = source.partition("/")
        found = [name for name in self.made.outputs if re.fullmatch(
            f"{re.escape(step)}/[^/]+/{re.escape(table)}", name)]  # fmt: skip
        if not found:
            raise RunError(f"{source} is not among the tables of the run. Run again.")
        return found

    def _from_settings(self, name: str, entry: Entry) -> Iterator[str]:
        """Find the line of a settings file that says it, by the key or the value."""
        path, key = self.step.data / entry.source, name.rpartition(".")[2]
        digest = self.made.settings.get(entry.source)
        if digest is None or not path.is_file() or sha256_of(path) != digest:
            raise RunError(f"{entry.source} changed since the run. Run again.")
        yield f"settings file {entry.source}, sha256 {digest}, as in manifest.json"
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            if line.split(":")[0].strip() == key or str(entry.value) in line:
                yield f"  line {number}: {line.strip()}"

    def _from_table(self, name: str, entry: Entry, file: str) -> Iterator[str]:
        """Find an entry's rows in its table, say which notebook wrote it, and go on from there."""
        path, (step, *inside) = self.step.run / file, file.split("/")
        if sha256_of(path) != self.made.outputs[file].sha256:
            raise RunError(f"{file} changed since it was written. Run again.")
        slug = inside[0] if STEPS[step] else ""
        table = read_csv(path)
        yield f"table {file}, sha256 {self.made.outputs[file].sha256}, as in manifest.json"
        outcome = self._outcome_of(name, slug) if slug and "outcome" in table else None
        rows = table if outcome is None else table[table["outcome"] == outcome]
        yield f"  {_say_lines(rows.index)}{'' if outcome is None else f': outcome {outcome}'}"
        yield from _find_value(entry, rows)
        copy = f"{step}--{slug}" if slug else step
        yield f"notebook notebooks/{step}.ipynb, in the run notebooks/{copy}.ipynb"
        yield f"  run started {self.made.started}, commit {self.made.code.commit or 'not known'}"
        if outcome is not None and step == ESTIMATE:
            yield from self._from_gaps(slug, outcome)
        else:
            if "school" in rows and len(rows):
                yield from self._from_school(name, rows)
            yield from self._from_all(step)

    def _from_school(self, name: str, rows: pd.DataFrame) -> Iterator[str]:
        """Take one school's row apart: the one that is named, or asked for, else the first."""
        case = re.search(r"\.case-(\d+)\.", name)
        own = rows.iloc[[int(case[1]) - 1]] if case else rows[rows["school"] == self.school]
        line, row = next((own if len(own) else rows).iterrows())
        said = "; ".join(f"{column} {row[column]}" for column in rows if pd.notna(row[column]))
        yield f"  one of its rows, line {int(str(line)) + 2}: {plain_text(said)}"
        if "row" in rows:  # where it stands in the file that it was read from
            files = [one.file for one in self.made.inputs if one.kind == "statements"]
            yield from (f"    {file}, line {row['row']}" for file in files)
        if name.startswith("ratings."):
            yield from self._from_indicators(int(row["school"]))

    def _from_indicators(self, school: int) -> Iterator[str]:
        """List what a school's rating is made of, each with its cell where it is a result."""
        table = self._read(f"{RATINGS}/contributions.csv")
        for line, row in table[(table["school"] == school) & table["value"].notna()].iterrows():
            yield (f"    {row['label']}, {row['rag']}: {row['value']:.6g}, of {row['published']}, "
                   f"contributions.csv, line {int(str(line)) + 2}")  # fmt: skip
            indicator = str(row["indicator"])
            if indicator in self.published.study.panel.values:
                for cell in self.published.find(school, int(row["year"]), indicator):
                    yield f"      {cell}"

    def _from_all(self, step: str) -> Iterator[str]:
        """Name every published file, where a table is not of one result of each school."""
        yield f"  from what {FIRST} laid out" if step != FIRST else "  from the files themselves"
        self.published.used |= {one.file for one in self.made.inputs if one.file}
        yield "published files that it rests on"
        yield from self.published.describe()

    def _outcome_of(self, name: str, slug: str) -> str:
        """Tell which outcome an entry is of: the one it names, else the one that leads."""
        outcomes = self._read(f"{ESTIMATE}/{slug}/effects.csv")["outcome"].tolist()
        rest = name.removeprefix(f"{slug}.")
        named = [one for one in outcomes if rest.startswith(f"{one}.")]
        return str(max(named, key=len) if named else outcomes[0])

    def _read(self, file: str) -> pd.DataFrame:
        return read_csv(self.step.run / file)

    def _from_gaps(self, slug: str, outcome: str) -> Iterator[str]:
        """Add an estimate up again from its schools' gaps, and trace each school's result."""
        effects = self._read(f"{ESTIMATE}/{slug}/effects.csv")
        effect = effects[effects["outcome"] == outcome].iloc[0]
        gaps = self._read(f"{ESTIMATE}/{slug}/gaps.csv")
        own = gaps[(gaps["outcome"] == outcome) & gaps["gap"].notna()]
        again = float((own["gap"] * own["weight"]).sum() / own["weight"].sum())
        if not abs(again - effect["estimate"]) <= CLOSE * max(1.0, abs(again)):
            raise RunError(f"The gaps of {slug} add up to {again}, not {effect['estimate']}.")
        yield (f"table {ESTIMATE}/{slug}/gaps.csv: the mean of {len(own)} gaps by their weight is "
               f"{settle_one(again)}, the estimate, in {effect['unit']}")  # fmt: skip
        listed = self.school if self.school in set(own["school"]) else own["school"].iloc[0]
        for line, row in own.iterrows():
            yield from self._from_gap(int(str(line)) + 2, row, effect)
            if row["school"] == listed and effect["mode"] == MATCHED:
                yield from self._from_comparison(slug, row, int(effect["year"]))
        yield "published files"
        yield from self.published.describe()

    def _from_gap(self, line: int, row: pd.Series, effect: pd.Series) -> Iterator[str]:
        """Take one school's gap apart, and find its own result in its file."""
        apart = row["own"] - row["comparison"] - row["correction"]
        if not abs(apart - row["gap"]) <= 2 * CLOSE:
            raise RunError(f"The parts of the gap of {row['school']} do not add up: line {line}.")
        what = "comparison" if effect["mode"] == MATCHED else "forecast"
        yield (f"  school {row['school']}, line {line}: gap {row['gap']:.6g} = own {row['own']:.6g}"
               f" - {what} {row['comparison']:.6g} - correction {row['correction']:.6g};"
               f" weight {row['weight']:.6g}")  # fmt: skip
        year = int(effect["year"])
        cells = self.published.find(int(row["school"]), year, str(effect["outcome"]))
        for cell in cells:
            yield f"    {school_year(year)}: {cell}"
        if not cells:
            raise RunError(f"The result of {row['school']} in {year} is in no file that was read.")

    def _from_comparison(self, slug: str, row: pd.Series, year: int) -> Iterator[str]:
        """List a school's comparison schools, each result in its file, and average them again."""
        pairs = self._read(f"{MATCHING}/{slug}/pairs.csv")
        others = pairs.loc[pairs["school"] == row["school"], "comparison"].astype(int)
        results = self.published.study.panel.values[str(row["outcome"])].xs(year, level="year")
        known = results.reindex(others).dropna()
        if not abs(known.mean() - row["comparison"]) <= CLOSE * max(1.0, abs(known.mean())):
            raise RunError(f"The comparison schools of {row['school']} do not average to theirs.")
        counted = count_words(len(known), "comparison school")
        yield (f"    its {counted} with a result, of {len(others)} in "
               f"{MATCHING}/{slug}/pairs.csv: mean {known.mean():.6g}")  # fmt: skip
        for other, value in known.items():
            for cell in self.published.find(int(str(other)), year, str(row["outcome"])):
                yield f"      {other}, {value:.6g}: {cell}"


def _say_lines(index: pd.Index) -> str:
    """Say on which lines of its file the rows of a table stand, the header being the first."""
    lines = [int(place) + 2 for place in index]
    if len(lines) > 6:
        return f"{len(lines)} rows, lines {lines[0]} to {lines[-1]}"
    return f"line{'' if len(lines) == 1 else 's'} {', '.join(map(str, lines))}"


def _find_value(entry: Entry, rows: pd.DataFrame) -> Iterator[str]:
    """Find the cells of a table's rows that hold an entry's value."""
    value = entry.value
    if not isinstance(value, int | float | str) or value != value or isinstance(value, bool):
        return
    for column in rows:
        cells = rows[column].astype(object)
        same = cells.map(lambda cell: type(cell) is not bool and bool(cell == value))
        for line in rows.index[same.to_numpy(bool)][:3]:
            yield f"  line {int(line) + 2}, column {column}: {rows.loc[line, column]}"
