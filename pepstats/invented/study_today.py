"""The study of today: the invented England's files of 2023 to 2025 and the reports that read them.

A folder of its own (`invented/today/`), so that no byte of the files of 2016 to 2019 moves.
"""

from __future__ import annotations

from pepstats.invented.england import England
from pepstats.invented.study import (
    DFE,
    GIAS,
    DataFile,
    lay_out_files,
    list_key_stage_2,
    list_own,
    list_series,
    list_statements,
    to_csv,
    write_programmes,
    write_reports,
)
from pepstats.invented.today import (
    inspections_of_today,
    inspections_with_grades,
    long_absence,
    long_attainment,
    long_information,
    register_of_today,
)

FOLDER = "today/"
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

_PROGRAMMES = {
    "stuck-schools": {
        "title": "Support for stuck schools",
        "summary": """\
A lead school helped each school with coaching and reviews of its Year 6 pupils. Schools
  that Ofsted had found below Good at two inspections running, called stuck, were chosen first.""",
        "whom": "all", "group": "all", "grant": "900000", "over": ", years: 2",
        "outcomes": ", ".join(OUTCOMES),
    },
}  # fmt: skip

_REPORT = {
    "title": "Evaluation of support for stuck schools, autumn 2025",
    "october": "2025-10-07",
    "december": "2025-12-16",
    "each": "the programme",
    "actions": """\
  - asked: Whether the support for stuck schools has raised results in its first year
    by: A member of the Board (invented)
    answer: Section 2 has the finding, with how sure we are. The rest is under the programme.
  - asked: What the schools say of the support they had
    by: A councillor (invented)
    answer: Every school of the programme was asked. Their answers are counted, and some are quoted.
""",
}


def lay_out_today(england: England) -> dict[str, bytes]:
    """Lay the England of `continue_england` out as the part of a data folder that is of today.

    Files by their names, in the order they are written; the same England has the same bytes.
    """
    october, december = _list_october(england), _list_december(england)
    return {
        **lay_out_files(england, [*october, *december], _ABOUT, FOLDER),
        **write_reports(england, _REPORT, (october, december), OUTCOMES),
        **write_programmes(england, _PROGRAMMES, seed=20250708),
    }


def _list_october(england: England) -> list[DataFile]:
    """List what is known in October 2025."""
    first, second, now = england.years
    return [
        *(list_key_stage_2(england, FOLDER, year, "final") for year in (first, second)),
        *list_own(england, FOLDER),
        DataFile(f"{FOLDER}edubasealldata{now}0930.csv", "the full extract of the register",
                 GIAS, to_csv(register_of_today(england), "cp1252"), "register", now),
        DataFile(f"{FOLDER}links_edubasealldata{now}0930.csv", "which URN became which",
                 GIAS, to_csv(england.world.links, "cp1252"), "links"),
        DataFile(f"{FOLDER}{first}{second % 100}_absence_school.csv",
                 "absence by school, a long file", DFE,
                 to_csv(long_absence(england, second), "utf-8"), "absence", second, "final"),
        DataFile(f"{FOLDER}{second}-08-31_ofsted_mi.csv",
                 "each school's latest inspection with a single grade, and the one before",
                 "Ofsted", to_csv(inspections_with_grades(england)), "ofsted", second),
        DataFile(f"{FOLDER}{now}-09-30_ofsted_mi.csv",
                 "each school's latest inspections, since single grades ended", "Ofsted",
                 to_csv(inspections_of_today(england, f"{now}-09-30")), "ofsted", now),
        list_series(england, f"{FOLDER}lait_long_ks2", [first, second]),
        list_statements(england, FOLDER),
    ]  # fmt: skip


def _list_december(england: England) -> list[DataFile]:
    """List what is published by December 2025, in the place of October's of the same kind."""
    now = england.years[-1]
    return [
        DataFile(f"{FOLDER}{now - 1}{now % 100}_ks2_school_attainment_data.csv",
                 "key stage 2 attainment by school, a long file", DFE,
                 to_csv(long_attainment(england, now), "utf-8"), "ks2", now, "revised"),
        DataFile(f"{FOLDER}{now - 1}{now % 100}_ks2_school_information_data.csv",
                 "the pupils behind it by school, a long file", DFE,
                 to_csv(long_information(england, now), "utf-8"), "ks2", now, "revised"),
        DataFile(f"{FOLDER}{now}-11-30_ofsted_mi.csv",
                 "each school's latest inspections, the first report cards included", "Ofsted",
                 to_csv(inspections_of_today(england, f"{now}-11-30")), "ofsted", now),
        list_series(england, f"{FOLDER}lait_long_ks2_{now}", [now]),
    ]  # fmt: skip
