"""The study that goes with an invented England: its report, programmes and README."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pepstats.invented_moves import CITY

if TYPE_CHECKING:
    from pepstats.invented import England

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
