"""An attacker: has a public release, the open code and the published files, and nothing else.

What every school brought, how many pupils it has, who is a member and how much support each had is
known; its results of the year are not. `attack` reads every file of a release, matches its numbers
with sums of these results, and tells what comes out. It knows nothing of the gate it tries.
"""

import csv
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import pepstats
from pepstats.errors import DesignError
from pepstats.impact import Evaluation, half_width, placebo_estimates
from pepstats.impact.effect_sizes import find_ruler
from pepstats.impact.effects import Yardstick, judge_together, set_beside
from pepstats.measures import GAP, MEASURES, outcome_label, whole_of
from pepstats.report import NOT_YET_PUBLIC
from pepstats.robustness import make_headline
from pepstats.robustness.checks import list_members
from pepstats.robustness.choices import compare_again, first_choice, try_choice
from pepstats.settings import Report, load_report
from pepstats.study import Study
from tests.attack_reading import Cell, find_numbers, read_release
from tests.attack_shadows import (
    Finding,
    find_cases,
    find_counts,
    find_names,
    find_refusals,
    find_shadows,
    guess_cases,
)
from tests.attack_solving import Numbers, Told, bounds, condition, ratios, solve_whole, update, worst_misfit

PRIVATE = {"local_results", "statements", "support", "members"}
PLACEHOLDER = {"percentage points": 50.0}
WIDTHS_OF = 40
"""Bounds are worked out of so many results, those that most is told of."""

PARTS = ("headline", "kept", "alone", "more", "less")


# What is published anyway ------------------------------------------------------------------------


def lay_out_published(data: Path, report: str, folder: Path) -> Report:
    """Copy what is published of a study; each own result of the authority becomes a placeholder.

    Of the private files only which school has which result, of how many pupils, is left.
    """
    shutil.copytree(data, folder, dirs_exist_ok=True, symlinks=True)
    settings = load_report(report, folder)
    kept = []
    for source in settings.sources:
        if source.kind == "local_results":
            _blank(folder / source.file)
            kept.append(source.model_copy(update={"sha256": None}))
        elif source.kind in PRIVATE:
            (folder / source.file).unlink()
        else:
            kept.append(source)
    return settings.model_copy(update={"sources": tuple(kept)})


def _blank(path: Path) -> None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if find_numbers(row["value"]):
            row["value"] = str(PLACEHOLDER.get(MEASURES[row["measure"]].unit, 0.0))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


Key = tuple[int, str]
"""An unknown: a school and a measure."""


@dataclass(frozen=True)
class Form:
    """A sum over unknowns: `constant` and so much of each."""

    constant: float
    parts: Mapping[Key, float]


@dataclass(frozen=True)
class Fact:
    """What a release says of a form: its value, give or take half of a last digit, and where."""

    form: str
    value: float
    half: float
    where: str


@dataclass(frozen=True)
class World:
    """What the attacker works out from published files and the open code.

    `evaluations` are made with placeholders for the unknown results: who counts, each school's
    weight and forecast, and every placebo programme are as in the real one.
    """

    study: Study = field(repr=False)
    evaluations: Mapping[str, Evaluation] = field(repr=False)

    @property
    def year(self) -> int:
        return self.study.report.year

    def is_unknown(self, measure: str) -> bool:
        """Whether a measure's results of the year are in no published file."""
        releases = self.study.panel.releases
        return measure in releases and releases[measure].get(self.year) in NOT_YET_PUBLIC

    @cached_property
    def unknowns(self) -> pd.DataFrame:
        """One row per unknown: `mean`, `sd`, `low`, `high`, `step`, `pupils`."""
        rows = {}
        schools = sorted({s for e in self.evaluations.values() for s in e.design.members})
        for measure in self._measures:
            for school in schools:
                found = self._expect(school, measure)
                if found is not None:
                    rows[school, measure] = found
        index = pd.MultiIndex.from_tuples(rows, names=["school", "measure"])
        columns = ["mean", "sd", "low", "high", "step", "pupils"]
        return pd.DataFrame(list(rows.values()), index=index, columns=columns, dtype=float)

    @cached_property
    def _measures(self) -> list[str]:
        """The measures that the programmes' outcomes are made of, as far as they are unknown."""
        found: dict[str, None] = {}
        for one in self.evaluations.values():
            for outcome in one.programme.outcomes:
                whole = whole_of(outcome)
                found |= dict.fromkeys([outcome] if not outcome.endswith(GAP) else _sides(outcome))
                found |= dict.fromkeys([whole, f"{whole}.disadvantaged", f"{whole}.other"])
                found |= dict.fromkeys([f"{whole}.sen_support"])
        return [m for m in found if m in MEASURES and self.is_unknown(m)]

    def _expect(self, school: int, measure: str) -> tuple[float, ...] | None:
        """Return what is to be expected of a school's result, from what is published."""
        panel = self.study.panel.values
        key = (school, self.year)
        if key not in panel.index or pd.isna(panel.at[key, measure]):
            return None
        pupils = float(panel.at[key, MEASURES[measure].cohort])
        percent = MEASURES[measure].percent
        low, high, step = (0.0, 100.0, 1.0) if percent else (-25.0, 25.0, 0.1)
        for one in self.evaluations.values():
            if measure in one.measured.gaps and school in one.design.members:
                row = one.measured.gaps[measure].table.loc[school]
                if pd.notna(row["gap"]):
                    sd = float(np.sqrt(row["variance"]))
                    return float(row["comparison"]), sd, low, high, step, pupils
        mean = 40.0 if percent else 0.0
        sd = np.sqrt(150 + 2400 / pupils) if percent else np.sqrt(1.5 + 36 / pupils)
        return mean, float(sd), low, high, step, pupils

    @cached_property
    def forms(self) -> dict[str, Form]:
        """Every sum over the members' results that the open code can print, by its name."""
        found = {}
        for slug, one in self.evaluations.items():
            for outcome in one.measured.gaps:
                found |= self._forms_of(slug, one, outcome)
            for measure in self._measures:
                found |= self._mean_of(f"{slug}|{measure}|pupils", one.design.members, measure)
        return found

    def _forms_of(self, slug: str, one: Evaluation, outcome: str) -> dict[str, Form]:
        table = one.measured.gaps[outcome].table.reindex(list(one.design.members))
        table = table[table["gap"].notna()]
        if not all(self.is_unknown(m) for m in _terms(outcome)):
            return {}
        found, name = {}, f"{slug}|{outcome}"
        for part, kept in self.parts(one).items():
            rows = table[table.index.isin(kept)]
            if len(rows):
                found[f"{name}|{part}"] = self._weigh(rows, rows["weight"], outcome)
        found[f"{name}|equal"] = self._weigh(table, table["weight"] * 0 + 1, outcome)
        for school in table.index:
            rows = table.drop(school)
            found[f"{name}|without {school}"] = self._weigh(rows, rows["weight"], outcome)
        level = found[f"{name}|headline"]
        found[f"{name}|level"] = Form(0.0, level.parts)
        found[f"{name}|mean"] = Form(0.0, found[f"{name}|equal"].parts)
        return found

    def parts(self, one: Evaluation) -> dict[str, list[int]]:
        """List the parts of a programme's schools that its checks are made of."""
        members = make_headline(one).members
        urns = self.study.register["urns"].reindex(members.index).astype("str")
        dose = pd.to_numeric(members["dose"], errors="coerce").dropna()
        middle = dose.median() if len(dose) else 0
        chosen = (members.index, members.index[~urns.str.contains(" ")],
                  members.index[~(members["also_in"] > 0)], dose.index[dose > middle],
                  dose.index[dose <= middle])  # fmt: skip
        return {name: [int(s) for s in part] for name, part in zip(PARTS, chosen, strict=True)}

    def _weigh(self, rows: pd.DataFrame, weight: pd.Series, outcome: str) -> Form:
        share = weight / weight.sum()
        parts: dict[Key, float] = {}
        for measure, sign in _terms(outcome).items():
            parts |= {(int(s), measure): sign * float(v) for s, v in share.items()}
        return Form(-float((share * rows["comparison"]).sum()), parts)

    def _mean_of(self, name: str, schools: Iterable[int], measure: str) -> dict[str, Form]:
        keys = [(s, measure) for s in schools if (s, measure) in self.unknowns.index]
        if not keys:
            return {}
        pupils = self.unknowns.loc[keys, "pupils"]
        if "." in measure and measure.partition(".")[2] == "disadvantaged":
            years = [y for e in self.evaluations.values() for y in e.programme.baseline]
            wide = self.study.panel.wide(measure).reindex(columns=sorted(set(years)))
            there = wide.notna().all(axis=1)
            pupils = pupils[[bool(there.get(s, False)) for s, _ in keys]]
        share = pupils / pupils.sum()
        return {name: Form(0.0, {(int(k[0]), str(k[1])): float(v) for k, v in share.items()})}


def find_structure(known: pd.DataFrame) -> Told:
    """All pupils are disadvantaged ones and others: what holds before anything is released."""
    place = {key: n for n, key in enumerate(known.index)}
    pupils, rows = known["pupils"].to_numpy(), []
    for (school, measure), n in place.items():
        sides = [place.get((school, f"{measure}.{g}")) for g in ("disadvantaged", "other")]
        if "." in measure or None in sides or not MEASURES[measure].percent:
            continue
        row = np.zeros(len(place))
        row[n] = 1.0
        for side in sides:
            row[side] = -pupils[side] / sum(pupils[s] for s in sides)
        rows.append(row)
    forms = np.array(rows).reshape(len(rows), len(place))
    return Told(forms, np.zeros(len(rows)), np.full(len(rows), 1.0))


def _sides(outcome: str) -> list[str]:
    return [f"{outcome.removesuffix(GAP)}.{group}" for group in ("disadvantaged", "other")]


def _terms(outcome: str) -> dict[str, float]:
    if outcome.endswith(GAP):
        return dict(zip(_sides(outcome), (1.0, -1.0), strict=True))
    return {outcome: 1.0}


def see_world(data: Path, report: Report) -> World:
    """Read what is published, and work out with the open code what can be worked out from it."""
    study = pepstats.load(report, data)  # type: ignore[arg-type]
    return World(study, {slug: pepstats.evaluate(study, slug) for slug in study.programmes})


# What a number of the release is ------------------------------------------------------------------

SKIPPED = re.compile(
    r"year early|kept out of|picked so|nothing had|middle of|taken together|not scaled|weighed"
    r"|smallest|made-up|standard deviation|of \d+ ways|spread|added to"
)
SAID = {
    "alone": re.compile(r"no other programme|without them the estimate"),
    "kept": re.compile(r"kept their number"),
    "more": re.compile(r"(had )?more support"),
    "less": re.compile(r"(had )?less support"),
    "equal": re.compile(r"counted the same"),
    "lowest": re.compile(r"left out, the lowest"),
    "highest": re.compile(r"left out, the highest"),
    "headline": re.compile(r"as fixed|headline|the estimate is|what moved|estimate|became"),
}
ENDS = ("", "|low", "|high")
BETWEEN = re.compile(
    r": ([+\-−]?\d+\.\d+), somewhere between ([+\-−]?\d+\.\d+) and ([+\-−]?\d+\.\d+)"
)
LEVELS = re.compile(r"programme.s schools|members|disadvantaged pupils$|\bown\b|^value$")
WITH_ENDS = re.compile(r"([+\-−]?\d+\.\d+)[^()\d]*\((?:95% interval )?([+\-−]?\d+\.\d+)\s*to\s*([+\-−]?\d+\.\d+)")
WAYS = re.compile(
    r"(?:\(|another sum: \d+ rows?, from )([+\-−]\d+\.\d+) to ([+\-−]\d+\.\d+)(?:, \d+ the same way|\.)"
)
THE_YEAR = re.compile(r"programme's schools went from [^;]*? to ([+\-−]?\d+\.\d+) in")


def match_numbers(cells: Iterable[Cell], world: World) -> list[Fact]:
    """Match the numbers of a release with sums of unknown results, by the words around them.

    Half an interval is known to the attacker; so its ends tell of the estimate too: `|low`, `|high`.
    """
    found = []
    for cell in cells:
        slug = _whose(cell, world) if cell.numbers else None
        if slug is None:
            continue
        outcome = _which(cell, world, slug)
        if "somewhere between" in cell.text or "row for each programme" in cell.about.lower():
            outcome = world.evaluations[slug].programme.primary
        for name, value, half in _sort_out(cell, world, outcome):
            found.append(Fact(f"{slug}|{outcome}|{name}", value, max(half, 1e-9), cell.words[:160]))
    return found


def _whose(cell: Cell, world: World) -> str | None:
    """Find the programme that a cell is of, by the nearest words that name just one."""
    if "somewhere between" in cell.text:
        return _named(cell.text, world)
    title = cell.about.rpartition(" > ")[2] or cell.about
    for words in (cell.column, cell.row, cell.text, title, cell.about, cell.file):
        if slug := _named(words, world):
            return slug
    return None


def _named(words: str, world: World) -> str | None:
    lower = words.lower()
    named = [slug for slug, one in world.evaluations.items()
             if slug in lower or one.programme.title.lower() in lower]  # fmt: skip
    return named[0] if len(named) == 1 else None


def _which(cell: Cell, world: World, slug: str) -> str:
    """Find the outcome that a cell is of, by the nearest words that name one; else the primary."""
    one = world.evaluations[slug].programme
    named = {o: (o.lower(), outcome_label(o).lower()) for o in one.outcomes}
    named |= {m: (m.lower(), outcome_label(m).lower()) for m in world._measures}
    for words in (cell.text, cell.row, cell.column, cell.about, cell.file):
        lower = words.lower()
        there = [(max(len(w) for w in said if w in lower), o) for o, said in named.items()
                 if any(_holds(w, lower) for w in said)]  # fmt: skip
        if there:
            return max(there)[1]
    return one.primary


@cache
def _holds(word: str, text: str) -> bool:
    return word in text and re.search(re.escape(word) + r"(?!\w|\.(?!alt|csv|svg|caption|\s|$))", text) is not None


def _sort_out(cell: Cell, world: World, outcome: str) -> list[tuple[str, float, float]]:
    """Say which sums the numbers of a cell are: name, value, and half of the last digit."""
    words = f"{cell.row} | {cell.text}".lower()
    column = cell.column.lower()
    year = f"{world.year - 1}/{world.year % 100:02}"
    which = column if column not in ("", "mark") else cell.row.lower()
    if _is_of_year(cell, world.year, year) and LEVELS.search(which):
        pupils = re.search(r"gap to|gap-to|described|each pupil", cell.words.lower())
        return [("pupils" if pupils else "mean", *n) for n in cell.numbers[:1] if n[1] < 0.5]
    if "programme's schools went from" in words and (said := THE_YEAR.search(cell.text)):
        return [("mean", *find_numbers(said[1])[0])]
    if said := BETWEEN.search(cell.text):
        return [(f"headline{e}", *find_numbers(n)[0]) for e, n in zip(ENDS, said.groups(), strict=True)]
    if "row for each programme" in cell.about.lower() and cell.column == "mark":
        return [("headline", *cell.numbers[0])]
    if said := WAYS.search(cell.text):
        return [("way", *find_numbers(end)[0]) for end in said.groups()]
    if "pupils' standard deviations" in column and cell.numbers:
        return [("size", *cell.numbers[0])]
    if SKIPPED.search(words) or SKIPPED.search(column):
        return []
    kind = next((k for k, rule in SAID.items() if rule.search(words)), None)
    kind = kind or next((k for k, rule in SAID.items() if rule.search(column)), None)
    if kind is None and cell.row.lower().rpartition(".")[2] in ("low", "high"):
        kind = "headline"
    if kind is None:
        return []
    return _values_of(cell, kind)


def _is_of_year(cell: Cell, year: int, words: str) -> bool:
    return words in cell.row or re.search(rf"\b{year}\b", cell.row) is not None


def _values_of(cell: Cell, kind: str) -> list[tuple[str, float, float]]:
    ends = ENDS
    column = cell.column.lower() or cell.row.lower().rpartition(".")[2]
    if said := WITH_ENDS.search(cell.text):
        return [(f"{kind}{e}", *find_numbers(said[n])[0]) for n, e in enumerate(ends, 1)]
    numbers = [n for n in cell.numbers if n[1] < 0.4]
    if cell.column in ("mark", "line"):
        return [(kind if cell.column == "mark" else f"{kind}|end", *n) for n in numbers]
    if "interval" in column and len(numbers) == 2:
        return [(f"{kind}{e}", *n) for e, n in zip(ends[1:], numbers, strict=True)]
    if column in ("low", "high"):
        return [(f"{kind}|{column}", *n) for n in numbers[:1]]
    if column.startswith("estimate") or "estimate is" in cell.text.lower():
        return [(kind, *n) for n in numbers[:1]]
    return []


# What the attacker works out besides --------------------------------------------------------------


def find_widths(world: World, facts: Sequence[Fact]) -> dict[str, float]:
    """Work out half of each interval, from placebo programmes that anyone can draw again."""
    family, printed = [], {f.form: f.value for f in facts}
    for slug, one in world.evaluations.items():
        own = set_beside(slug, one.measured.gaps, one.placebo, one.design.members)
        family += [replace(y, estimate=printed.get(f"{slug}|{y.outcome}|headline", 0.0)) for y in own]
    family.sort(key=lambda y: y.programme)
    found: dict[str, float] = {}
    for yard, judged in zip(family, judge_together(family), strict=True):
        found[f"{yard.programme}|{yard.outcome}|headline"] = judged.line
    for slug, one in world.evaluations.items():
        name = f"{slug}|{one.programme.primary}"
        chance = one.placebo[one.programme.primary].to_numpy(float)
        widened = found[f"{name}|headline"] / half_width(chance)
        for part, width in _widths_of_parts(one).items():
            found[f"{name}|{part}"] = width * widened
    return found


def _believe(widths: Mapping[str, float], facts: Sequence[Fact]) -> dict[str, float]:
    """Keep the widths that the printed intervals have: some rest on estimates that are not shown."""
    kept = {}
    for name, width in widths.items():
        ends = [[f for f in facts if f.form == f"{name}|{end}"] for end in ("low", "high")]
        apart = [(high.value - low.value) / 2 - width for low, high in zip(*ends, strict=False)]
        room = [low.half + high.half for low, high in zip(*ends, strict=False)]
        if apart and all(abs(a) <= r / 2 + 1e-6 for a, r in zip(apart, room, strict=True)):
            kept[name] = width
    return kept


def _widths_of_parts(one: Evaluation) -> dict[str, float]:
    headline = make_headline(one)
    wide = headline.widened
    first = first_choice(headline)
    choices = {c.check: c for c in list_members(headline)}
    choices["every school counted the same"] = replace(first, weighted=False, check="equal", kind="sum")
    found = {}
    for check, choice in choices.items():
        kind = next((k for k, rule in SAID.items() if rule.search(check)), "")
        if kind in (*PARTS, "equal") and kind != "headline":
            try:
                row = try_choice(choice, headline)
            except DesignError:
                continue
            found[kind] = (row.high - row.low) / 2 / wide
    return found


def settle(world: World, facts: Sequence[Fact], pictures: Sequence[Cell] = ()) -> dict[str, Fact]:
    """Take together all that is said of the same sum; what contradicts the most is left aside."""
    widths = _believe(find_widths(world, facts), facts)
    offered: dict[str, list[Fact]] = {}
    for fact in facts:
        slug, outcome, kind, *end = fact.form.split("|")
        name, width = f"{slug}|{outcome}|{kind}", widths.get(f"{slug}|{outcome}|{kind}")
        if not end:
            offered.setdefault(name, []).append(fact)
        elif width is not None:
            for sign in {"low": (1,), "high": (-1,)}.get(end[0], (1, -1)):
                offered.setdefault(name, []).append(replace(fact, form=name, value=fact.value + sign * width))
    found = {name: _agree(some) for name, some in offered.items()}
    for name in [n for n in found if n.endswith("|mean")]:
        _by_level(world, found, name.removesuffix("|mean"))
    for name in [n for n in found if n.endswith("|size")]:
        _by_size(world, found, name, found.pop(name), widths)
    for name in [n for n in found if n.endswith("|way")]:
        del found[name]
        _by_ways(found, name.rpartition("|")[0], offered[name])
    for name, fact in found.items():
        found[name] = _look_closer(world, name, fact, pictures)
    return {n: f for n, f in found.items() if n in world.forms or n.endswith(("est", "lowest", "highest"))}


def _by_level(world: World, found: dict[str, Fact], stem: str) -> None:
    """Take a yearly mean that is the estimate and what was forecast together for a weighted one.

    It is then the estimate once more, rounded at another place.
    """
    headline, form = found.get(f"{stem}|headline"), world.forms.get(f"{stem}|headline")
    if headline is None or form is None:
        return
    mean = found[f"{stem}|mean"]
    again = replace(mean, form=headline.form, value=mean.value + form.constant)
    if abs(again.value - headline.value) <= again.half + headline.half:
        del found[f"{stem}|mean"]
        found[f"{stem}|headline"] = _agree([headline, again])


def _by_size(
    world: World, found: dict[str, Fact], name: str, size: Fact, widths: Mapping[str, float]
) -> None:
    """Narrow an estimate by its size in pupils' standard deviations, which is printed too."""
    slug, outcome, _ = name.split("|")
    form = f"{slug}|{outcome}|headline"
    if form not in found or form not in widths or form not in world.forms:
        return
    fact, one = found[form], world.evaluations[slug]
    ruler = find_ruler(outcome, panel=one.inputs.panel, year=world.year,
                       comparison=-world.forms[form].constant)  # fmt: skip
    tried = np.linspace(fact.value - fact.half, fact.value + fact.half, 201)
    sizes = np.array([ruler(e, e - widths[form], e + widths[form]).d for e in tried])
    fits = tried[np.abs(sizes - size.value) <= size.half * 1.001]
    if 0 < len(fits) < len(tried):
        low, high = fits.min(), fits.max()
        half = (high - low) / 2 + (tried[1] - tried[0])
        found[form] = replace(fact, value=(low + high) / 2, half=half, where=f"{fact.where} + size")


def _by_ways(found: dict[str, Fact], stem: str, said: Sequence[Fact]) -> None:
    """Read a row that is held back off the range over all ways of comparing."""
    if f"{stem}|headline" not in found or f"{stem}|equal" in found:
        return
    headline = found[f"{stem}|headline"].value
    values = [f.value for f in said]
    half = max(f.half for f in said)
    other = [v for v in (min(values), max(values)) if abs(v - headline) > half * 1.2]
    middle, wide = (min(values) + max(values)) / 2, (max(values) - min(values)) / 2 + half
    told = (other[0], half) if len(other) == 1 else (middle, wide)
    found[f"{stem}|equal"] = Fact(f"{stem}|equal", *told, "the range over all ways")


def _look_closer(world: World, name: str, fact: Fact, pictures: Sequence[Cell]) -> Fact:
    """Look for the only mark of a picture that rounds to what is printed, and has more digits."""
    slug, outcome, kind = name.split("|")
    if fact.half < 1e-4 or kind not in ("headline", "mean"):
        return fact
    by_picture: dict[str, set[tuple[float, float]]] = {}
    for cell in pictures:
        if _whose(cell, world) == slug and _which(cell, world, slug) == outcome:
            for value, half in cell.numbers:
                if abs(value - fact.value) <= fact.half:
                    by_picture.setdefault(cell.file, set()).add((round(value, 4), half))
    for file, marks in by_picture.items():
        value, half = next(iter(marks))
        if len(marks) == 1 and abs(value - round(value, 1)) > 1e-3:
            return replace(fact, value=value, half=max(half, 5e-5), where=f"{fact.where} + {file}")
    return fact


def _agree(some: Sequence[Fact]) -> Fact:
    """Return the interval that most agree on, as narrow as they make it."""
    def backing(one: Fact) -> int:
        return sum(abs(one.value - other.value) <= one.half + other.half for other in some)

    start = max(some, key=lambda f: (backing(f), f.half))
    low, high, where = start.value - start.half, start.value + start.half, [start]
    for one in sorted(some, key=lambda f: -backing(f)):
        if one.value - one.half <= high and one.value + one.half >= low:
            if one.value - one.half > low or one.value + one.half < high:
                where.append(one)
            low, high = max(low, one.value - one.half), min(high, one.value + one.half)
    half = max((high - low) / 2, 1e-9)
    return Fact(start.form, (low + high) / 2, half, " + ".join(dict.fromkeys(w.where[:60] for w in where)))


# The attack ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Attacked:
    """What came of an attack.

    `left` has one row per unknown result: `alone` and `insider` (the uncertainty left as a share),
    `low` and `high` (its bounds), `guess` (the likeliest value), `certain`; `facts` what was read.
    """

    left: pd.DataFrame
    facts: Mapping[str, Fact]
    findings: Sequence[Finding]


def attack(releases: Sequence[Path], worlds: Sequence[World], only: str = "") -> Attacked:
    """Attack one or more releases of the same results, each with what was published beside it.

    `only` keeps the files whose name has it: what some of them give away by themselves. Without a
    release the guesses are what published files alone allow.
    """
    facts: dict[str, Fact] = {}
    forms: dict[str, Form] = {}
    for n, (folder, world) in enumerate(zip(releases, worlds, strict=False)):
        cells = [c for c in read_release(folder) if only in c.file]
        marks = [c for c in cells if c.column in ("mark", "line")]
        settled = settle(world, match_numbers(cells, world), marks)
        settled = _name_left_out(world, settled)
        facts |= {f"{n}|{name}": fact for name, fact in settled.items() if name in world.forms}
        forms |= {f"{n}|{name}": world.forms[name] for name in settled if name in world.forms}
    known = pd.concat([world.unknowns for world in worlds])
    return solve(known[~known.index.duplicated()], facts, forms)


def look_around(world: World, release: Path, published: Path) -> list[Finding]:
    """Look for what a release gives away besides sums."""
    cells = read_release(release)
    smallest = world.study.report.disclosure.safe_threshold - 1
    shadows = find_shadows(release, published)
    hashes = [one.what for one in shadows if one.kind == "hash"]
    return [
        *shadows, *guess_cases(world, hashes, cells), *find_cases(world, cells),
        *find_refusals(world, cells), *find_counts(cells, smallest), *find_names(world, release),
    ]  # fmt: skip


def _name_left_out(world: World, facts: Mapping[str, Fact]) -> dict[str, Fact]:
    """Find whose estimate without one school this is: the one whose result is then on the grid."""
    found = dict(facts)
    for name, fact in facts.items():
        stem, _, kind = name.rpartition("|")
        if kind not in ("lowest", "highest") or f"{stem}|headline" not in facts:
            continue
        del found[name]
        headline, fits = facts[f"{stem}|headline"], []
        for form in (f for f in world.forms if f.startswith(f"{stem}|without ")):
            school = int(form.rpartition(" ")[2])
            share = next((v for (s, _), v in world.forms[f"{stem}|headline"].parts.items() if s == school))
            miss = (headline.value - (1 - share) * fact.value) / share
            slack = (headline.half + fact.half) / share
            terms = [k for k in world.forms[f"{stem}|headline"].parts if k[0] == school]
            row = world.unknowns.loc[terms[0]]
            if len(terms) > 1 or not row["low"] - slack <= row["mean"] + miss <= row["high"] + slack:
                continue
            off = abs((row["mean"] + miss) / row["step"] - round((row["mean"] + miss) / row["step"])) * row["step"]
            if off <= slack + 1e-5:
                fits.append((abs(miss) / row["sd"], form))
        if len(fits) == 1:
            found[fits[0][1]] = replace(fact, form=fits[0][1])
    return found


def solve(
    unknowns: pd.DataFrame, facts: Mapping[str, Fact], forms: Mapping[str, Form]
) -> Attacked:
    """Tell what facts leave open of each unknown result that they are about."""
    named = {key for name in facts for key in forms[name].parts}
    measures = {m for _, m in named} | {whole_of(m) for _, m in named}
    measures |= {side for m in measures for side in _sides(m)} if any("." in m for m in measures) else set()
    known = unknowns[unknowns.index.get_level_values("measure").isin(measures)] if facts else unknowns
    keys = list(known.index)
    place = {key: n for n, key in enumerate(keys)}
    rows, values, halves = [], [], []
    for name, fact in facts.items():
        row = np.zeros(len(keys))
        for key, share in forms[name].parts.items():
            if key in place:
                row[place[key]] = share
        rows.append(row)
        values.append(fact.value - forms[name].constant)
        halves.append(max(fact.half, 1e-9))
    told = Told(np.array(rows).reshape(len(rows), len(keys)), np.array(values), np.array(halves))
    mean, variance = known["mean"].to_numpy(), known["sd"].to_numpy() ** 2
    structure = find_structure(known)
    start = update(mean, np.diag(variance), structure)
    prior = condition(np.diag(variance), structure)
    told = _consistent(told, structure, known)
    left = ratios(prior, told, known.index.get_level_values("school").to_numpy())
    left.index = known.index
    everything = told.beside(structure)
    low, high = known["low"].to_numpy(), known["high"].to_numpy()
    told_of = np.flatnonzero(np.abs(told.forms).sum(axis=0) > 0)
    told_of = told_of[np.argsort(left["alone"].to_numpy()[told_of])][:WIDTHS_OF]
    left["low"], left["high"] = low, high
    if len(told_of):
        left.iloc[told_of, 2:4] = bounds(everything, low, high, told_of).to_numpy()
    groups = [name.rpartition("|")[0].partition("|")[2] for name in facts]
    guess, certain = _guess(known, start, prior, told, groups)
    left["guess"], left["certain"] = guess, certain
    left["percent"] = known["step"] == 1.0
    pinned = (left["high"] - left["low"]) < 0.999 * known["step"]
    left.loc[pinned, "certain"] = True
    findings = [
        Finding("result", int(s), str(m), float(r["guess"]), 0.0, "forms of one release or more")
        for (s, m), r in left[left["certain"]].iterrows()
    ]
    return Attacked(left, facts, findings)


def _consistent(told: Told, structure: Told, known: pd.DataFrame) -> Told:
    """Set aside the fewest sums, one by one, until results can be found that all others fit."""
    low, high = known["low"].to_numpy(), known["high"].to_numpy()
    half = told.half.copy()
    for _ in range(5):
        tried = Told(told.forms, told.values, half).beside(structure)
        n = worst_misfit(tried, low, high, len(half))
        if n is None:
            break
        half[n] = 1e3
    return Told(told.forms, told.values, half)


def _guess(
    known: pd.DataFrame, start: Numbers, prior: Numbers, told: Told, groups: Sequence[str]
) -> tuple[Numbers, Numbers]:
    """Guess every unknown; those of a group of sums that can be solved for whole pupils for sure.

    What one group gives is put into the next, until none gives any more.
    """
    after, step = update(start, prior, told), known["step"].to_numpy()
    sd = known["sd"].to_numpy()
    guess, certain = np.round(after / step) * step, np.zeros(len(step), dtype=bool)
    tried = [np.array([g == group for g in groups]) for group in dict.fromkeys(groups)]
    tried.append(np.ones(len(groups), dtype=bool))
    before = -1
    while certain.sum() > before:
        before = certain.sum()
        for rows in tried:
            forms = told.forms[rows]
            values = told.values[rows] - forms[:, certain] @ guess[certain]
            own = np.flatnonzero((np.abs(forms).sum(axis=0) > 0) & ~certain)
            if len(own) and len(values):
                some = Told(forms[:, own], values, told.half[rows])
                possible = partial(_are_whole_pupils, known=known.iloc[own])
                spread = np.diag(sd[own] ** 2)
                found, firm = solve_whole(start[own], spread, step[own], some, possible)
                guess[own[firm]], certain[own[firm]] = found[firm], True
    return guess, certain


def _are_whole_pupils(found: Numbers, known: pd.DataFrame) -> NDArray[np.bool_]:
    """Say which percentages are what whole pupils can come to, rounded as published."""
    pupils, percent = known["pupils"].to_numpy(), known["step"].to_numpy() == 1.0
    back = np.floor(100 * np.round(found * pupils / 100) / pupils + 0.5)
    inside = (found >= known["low"].to_numpy()) & (found <= known["high"].to_numpy())
    whole: NDArray[np.bool_] = inside & (~percent | (np.abs(back - found) < 1e-6))
    return whole
