"""What a paper is written from: the tables and pictures that the notebooks before it wrote."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from pepstats import partnership_tables, statements, support_tables
from pepstats.city import RATINGS, City
from pepstats.errors import RunError
from pepstats.evidence import ProgrammeResults, Reads, SavedPicture
from pepstats.programme import Programme

MADE_FROM = {
    "03-match-schools": ("flow", "balance"),
    "04-estimate-effect": ("effects", "gaps", "lines", "placebo"),
    "05-check-robustness": ("checks",),
}
DRAWN = {
    # the paper's name of a picture: the step that drew it, and its file
    "two-lines": ("04-estimate-effect", "gap-{primary}"),
    "hundred-dots": ("04-estimate-effect", "made-up-programmes"),
    "checks": ("05-check-robustness", "checks-picture"),
    "balance": ("03-match-schools", "balance-picture"),
    "flow": ("03-match-schools", "flow-picture"),
    "schools": ("06-case-studies", "schools"),
    "schools-named": ("06-case-studies", "schools-named"),
    "cases": ("06-case-studies", "cases-picture"),
    "cases-named": ("06-case-studies", "cases-named"),
}


def collect_results(step: Reads, programmes: Sequence[Programme]) -> dict[str, ProgrammeResults]:
    """Read what the notebooks wrote for each programme; case studies and statements if there."""
    members = step.read_table("01-clean-sources", "members")
    return {programme.slug: _collect_one(step, programme, members) for programme in programmes}


def _collect_one(step: Reads, programme: Programme, members: pd.DataFrame) -> ProgrammeResults:
    slug = programme.slug
    counted = members.groupby("school")["programme"].nunique() - 1
    own = members.loc[members["programme"] == slug, "school"]
    tables = {
        name: step.read_table(folder, name, slug)
        for folder, names in MADE_FROM.items()
        for name in names
    }
    said = _read_if_there(step, "06-case-studies", "statements", slug)
    return ProgrammeResults(
        **tables,
        cases=_read_if_there(step, "06-case-studies", "cases", slug),
        statements=statements.restore(said) if len(said) else statements.no_statements(),
        value=_read_if_there(step, "04-estimate-effect", "value", slug),
        sizes=_read_if_there(step, "04-estimate-effect", "sizes", slug),
        refused=_read_if_there(step, "04-estimate-effect", "refused", slug),
        described=_read_if_there(step, "04-estimate-effect", "described", slug),
        grades=_read_if_there(step, "04-estimate-effect", "grades", slug),
        calibration=_read_if_there(step, "05-check-robustness", "calibration", slug),
        also_in=counted.reindex(sorted(own)),
        pictures=_collect_pictures(step, programme),
    )


def _collect_pictures(step: Reads, programme: Programme) -> dict[str, SavedPicture]:
    """Read the pictures that the notebooks saved, as far as they are there."""
    found = {}
    for name, (folder, stem) in DRAWN.items():
        stem = stem.format(primary=programme.primary)
        try:
            svg, png, alt, caption = (
                step.read_file(folder, f"{stem}.{kind}", programme.slug)
                for kind in ("svg", "png", "alt.txt", "caption.txt")
            )
            table = step.read_table(folder, stem, programme.slug)
        except RunError:
            continue
        words = (part.decode("utf-8").strip() for part in (alt, caption))
        found[name] = SavedPicture(svg, png, table, *words)
    return found


def collect_city(step: Reads) -> City:
    """Read the schools' names and their priority ratings."""
    register = step.read_table("01-clean-sources", "register")
    names = dict(zip(register["school"].astype(int), register["name"].astype(str), strict=True))
    ratings = _read_if_there(step, RATINGS, "ratings", None)
    asked = (*support_tables.TABLES, *partnership_tables.TABLES)
    tables = {name: _read_if_there(step, RATINGS, name, None) for name in asked}
    return City(names, ratings, step.read_last_shown(), tables)


def _read_if_there(step: Reads, folder: str, name: str, slug: str | None) -> pd.DataFrame:
    try:
        return step.read_table(folder, name, slug)
    except RunError:
        return pd.DataFrame()
