"""The study of today: the invented England's files of 2023 to 2025 and the reports that read them.

A folder of its own (`invented/today/`), so that no byte of the files of 2016 to 2019 moves.
"""

from __future__ import annotations

from pepstats.invented.england import England
from pepstats.invented.ks2 import key_stage_2
from pepstats.invented.other_files import authority_series, local_results, national_headlines
from pepstats.invented.study import (
    DFE,
    GIAS,
    NOTE,
    DataFile,
    list_files,
    statements,
    tell_members,
    tell_planted,
    tell_truth,
    to_csv,
)
from pepstats.invented.today import (
    inspections_of_today,
    inspections_with_grades,
    long_absence,
    long_attainment,
    long_information,
    register_of_today,
)
from pepstats.invented.world import CITY

FOLDER = "today"
OUTCOMES = (
    "rwm_expected", "rwm_expected.disadvantaged", "reading_expected", "writing_expected",
    "maths_expected",
)  # fmt: skip

_ABOUT = """# An invented England, 2022/23 to 2024/25

The same invented schools as in the folder above, in the layouts of today, written by
`pepstats invent` byte for byte. **There are no years 2019/20 to 2021/22**: no tests were held in
the first two, and of the third no school's results were published. Progress ends with 2022/23,
since later pupils took no key stage 1 tests. Since 2018/19 one school in ten has become an academy.

Results keep the spread of England's files of 2022/23 and 2023/24 (percentage at the expected
standard in reading, writing and maths: standard deviation 16 points here, 15.7 there; from one year
to the next its correlation is .53 here, .60 there).

| file | what | as published by |
|---|---|---|
{files}

`truth.csv` says what the programme in Fablemouth really added: 0.15 standard deviations between
pupils, for all of them alike, from 2024/25 on. It was fixed before any estimate was made of it. The
analysis never reads it; the tests do. Seed {seed}, effect {effect:g}.
"""

_PROGRAMME = """# {note}
title: Support for stuck schools
summary: A lead school helped each school with coaching and reviews of its Year 6 pupils. Schools
  that Ofsted had found below Good at two inspections running, called stuck, were chosen first.
phase: primary
starts: 2025                # the first results that could show it
baseline: [2023, 2024]
for: all
outcomes: [{outcomes}]  # the first leads
members:                    # 18 invented schools; some by the URN they had before or have since
{members}
pool: {{outside: authority}}
match: {{exact: [phase, school_type], near: [rwm_expected, cohort], caliper: null}}
placebo: {{draws: 10000}}
cost: {{grant: 900000, pupils: {pupils}, years: 2}}
seed: {seed}
"""

_OCTOBER = """# {note}
# October: the city's own provisional results, and England's headline, are all there is of 2025.
title: Evaluation of support for stuck schools, autumn 2025
meeting:
  body: Education Advisory Board
  date: 2025-10-07
  report_from: Director of Children's Services, Fablemouth (invented)
  report_by: Head of School Improvement, Fablemouth (invented)
authority: {city}
year: 2025
edition: public
invented: true
planted:                    # what the programme really added; the paper's last page alone reads it
{planted}
actions:                    # what the last meeting asked for, and where this paper answers it
  - asked: Whether the support for stuck schools has raised results in its first year
    by: A member of the Board (invented)
    answer: Section 2 has the finding, with how sure we are. The rest is under the programme.
  - asked: What the schools say of the support they had
    by: A councillor (invented)
    answer: Every school of the programme was asked. Their answers are counted, and some are quoted.
disclosure: {{safe_threshold: 3}}
formats: [word, workbook]
sources:
{sources}
programmes: [stuck-schools]
"""

_DECEMBER = """# {note}
# December: the same report with every school's results of 2025. All else is as it was in October.
revises: autumn-2025
title: Evaluation of support for stuck schools, autumn 2025, as revised in December
meeting:
  body: Education Advisory Board
  date: 2025-12-16
  report_from: Director of Children's Services, Fablemouth (invented)
  report_by: Head of School Improvement, Fablemouth (invented)
sources:
{sources}
"""


def lay_out_today(england: England) -> dict[str, bytes]:
    """Lay the England of `continue_england` out as the part of a data folder that is of today.

    Files by their names, in the order they are written; the same England has the same bytes.
    """
    october, december = _list_october(england), _list_december(england)
    about = _ABOUT.format(
        files=list_files(october + december), seed=england.seed, effect=england.effect
    ).replace(f"`{FOLDER}/", "`")
    planted = tell_planted(england, OUTCOMES)
    texts = {
        f"invented/{FOLDER}/README.md": about,
        "reports/autumn-2025.yml": _OCTOBER.format(
            note=NOTE, city=CITY, planted=planted, sources=_list_lines(october)
        ),
        "reports/autumn-2025-revised.yml": _DECEMBER.format(
            note=NOTE, sources=_list_lines(december)
        ),
        **{f"programmes/{slug}.yml": _describe(england, slug) for slug in england.planted},
    }
    contents = {f"invented/{file.name}": file.content for file in october + december}
    contents[f"invented/{FOLDER}/truth.csv"] = tell_truth(england)
    return contents | {name: text.encode() for name, text in texts.items()}


def _list_lines(files: list[DataFile]) -> str:
    return "\n".join(file.line for file in files)


def _list_october(england: England) -> list[DataFile]:
    """List what is known in October 2025."""
    first, second, now = england.years
    wide = "key stage 2 results, all schools, with the authorities' and England's rows"
    own = f"the city's own results in September {now}, provisional"
    return [
        *(DataFile(f"{FOLDER}/{year - 1}-{year}_england_ks2final.csv", wide, DFE,
                   key_stage_2(england, year), "ks2", year, "final")
          for year in (first, second)),
        DataFile(f"{FOLDER}/{now}-09_local_results.csv", own, "an authority",
                 to_csv(local_results(england, now), "utf-8"),
                 "local_results", now, "provisional"),
        DataFile(f"{FOLDER}/{now}-09_national.csv", "the national headlines as first published",
                 DFE, to_csv(national_headlines(england, now), "utf-8"),
                 "national", now, "provisional"),
        DataFile(f"{FOLDER}/edubasealldata{now}0930.csv", "the full extract of the register",
                 GIAS, to_csv(register_of_today(england), "cp1252"), "register", now),
        DataFile(f"{FOLDER}/links_edubasealldata{now}0930.csv", "which URN became which",
                 GIAS, to_csv(england.world.links, "cp1252"), "links"),
        DataFile(f"{FOLDER}/{first}{second % 100}_absence_school.csv",
                 "absence by school, a long file", DFE,
                 to_csv(long_absence(england, second), "utf-8"), "absence", second, "final"),
        DataFile(f"{FOLDER}/{second}-08-31_ofsted_mi.csv",
                 "each school's latest inspection with a single grade, and the one before",
                 "Ofsted", to_csv(inspections_with_grades(england)), "ofsted", second),
        DataFile(f"{FOLDER}/{now}-09-30_ofsted_mi.csv",
                 "each school's latest inspections, since single grades ended", "Ofsted",
                 to_csv(inspections_of_today(england, f"{now}-09-30")), "ofsted", now),
        DataFile(f"{FOLDER}/lait_long_ks2.csv", "series by authority: all, and England", DFE,
                 to_csv(authority_series(england, [first, second]), "utf-8"), "la_series", second),
        DataFile(f"{FOLDER}/statements.csv", "what the schools say, as the city collected it",
                 "an authority", to_csv(statements(england), "utf-8"), "statements"),
    ]  # fmt: skip


def _list_december(england: England) -> list[DataFile]:
    """List what is published by December 2025, in the place of October's of the same kind."""
    now = england.years[-1]
    return [
        DataFile(f"{FOLDER}/{now - 1}{now % 100}_ks2_school_attainment_data.csv",
                 "key stage 2 attainment by school, a long file", DFE,
                 to_csv(long_attainment(england, now), "utf-8"), "ks2", now, "revised"),
        DataFile(f"{FOLDER}/{now - 1}{now % 100}_ks2_school_information_data.csv",
                 "the pupils behind it by school, a long file", DFE,
                 to_csv(long_information(england, now), "utf-8"), "ks2", now, "revised"),
        DataFile(f"{FOLDER}/{now}-11-30_ofsted_mi.csv",
                 "each school's latest inspections, the first report cards included", "Ofsted",
                 to_csv(inspections_of_today(england, f"{now}-11-30")), "ofsted", now),
        DataFile(f"{FOLDER}/lait_long_ks2_{now}.csv", "series by authority: all, and England",
                 DFE, to_csv(authority_series(england, [now]), "utf-8"), "la_series", now),
    ]  # fmt: skip


def _describe(england: England, slug: str) -> str:
    """Write the programme as the YAML a study keeps it in."""
    members = england.members[england.members["programme"] == slug]
    counts = england.results(england.years[-1]).count("all")
    helped = int(counts[members["school"].to_numpy()].sum())
    return _PROGRAMME.format(
        note=NOTE, outcomes=", ".join(OUTCOMES), members=tell_members(members),
        pupils=helped, seed=20250708,
    )  # fmt: skip
