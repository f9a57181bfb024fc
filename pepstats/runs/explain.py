"""What every key, column, measure and code means: for `pepstats explain` and docs/settings.md."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pepstats.errors import DesignError, nearest
from pepstats.measures import BREAKS, GROUPS, MEASURES, REASONS
from pepstats.paths import read_table
from pepstats.priority import Dashboard, Register
from pepstats.settings import Member, Programme, Quality, Report, Settings, models_in
from pepstats.sources import find_page, list_titles

FILES: dict[str, tuple[type[Settings], str]] = {
    "report": (Report, "`reports/NAME.yml`: one autumn's report"),
    "programme": (Programme, "`programmes/NAME.yml`: one programme of support"),
    "dashboard": (
        Dashboard,
        "`dashboard.yml`, `dashboard-2024.yml`: the criteria of the priority ratings",
    ),
    "partnership": (Register, "`partnership/register.yml`: activities, grants and promises"),
    "quality": (Quality, "`quality.yml`: assumptions, decisions, checks and who signed"),
    "members table": (Member, "A programme's table of members (CSV or workbook)"),
}
TABLES = {
    "statements table": "What schools say (CSV or workbook): kind `statements`",
    "local results table": "Results that the authority holds: kind `local_results`",
    "national table": "England's published headlines: kind `national`",
    "participation table": "`partnership/participation.csv`: who takes part in what",
    "reviews table": "`partnership/reviews.csv`: who was reviewed",
    "delivered table": "`partnership/delivered.csv`: support given",
    "warnings table": "`partnership/warnings.csv`: warning notices",
}
WIDTH = 100
_WRAPPED = textwrap.TextWrapper(WIDTH, subsequent_indent="  ", break_on_hyphens=False)
NOT_WRITTEN = {"slug", "part_of"}  # known from the name of the file
_SAID = {(row["file"], row["key"]): row for row in read_table("settings")}


def list_keys() -> dict[tuple[str, str], FieldInfo | None]:
    """List every key that a file of settings may have and every column of a council's own table.

    By file (as in `FILES` and `TABLES`) and key: what pydantic knows of it, None for a column.
    """
    found: dict[tuple[str, str], FieldInfo | None] = {}
    for file, (model, _) in FILES.items():
        found |= {(file, key): field for key, field in _walk(model, "", set())}
    own = [key for key in _SAID if key[0] in TABLES]
    return {**found, **dict.fromkeys(own)}


def _walk(
    model: type[Settings], before: str, met: set[type[Settings]]
) -> Iterator[tuple[str, FieldInfo]]:
    """Walk a model's keys and those of the models in them, each model once."""
    met.add(model)
    for name, field in model.model_fields.items():
        key = f"{before}{field.alias or name}"
        if key in NOT_WRITTEN:
            continue
        yield key, field
        for inner in models_in(field.annotation):
            if inner not in met:
                yield from _walk(inner, f"{key}.", met)


def _words_of(annotation: Any) -> list[str]:
    """List the words that a key may have, where they are few."""
    if get_origin(annotation) is Literal:
        return [str(word) for word in get_args(annotation)]
    return [word for part in get_args(annotation) for word in _words_of(part)]


def _left_out(field: FieldInfo) -> str:
    """Say what holds where a key is left out."""
    if field.is_required():
        return "has to be there"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return "the values of its keys"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        value = ", ".join(map(str, value))
    return "nothing" if value in (None, "") or value == {} else str(value)


def explain_word(word: str) -> str:
    """Say what a key, a column, a measure, a group of pupils, a kind of file or a code means.

    A key is named whole (`match.k`) or by its last part (`k`). Returns a paragraph for each thing
    of that name; raises DesignError, with the nearest name, where nothing is called so.

    Examples
    --------
    >>> print(explain_word("placebo.draws"))
    programme: placebo.draws
      How many groups of schools without the programme are drawn.
      Left out: 10000. Example: draws: 10000
    """
    known = list_keys()
    exact = [key for key in known if key[1] == word]
    found = [
        _explain_key(*key, known[key])
        for key in exact or [key for key in known if key[1].rpartition(".")[2] == word]
    ]
    found += [text for name, text in _list_words() if name.casefold() == word.casefold()]
    if not found:
        names = {key for _, key in known} | {name for name, _ in _list_words()}
        raise DesignError(f"nothing is called `{word[:60]}`. {nearest(word, names)}")
    lines = "\n\n".join(found).split("\n")
    return "\n".join(_WRAPPED.fill(line) if len(line) > WIDTH else line for line in lines)


def _explain_key(file: str, key: str, field: FieldInfo | None) -> str:
    row = _SAID[file, key]
    words = _words_of(field.annotation) if field else []
    lines = [f"{file}: {key}", f"  {row['says']}"]
    if words:
        lines.append(f"  One of: {', '.join(words)}.")
    left = f"Left out: {_left_out(field)}. " if field else ""
    return "\n".join([*lines, f"  {left}Example: {key.rpartition('.')[2]}: {row['example']}"])


def _list_words() -> Iterator[tuple[str, str]]:
    """List the words that stand as values: measures, groups, kinds of file, changes and codes."""
    for name, one in MEASURES.items():
        held = f"column {one.column} of kind `{one.kind}`" if one.column else "an authority's own"
        broken = f" Its meaning changed: {'; '.join(one.breaks)}." if one.breaks else ""
        yield name, f"measure: {name}\n  {one.label} ({one.unit}; {held}).{broken}"
    for name, label in GROUPS.items():
        yield name, f"group of pupils: {name}\n  {label}: `rwm_expected.{name}`, `for: {name}`"
    for name, title in list_titles().items():
        page = find_page(name)
        yield name, f"kind of file: {name}\n  {title}.{f' Published: {page}' if page else ''}"
    for change in BREAKS:
        yield change.word, f"change of definition: {change.word}\n  {change.what}."
    for code, reason in REASONS.items():
        yield code, f"code: {code}\n  {reason}."


OPENING = """# Every key, column, outcome and code

Written from the library's own models by `pepstats explain --all`; a test holds it to them.
`pepstats explain KEY` says the same of one. A key that is not here stops a run and is named,
with the nearest that is. Paths are relative to the data folder."""


def settings_page() -> str:
    """Write docs/settings.md: every key and column, what it says, its default and an example."""
    known = list_keys()
    parts = [OPENING]
    for file, title in {**{name: one[1] for name, one in FILES.items()}, **TABLES}.items():
        parts += [f"\n## {title}\n", "| Key | What it says | Left out | Example |",
                  "|---|---|---|---|"]  # fmt: skip
        parts += [_row_of(*key, field) for key, field in known.items() if key[0] == file]
    parts += ["\n## Outcomes\n", "| Measure | What it is | Unit | Kind of file, column | Changed |",
              "|---|---|---|---|---|"]  # fmt: skip
    parts += [
        _table_row(f"`{name}`", one.label, one.unit, f"{one.kind}, {one.column or 'own'}",
                   "; ".join(one.breaks))
        for name, one in MEASURES.items()
    ]  # fmt: skip
    parts += ["\n## Changes of definition\n", "| Word | What changed |", "|---|---|"]
    parts += [_table_row(f"`{one.word}`", one.what) for one in BREAKS]
    parts += ["\n## Codes in published files\n", "| Code | What it means |", "|---|---|"]
    parts += [_table_row(f"`{code}`", reason) for code, reason in REASONS.items()]
    return "\n".join([*parts, ""])


def _row_of(file: str, key: str, field: FieldInfo | None) -> str:
    row, left = _SAID[file, key], _left_out(field) if field else ""
    words = ", ".join(f"`{word}`" for word in (_words_of(field.annotation) if field else ()))
    says = f"{row['says']} One of {words}." if words else row["says"]
    return _table_row(f"`{key}`", says, left, f"`{row['example']}`")


def _table_row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
