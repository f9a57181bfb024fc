"""Which sum of unknown results each number of a release is, by the words around it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from pepstats.errors import DesignError
from pepstats.impact import Evaluation, half_width
from pepstats.impact.effect_sizes import find_ruler
from pepstats.impact.effects import judge_together, set_beside
from pepstats.measures import outcome_label
from pepstats.robustness import make_headline
from pepstats.robustness.checks import list_members
from pepstats.robustness.choices import first_choice, try_choice
from tests.attack_reading import Cell, find_numbers
from tests.attack_world import PARTS, World


@dataclass(frozen=True)
class Fact:
    """What a release says of a form: its value, give or take half of a last digit, and where."""

    form: str
    value: float
    half: float
    where: str


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
EARLIER = re.compile(r"before the start")
"""Pictures of what was so beforehand: their marks are of results that are published."""
ENDS = ("", "|low", "|high")
BETWEEN = re.compile(
    r": ([+\-−]?\d+\.\d+), somewhere between ([+\-−]?\d+\.\d+) and ([+\-−]?\d+\.\d+)"
)
LEVELS = re.compile(r"programme.s schools|members|disadvantaged pupils$|\bown\b|^value$")
WITH_ENDS = re.compile(
    r"([+\-−]?\d+\.\d+)[^()\d]*\((?:95% interval )?([+\-−]?\d+\.\d+)\s*to\s*([+\-−]?\d+\.\d+)"
)
WAYS = re.compile(
    r"(?:\(|; |another sum: \d+ rows?, from )([+\-−]\d+\.\d+) to ([+\-−]\d+\.\d+)"
    r"(?:, \d+ the same way|\.)"
)
SLOPE = re.compile(r"(?:each|every) (?:extra|more|unit|day)\b[^.;\d]*?([+\-−]\d+\.\d+)")
THE_YEAR = re.compile(r"programme's schools went from [^;]*? to ([+\-−]?\d+\.\d+) in")


def match_numbers(cells: Iterable[Cell], world: World) -> list[Fact]:
    """Match the numbers of a release with sums of unknown results, by the words around them.

    Half an interval is known to the attacker; its ends tell of the estimate too: `|low`, `|high`.
    """
    found = []
    for cell in cells:
        slug = _whose(cell, world) if cell.numbers else None
        if slug is None:
            continue
        outcome = _which(cell, world, slug)
        if "somewhere between" in cell.text or "row for each programme" in cell.about.lower():
            outcome = world.evaluations[slug].programme.primary
        if said := SLOPE.search(cell.text):
            name = f"{slug}|{outcome}|slope"
            found.append(Fact(name, *find_numbers(said[1])[0], cell.words[:160]))
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
    return (
        word in text
        and re.search(re.escape(word) + r"(?!\w|\.(?!alt|csv|svg|caption|\s|$))", text) is not None
    )


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
        return [
            (f"headline{e}", *find_numbers(n)[0]) for e, n in zip(ENDS, said.groups(), strict=True)
        ]
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
        family += [
            replace(y, estimate=printed.get(f"{slug}|{y.outcome}|headline", 0.0)) for y in own
        ]
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
    """Keep the widths that the printed intervals have: some rest on what is not shown."""
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
    choices["every school counted the same"] = replace(
        first, weighted=False, check="equal", kind="sum"
    )
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
                offered.setdefault(name, []).append(
                    replace(fact, form=name, value=fact.value + sign * width)
                )
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
    return {
        n: f
        for n, f in found.items()
        if n in world.forms or n.endswith(("est", "lowest", "highest"))
    }


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
        if EARLIER.search(cell.about):
            continue
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
    return Fact(
        start.form, (low + high) / 2, half, " + ".join(dict.fromkeys(w.where[:60] for w in where))
    )
