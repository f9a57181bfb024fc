"""The invented England written out in the Department's own layouts, oddities included."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

import numpy as np
import pandas as pd

from pepstats.invented.england import England, planted_effects
from pepstats.invented.ks2 import key_stage_2
from pepstats.invented.others import (
    YEARS,
    absence,
    census,
    city_series,
    inspections,
    key_stage_4,
    local_results,
    national_headlines,
    trusts,
)
from pepstats.invented.pupils import PLANTED, STARTS
from pepstats.invented.results import half_up
from pepstats.invented.world import CITY, GOVERNANCE


def write_england(england: England, folder: Path, *, full_layout: bool = False) -> list[Path]:
    """Write an invented England in the Department's own layouts; give the files written."""

    return write_files(england, Path(folder), full_layout=full_layout)


_STREAM = 103

COLUMNS = ["urn", "programme", "theme", "stance", "role", "consent", "consent_date", "statement"]

_STATEMENTS = (
    (
        "Head teacher",
        "leadership",
        "positive",
        "The coaching changed how we plan, and staff now ask for it.",
    ),
    (
        "Head teacher",
        "assessment",
        "mixed",
        "Reviews of each pupil helped, but the first term went on paperwork.",
    ),
    (
        "SEN coordinator",
        "assessment",
        "positive",
        "We spot a difficulty in weeks now, where it used to take a term.",
    ),
    (
        "SEN coordinator",
        "workload",
        "negative",
        "Two of us left during the year and nobody was there to carry it on.",
    ),
    (
        "Deputy head teacher",
        "staff confidence",
        "positive",
        "Teachers try things first and ask for a referral after.",
    ),
    (
        "Teacher",
        "staff confidence",
        "positive",
        "I no longer think somebody else should teach those children.",
    ),
    (
        "Teacher",
        "workload",
        "mixed",
        "Good training; we had no cover for the follow-up days.",
    ),
    (
        "Governor",
        "leadership",
        "mixed",
        "We see the work, and we do not yet see it in results.",
    ),
    (
        "Head teacher",
        "parents",
        "positive",
        "Families come to the review meetings, which they did not before.",
    ),
    (
        "Deputy head teacher",
        "attendance",
        "negative",
        "It did not reach the pupils who are hardly ever here.",
    ),
    (
        "Head teacher",
        "leadership",
        "negative",
        "The visits were moved three times and the plan lost its thread.",
    ),
    (
        "SEN coordinator",
        "parents",
        "mixed",
        "Parents liked the plans, once we had stopped using our own words for things.",
    ),
)

# What must be held back before anyone reads it: a name, an address, a number.
_HELD_BACK = (
    (
        "Teacher",
        "assessment",
        "positive",
        "It made all the difference to Tommy Figment in 6B, who now reads every day.",
    ),
    (
        "SEN coordinator",
        "parents",
        "mixed",
        "Please send the slides again to senco@fablemouth-invented.example before term ends.",
    ),
    (
        "Head teacher",
        "leadership",
        "positive",
        "Ring me on 01632 960123 and I will say more about how we did it.",
    ),
)


def statements(england: England) -> pd.DataFrame:
    """Give the invented schools' words: who was asked, what they said, and whether it may be used.

    One row per school and programme, in the columns `pepstats.statements` reads; a school that
    was asked and did not answer has a row without a statement.
    """
    rng = np.random.default_rng([england.seed, _STREAM, 7])
    rows = []
    for slug in PLANTED:
        members = england.members[england.members["programme"] == slug]
        said = [*(_STATEMENTS[i] for i in rng.permutation(len(_STATEMENTS)).tolist()), *_HELD_BACK]
        for place, urn in enumerate(rng.permutation(members["urn"].to_numpy()).tolist()):
            if place >= len(said):
                rows.append((urn, slug, "", "", "", "", "", ""))
                continue
            role, theme, stance, words = said[place]
            agreed = place % 4 != 3 or place >= len(_STATEMENTS)
            day = f"2018-{6 + place % 2:02d}-{3 + place:02d}" if agreed else ""
            rows.append((urn, slug, theme, stance, role, "yes" if agreed else "no", day, words))
    return pd.DataFrame(rows, columns=COLUMNS).sort_values(["programme", "urn"], ignore_index=True)


ABOUT = """# An invented England

Nothing here is real. Every school, authority, pupil, officer and result in this folder was made
up by `pepstats invent`, which writes it again byte for byte. Every place says so in its name: it
is a word for make-believe with the end of an English place name (Fablemouth, Mockbury). URNs
begin with 9 and authorities' codes with 5, which no school and no authority in England has had.

It is laid out as the Department for Education and Ofsted publish, oddities included, and it has
the spread, the persistence, the cohort sizes and the clustering measured in England's files of
2016 to 2019. The key stage 2 files have a part of the Department's columns;
`pepstats invent --full-layout` writes them all.

| file | what | as published by |
|---|---|---|
{files}

`truth.csv` says what two programmes in Fablemouth really added. The analysis never reads it; the
tests do. Seed {seed}, effect {effect:g}: the usual seed, 20180703, is the day on which a board
asked for two evaluations such as these, and was not chosen for what comes out.
"""

_PROGRAMME = """# {note}
title: {title}
summary: {summary}
phase: primary
starts: 2018                # the first results that could show it
baseline: [2016, 2017]
outcomes: [rwm_expected, reading_progress, writing_progress, maths_progress]  # the first leads
members:                    # 18 invented schools; some by the URN they had before or have since
{members}
pool: {{outside: authority}}
match: {{exact: [phase, school_type], near: [rwm_expected, cohort], k: 10, caliper: null}}
placebo: {{draws: 10000}}
cost: {{grant: 200000, pupils: {pupils}}}
seed: {seed}
"""

_WORDS = {
    "closing-the-gap": (
        "Closing the gap",
        "Coaching and pupil reviews in 18 schools, so that disadvantaged pupils catch up.",
    ),
    "send-in-mainstream": (
        "SEND in mainstream",
        "Training and advice in 18 schools, for pupils with SEN Support in class.",
    ),
}

_NOTE = "Invented, like every school in it. Written by `pepstats invent`."

_REPORT = """# {note}
# October: the city's own provisional results, and England's headline, are all there is of 2018.
title: Evaluation of the Partnership's two programmes, autumn 2018
meeting:
  body: Education Advisory Board
  date: 2018-10-02
  report_from: Director of Children's Services, Fablemouth (invented)
  report_by: Head of School Improvement, Fablemouth (invented)
authority: {city}
year: 2018
edition: public
invented: true
actions:                    # what the last meeting asked for, and where this paper answers it
  - asked: A summary of the evaluations of the two programmes, to judge the impact on outcomes
    by: A member of the Board (invented)
    answer: The summary is in section 3, with how sure we are. The rest is under each programme.
  - asked: Case studies of specific schools
    by: Head of School Improvement, Fablemouth (invented)
    answer: Three for each programme, picked by a rule and not for their success.
  - asked: What schools say of the impact of the support they had
    by: A councillor (invented)
    answer: Every school of both programmes was asked. Their answers are counted and quoted.
disclosure: {{fewest_schools: 3}}
formats: [word, workbook, open-data]
sources:
{sources}
programmes: [closing-the-gap, send-in-mainstream]
"""

_REVISED = """# {note}
# December: the same report with every school's results of 2018. All else is as it was in October.
revises: autumn-2018
title: Evaluation of the Partnership's two programmes, autumn 2018, as revised in December
meeting:
  body: Education Advisory Board
  date: 2018-12-18
  report_from: Director of Children's Services, Fablemouth (invented)
  report_by: Head of School Improvement, Fablemouth (invented)
sources:
{sources}
"""

Listed = tuple[str, int | None, str | None, str, bytes]
"""One source as a report lists it: kind, year, release, file, and the file's bytes."""


def programme_text(england: England, slug: str) -> str:
    """Give one programme as the YAML a study keeps it in."""
    title, summary = _WORDS[slug]
    members = england.members[england.members["programme"] == slug]
    lines = [
        f'  - {{urn: {m.urn}, joined: "{m.joined}", dose: {m.dose:g}, basis: {m.basis}}}'
        for m in members.sort_values("urn").itertuples()
    ]
    group = "FSM6CLA1A" if slug == "closing-the-gap" else "SENK"
    counts = england.results(max(england.years)).count(group)
    helped = int(counts[members["school"].to_numpy()].sum())
    return _PROGRAMME.format(note=_NOTE, title=title, summary=summary, members="\n".join(lines),
                             pupils=helped or "null", seed=england.seed)  # fmt: skip


def report_text(sources: list[Listed]) -> str:
    """Give the October report as YAML."""
    return _REPORT.format(note=_NOTE, city=CITY, sources=_source_lines(sources))


def revised_text(sources: list[Listed]) -> str:
    """Give its December revision as YAML: the sources that are new since."""
    return _REVISED.format(note=_NOTE, sources=_source_lines(sources))


def _source_lines(sources: list[Listed]) -> str:
    lines = []
    for kind, year, release, file, content in sources:
        said = [f"kind: {kind}"]
        said += [f"year: {year}"] if year else []
        said += [f"release: {release}"] if release else []
        digest = hashlib.sha256(content).hexdigest()
        lines.append(f"  - {{{', '.join(said)}, file: {file},\n     sha256: {digest}}}")
    return "\n".join(lines)


def about_text(england: England, files: list[tuple[str, str, str]]) -> str:
    """Give the README of the invented data; each file is (name, what, who publishes the like)."""
    rows = "\n".join(f"| `{name}` | {what} | {who} |" for name, what, who in files)
    return ABOUT.format(files=rows, seed=england.seed, effect=england.effect)


DFE = "the Department for Education"

GIAS = "the Department's register, Get Information about Schools"

TRUTH_PLACES = 6  # decimals; further ones differ between processors


def write_files(england: England, folder: Path, *, full_layout: bool) -> list[Path]:
    """Write a data folder: `invented/` with the files, and the study that reads them.

    Gives the files in the order written. Every one is the same bytes for the same England.
    """
    contents = {}
    for year in england.years:
        name = f"invented/ks2/{year - 1}-{year}_england_ks2final.csv"
        contents[name] = key_stage_2(england, year, full_layout=full_layout)
    contents["invented/england/2017-2018_england_spine.csv"] = _spine(england)
    contents["invented/gias/links_edubasealldata.csv"] = _as_csv(england.world.links, "cp1252")
    contents["invented/gias/grouplinks_edubaseallacademiesandfree20190601.csv"] = _quoted(
        trusts(england)
    )
    if STARTS in england.years:
        contents |= _autumn_files(england)
    about = [(name.removeprefix("invented/"), *_said_of(name)) for name in contents]
    contents["invented/truth.csv"] = _truth_file(england)
    contents["invented/README.md"] = about_text(england, about).encode()
    in_october, in_december = _sources(england, contents)
    contents["reports/autumn-2018.yml"] = report_text(in_october).encode()
    if in_december:
        contents["reports/autumn-2018-revised.yml"] = revised_text(in_december).encode()
    for slug in PLANTED:
        contents[f"programmes/{slug}.yml"] = programme_text(england, slug).encode()
    written = []
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        written.append(path)
    return written


def _autumn_files(england: England) -> dict[str, bytes]:
    """Give what else is known in the autumn of 2018, and a year later of the secondaries."""
    contents = {
        "england/2017-2018_england_census.csv": _as_csv(census(england)),
        "england/2017-2018_england_abs.csv": _as_csv(absence(england)),
        "england/2018-07-31_ofsted-schools.csv": _as_csv(inspections(england)),
        "la/lait_long_fablemouth.csv": _as_csv(city_series(england, STARTS - 1), "utf-8"),
        "local/2018-09_local_results.csv": _as_csv(local_results(england, STARTS), "utf-8"),
        "local/2018-09_national.csv": _as_csv(national_headlines(england, STARTS), "utf-8"),
        "local/statements.csv": _as_csv(statements(england), "utf-8"),
    }
    for year in YEARS:
        name = f"ks4/{year - 1}-{year}_england_ks4provisional.csv"
        contents[name] = _as_csv(key_stage_4(england, year))
    return {f"invented/{name}": content for name, content in contents.items()}


def _sources(england: England, contents: dict[str, bytes]) -> tuple[list[Listed], list[Listed]]:
    """List what the report of autumn 2018 reads, and what is new for it in December."""
    found: list[Listed] = []
    for year in england.years:
        name = f"invented/ks2/{year - 1}-{year}_england_ks2final.csv"
        found.append(("ks2", year, "final" if year < STARTS else "revised", name, contents[name]))
    others = (
        ("register", STARTS, "england/2017-2018_england_spine.csv"),
        ("links", None, "gias/links_edubasealldata.csv"),
        ("trusts", None, "gias/grouplinks_edubaseallacademiesandfree20190601.csv"),
        ("census", STARTS, "england/2017-2018_england_census.csv"),
        ("absence", STARTS, "england/2017-2018_england_abs.csv"),
        ("ofsted", STARTS, "england/2018-07-31_ofsted-schools.csv"),
        ("la_series", None, "la/lait_long_fablemouth.csv"),
        ("statements", None, "local/statements.csv"),
    )
    for kind in ("local_results", "national"):
        name = f"invented/local/2018-09_{kind}.csv"
        if name in contents:
            found.append((kind, STARTS, "provisional", name, contents[name]))
    for kind, known, file in others:
        name = f"invented/{file}"
        if name in contents:
            found.append((kind, known, None, name, contents[name]))
    december = [line for line in found if line[:2] == ("ks2", STARTS)]
    later = [line for line in found if line[0] == "ks2" and (line[1] or 0) > STARTS]
    return [line for line in found if line not in (*december, *later)], december


_SAID = {  # part of a file's name: what it holds, and who publishes files like it
    "ks2final": ("key stage 2 results, all schools, with the authorities' and England's rows", DFE),
    "ks4prov": ("key stage 4 results as first published in October", DFE),
    "spine": ("the register of schools behind the tables", DFE),
    "census": ("the January school census", DFE),
    "_abs": ("absence in the school year", DFE),
    "grouplinks": ("which academy is in which trust", GIAS),
    "links_edubase": ("which URN became which", GIAS),
    "ofsted": ("each school's latest inspection, as CSV", "Ofsted"),
    "lait": ("series by authority: the city, ten others, England", DFE),
    "local_results": ("the city's own results in September 2018, provisional", "an authority"),
    "national": ("the national headlines as first published", DFE),
    "statements": ("what the schools say, as the city collected it", "an authority"),
}


def _said_of(name: str) -> tuple[str, str]:
    return next(said for part, said in _SAID.items() if part in name.rsplit("/", 1)[-1])


def _truth_file(england: England) -> bytes:
    """Give what programmes added, to the decimals that are the same on every processor."""
    truth = planted_effects(england)
    numbers = ["planted", "with_overlap"]
    truth[numbers] = half_up(truth[numbers].to_numpy(), TRUTH_PLACES)
    return _as_csv(truth, "utf-8")


def _as_csv(frame: pd.DataFrame, encoding: str = "utf-8-sig", line_end: str = "\n") -> bytes:
    """Give a table's bytes: comma separated, quoted only where needed, missing left empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=line_end)
    writer.writerow(frame.columns)
    writer.writerows(frame.astype(object).where(frame.notna(), "").to_numpy().tolist())
    return out.getvalue().encode(encoding, errors="replace")


def _quoted(rows: list[list[str]]) -> bytes:
    """Give rows with every cell in quotation marks, as the trusts' file has them."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    return out.getvalue().encode("cp1252", errors="replace")


def _spine(england: England) -> bytes:
    """Give the register behind the tables: every URN open since 2015, old and new."""
    schools = england.world.schools
    table = england.world.establishments.copy()
    of = schools.loc[table["school"]].reset_index(drop=True)
    table = table.reset_index(drop=True)
    before = table.groupby("school")["urn"].shift(1)
    after = table.groupby("school")["urn"].shift(-1)
    special = of["kind"] == "special"
    frame = pd.DataFrame(
        {
            "URN": table["urn"],
            "LA": of["la"],
            "ESTAB": table["estab"],
            "LAESTAB": of["la"] * 10_000 + table["estab"],
            "SCHNAME": table["name"],
            "ICLOSE": np.where(table["closed"].notna(), 2, 1),
            "OPENDATE": table["opened"].dt.strftime("%Y-%m-%d"),
            "CLOSEDATE": table["closed"].dt.strftime("%Y-%m-%d"),
            "ISNEW": before.notna().astype(int),
            "MINORGROUP": table["nftype"].map(lambda code: GOVERNANCE[code][1]),
            "NFTYPE": table["nftype"].map(lambda code: GOVERNANCE[code][0]),
            "ISPRIMARY": (~of["kind"].isin(["secondary"]) & ~special).astype(int),
            "ISSECONDARY": of["kind"].isin(["secondary", "all-through", "independent"]).astype(int),
            "ISPOST16": of["kind"].isin(["all-through", "independent"]).astype(int),
            "AGEL": of["low_age"],
            "AGEH": of["high_age"],
            "RELDENOM": of["faith"],
            "OTHERURN": before.fillna(after).astype("Int64"),
        }
    )
    return _as_csv(frame.sort_values("URN"), line_end="\n")
