"""The invented England written out in the Department's own layouts, oddities included.

First the files of 2016 to 2019 and the reports of autumn 2018 that read them; then those of today.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from pepstats.errors import DesignError
from pepstats.invented import other_files, today
from pepstats.invented.england import England, planted_effects
from pepstats.invented.ks2 import key_stage_2
from pepstats.invented.pupils import STARTS, generator
from pepstats.invented.results import half_up
from pepstats.invented.world import CITY, GOVERNANCE

ANSWERS, HELD = 12, 3  # in each programme; the latter must be held back
COLUMNS = ["urn", "programme", "theme", "stance", "role", "consent", "consent_date", "statement",
           "cleared_by", "cleared_on"]  # fmt: skip
CLEARED = "Ida Makebelieve"
"""The invented officer who read what may be quoted."""

# What must be held back before anyone reads it: a name, an address, a number.
_HELD_BACK = (
    ("Teacher", "assessment", "positive",
     "It made all the difference to Tommy Figment in 6B, who now reads every day."),
    ("SEN coordinator", "parents", "mixed",
     "Please send the slides again to senco@fablemouth-invented.example before term ends."),
    ("Head teacher", "leadership", "positive",
     "Ring me on 01632 960123 and I will say more about how we did it."),
    ("Governor", "leadership", "mixed",
     "Mr Pretendleton took the lead and has since moved on, and the plan went with him."),
    ("Teacher", "workload", "negative",
     "Ask amock@fablemouth-invented.example for the cover lists if you want to see why."),
    ("Deputy head teacher", "attendance", "positive",
     "For Daisy Makebelieve alone it was worth it: she has not missed a morning since."),
)  # fmt: skip


def statements(england: England) -> pd.DataFrame:
    """Invent the schools' words: who was asked, what they said, and whether it may be used.

    One row per school and programme, as a study's statements are listed, no two alike; a school
    that was asked and did not answer has a row without a statement.
    """
    rng = generator(england.seed, "statements")
    words = resources.files("pepstats") / "templates" / "invented_statements.csv"
    with words.open(encoding="utf-8") as file:
        every = [tuple(row) for row in csv.reader(file)][1:]
    held = list(_HELD_BACK)
    ready = [every[i] for i in rng.permutation(len(every)).tolist()]
    rows = []
    for slug in england.planted:
        members = england.members[england.members["programme"] == slug]
        said = [*ready[:ANSWERS], *held[:HELD]]
        ready, held = ready[ANSWERS:], held[HELD:]
        for place, urn in enumerate(rng.permutation(members["urn"].to_numpy()).tolist()):
            if place >= len(said):
                rows.append((urn, slug, *[""] * 8))
                continue
            role, theme, stance, words = said[place]
            agreed = place % 4 != 3 or place >= ANSWERS
            day = f"{england.starts}-{6 + place % 2:02d}-{3 + place:02d}" if agreed else ""
            cleared = (CLEARED, f"{england.starts}-09-17")
            cleared = cleared if agreed and place < ANSWERS else ("", "")
            consent = "yes" if agreed else "no"
            rows.append((urn, slug, theme, stance, role, consent, day, words, *cleared))
    return pd.DataFrame(rows, columns=COLUMNS).sort_values(["programme", "urn"], ignore_index=True)


ABOUT = """# An invented England

Nothing here is real. Every school, authority, pupil, officer and result in this folder was made
up by `pepstats invent`, which writes it again byte for byte. Every place says so in its name: it
is a word for make-believe with the end of an English place name (Fablemouth, Mockbury). URNs
begin with 9 and authorities' codes with 5, which no school and no authority in England has had.

It is laid out as the Department for Education and Ofsted publish, oddities included, and it has
the spread, the persistence, the cohort sizes and the clustering measured in England's files of
2016 to 2019. The key stage 2 files have a part of the Department's columns.

| file | what | as published by |
|---|---|---|
{files}

`truth.csv` says what two programmes in Fablemouth really added: one 0.2 standard deviations between
pupils for disadvantaged pupils and half that for others, which few such programmes do; the other
nothing. The analysis never reads it; the tests do. Seed {seed}, effect {effect:g}: the usual seed,
20180708, is the first from the day on which a board asked for two evaluations such as these (3 July
2018) whose England has the spreads published of England's. It was fixed before any estimate was
made of what follows from it.
"""

_PROGRAMME = """# {note}
title: {title}
summary: {summary}
phase: primary
starts: {starts}                # the first results that could show it
baseline: [{baseline}]
for: {whom}
outcomes: [{outcomes}]  # the first leads
members:                    # 18 invented schools; some by the URN they had before or have since
{members}
pool: {{outside: authority}}
match: {{exact: [phase, school_type], near: [rwm_expected, cohort], caliper: null}}
placebo: {{draws: 10000}}
cost: {{grant: {grant}, pupils: {pupils}{over}}}
seed: {seed}
"""

_PROGRAMMES = {
    # `group`: the pupils each is for, as they are counted in its cost
    "closing-the-gap": {
        "title": "Closing the gap",
        "summary": "Schools had coaching and reviews of their Year 6 pupils, so that the "
                   "disadvantaged would catch up.",
        "whom": "disadvantaged", "group": "FSM6CLA1A", "grant": "200000", "over": "",
        "outcomes": "rwm_expected.disadvantaged, rwm_expected, rwm_expected.gap, "
                    "reading_progress, maths_progress",
    },
    "send-in-mainstream": {
        "title": "SEND in mainstream",
        "summary": "Schools had training, a coach and reviews for their Year 6 pupils with SEN "
                   "Support.",
        "whom": "sen_support", "group": "SENK", "grant": "200000", "over": "",
        "outcomes": "rwm_expected, reading_progress, writing_progress, maths_progress",
    },
}  # fmt: skip

NOTE = "Invented, like every school in it. Written by `pepstats invent`."

_OCTOBER = """# {note}
# October: the city's own provisional results, and England's headline, are all there is of {year}.
title: {title}
meeting:
  body: Education Advisory Board
  date: {october}
  report_from: Director of Children's Services, Fablemouth (invented)
  report_by: Head of School Improvement, Fablemouth (invented)
authority: {city}
year: {year}
edition: public
invented: true
planted:                    # what {each} really added; the paper's last page alone reads it
{planted}
actions:                    # what the last meeting asked for, and where this paper answers it
{actions}disclosure: {{safe_threshold: 3}}
formats: [word, workbook]
sources:
{sources}
programmes: [{programmes}]
"""

_DECEMBER = """# {note}
# December: the same report with every school's results of {year}. All else is as it was in October.
revises: autumn-{year}
title: {title}, as revised in December
meeting:
  body: Education Advisory Board
  date: {december}
  report_from: Director of Children's Services, Fablemouth (invented)
  report_by: Head of School Improvement, Fablemouth (invented)
sources:
{sources}
"""

_REPORT = {
    "title": "Evaluation of the Partnership's two programmes, autumn 2018",
    "october": "2018-10-02",
    "december": "2018-12-18",
    "each": "each programme",
    "actions": """\
  - asked: A summary of the evaluations of the two programmes, to judge the impact on outcomes
    by: A member of the Board (invented)
    answer: Section 2 has the finding for each programme. The rest is under each programme.
  - asked: Case studies of specific schools
    by: Head of School Improvement, Fablemouth (invented)
    answer: Three for each programme, chosen by a rule, are in the appendices.
  - asked: What schools say of the impact of the support they had
    by: A councillor (invented)
    answer: All schools in both programmes were asked. Answers are counted, and some are quoted.
""",
}

DFE = "the Department for Education"
GIAS = "the Department's register, Get Information about Schools"
TRUTH_PLACES = 6  # decimals; further ones differ between processors


@dataclass(frozen=True)
class DataFile:
    """One invented file: where it lies, what it holds, who publishes the like, and its bytes.

    `kind` (empty where no report reads it), `year` and `release` are as a report lists it.
    """

    name: str
    what: str
    publisher: str
    content: bytes
    kind: str = ""
    year: int | None = None
    release: str = ""

    @property
    def line(self) -> str:
        """The file as a line among a report's sources."""
        said = {"kind": self.kind, "year": self.year, "release": self.release}
        listed = ", ".join(f"{key}: {value}" for key, value in said.items() if value)
        digest = hashlib.sha256(self.content).hexdigest()
        return f"  - {{{listed}, file: invented/{self.name},\n     sha256: {digest}}}"


def lay_out_england(england: England) -> dict[str, bytes]:
    """Lay an invented England out as files, by their names in a data folder."""
    files = [*_list_results(england), *_list_registers(england), *_list_autumn(england)]
    late = [f for f in files if f.kind in ("ks2", "la_series") and (f.year or 0) >= STARTS]
    earlier = [file for file in files if file.kind and file not in late]
    # As a report lists them: results, what the city holds itself, and then all else.
    earlier.sort(key=lambda file: ("ks2", "local_results", "national", file.kind).index(file.kind))
    december = [file for file in late if file.year == STARTS]
    return {
        **_lay_out_files(england, files, ABOUT),
        **_write_reports(england, _REPORT, (earlier, december), SHOWN),
        **_write_programmes(england, _PROGRAMMES, england.seed),
    }


def _lay_out_files(
    england: England, files: Sequence[DataFile], about: str, place: str = ""
) -> dict[str, bytes]:
    """Lay files out by their names in a data folder, with the truth and a page about them."""
    listed = "\n".join(f"| `{file.name}` | {file.what} | {file.publisher} |" for file in files)
    page = about.format(files=listed, seed=england.seed, effect=england.effect)
    return {
        **{f"invented/{file.name}": file.content for file in files},
        f"invented/{place}truth.csv": tell_truth(england),
        f"invented/{place}README.md": page.replace(f"`{place}", "`").encode(),
    }


def _write_reports(
    england: England, words: Mapping[str, str],
    files: tuple[Sequence[DataFile], Sequence[DataFile]], outcomes: Sequence[str],
) -> dict[str, bytes]:  # fmt: skip
    """Write October's report, and December's that revises it, each with its `files`."""
    year = england.starts
    told = {
        **words, "note": NOTE, "city": CITY, "year": year,
        "planted": tell_planted(england, outcomes), "programmes": ", ".join(england.planted),
    }  # fmt: skip
    october, december = ("\n".join(file.line for file in part) for part in files)
    return {
        f"reports/autumn-{year}.yml": _OCTOBER.format(**told, sources=october).encode(),
        f"reports/autumn-{year}-revised.yml": _DECEMBER.format(**told, sources=december).encode(),
    }


def _write_programmes(
    england: England, words: Mapping[str, Mapping[str, str]], seed: int
) -> dict[str, bytes]:
    """Write each programme as the YAML a study keeps it in."""
    texts = {}
    for slug, own in words.items():
        members = england.members[england.members["programme"] == slug]
        counts = england.results(england.years[-1]).count(own["group"])
        helped = int(counts[members["school"].to_numpy()].sum())
        lines = [
            f'  - {{urn: {m.urn}, joined: "{m.joined}", dose: {m.dose:g}, basis: {m.basis}}}'
            for m in members.sort_values("urn").itertuples()
        ]
        baseline = f"{england.starts - 2}, {england.starts - 1}"
        texts[f"programmes/{slug}.yml"] = _PROGRAMME.format(
            note=NOTE, starts=england.starts, baseline=baseline, members="\n".join(lines),
            pupils=helped or "null", seed=seed, **own,
        ).encode()  # fmt: skip
    return texts


def write_all(contents: Mapping[str, bytes], folder: Path) -> list[Path]:
    """Write files by their names in a data folder, over no other; return them in their order."""
    paths = [Path(folder) / name for name in contents]
    other = [
        path
        for path in paths
        if path.exists() and path.read_bytes() != contents[path.relative_to(folder).as_posix()]
    ]
    if other:
        more = f" and {len(other) - 1} more" if len(other) > 1 else ""
        raise DesignError(
            f"{other[0]}{more}: there already, with other content, and not written over. Name an "
            "empty folder."
        )
    for path, content in zip(paths, contents.values(), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return paths


def _list_results(england: England) -> list[DataFile]:
    """List each year's key stage 2 results."""
    return [
        _list_key_stage_2(england, "ks2/", year, "final" if year < STARTS else "revised")
        for year in england.years
    ]


def _list_key_stage_2(england: England, place: str, year: int, release: str) -> DataFile:
    """Return a year's key stage 2 results in the wide layout."""
    what = "key stage 2 results, all schools, with the authorities' and England's rows"
    name = f"{place}{year - 1}-{year}_england_ks2final.csv"
    return DataFile(name, what, DFE, key_stage_2(england, year), "ks2", year, release)


def _list_own(england: England, place: str) -> list[DataFile]:
    """List what is known in September of the year's results: the city's own, and the headlines."""
    year = england.starts
    return [
        DataFile(f"{place}{year}-09_local_results.csv",
                 f"the city's own results in September {year}, provisional", "an authority",
                 to_csv(other_files.local_results(england, year), "utf-8"),
                 "local_results", year, "provisional"),
        DataFile(f"{place}{year}-09_national.csv", "the national headlines as first published",
                 DFE, to_csv(other_files.national_headlines(england, year), "utf-8"),
                 "national", year, "provisional"),
    ]  # fmt: skip


def _list_statements(england: England, place: str) -> DataFile:
    """Return what the schools say."""
    what = "what the schools say, as the city collected it"
    content = to_csv(statements(england), "utf-8")
    return DataFile(f"{place}statements.csv", what, "an authority", content, "statements")


def _list_series(england: England, name: str, years: Sequence[int]) -> DataFile:
    """Return the long series by authority, of some years."""
    content = to_csv(other_files.authority_series(england, years), "utf-8")
    what = "series by authority: all, and England"
    return DataFile(f"{name}.csv", what, DFE, content, "la_series", years[-1])


def _list_registers(england: England) -> list[DataFile]:
    """List what says which schools there are."""
    return [
        DataFile("england/2017-2018_england_spine.csv", "the register of schools behind the tables",
              DFE, _spine(england), "register", STARTS),
        DataFile("gias/links_edubasealldata.csv", "which URN became which",
              GIAS, to_csv(england.world.links, "cp1252"), "links"),
        DataFile("gias/grouplinks_edubaseallacademiesandfree20190601.csv",
              "which academy is in which trust", GIAS,
              _quoted(other_files.trusts(england)), "trusts"),
    ]  # fmt: skip


def _list_autumn(england: England) -> list[DataFile]:
    """List what else is known in the autumn of 2018, and a year later of the secondaries."""
    what = "key stage 4 results as first published in October"
    earlier = [year for year in england.years if year < STARTS]
    return [
        DataFile("england/2017-2018_england_census.csv", "the January school census",
                 DFE, to_csv(other_files.census(england)), "census", STARTS),
        DataFile("england/2017-2018_england_abs.csv", "absence in the school year",
                 DFE, to_csv(other_files.absence(england)), "absence", STARTS),
        DataFile("england/2018-07-31_ofsted-schools.csv", "each school's latest inspection, as CSV",
                 "Ofsted", to_csv(other_files.inspections(england)), "ofsted", STARTS),
        _list_series(england, "la/lait_long_ks2", earlier),
        _list_series(england, f"la/lait_long_ks2_{STARTS}", [STARTS]),
        *_list_own(england, "local/"),
        _list_statements(england, "local/"),
        *(DataFile(f"ks4/{year - 1}-{year}_england_ks4provisional.csv", what, DFE,
                   to_csv(other_files.key_stage_4(england, year)))
          for year in other_files.YEARS),
    ]  # fmt: skip


SHOWN = (
    "rwm_expected.disadvantaged", "rwm_expected", "rwm_expected.gap", "reading_progress",
    "writing_progress", "maths_progress",
)  # fmt: skip


def tell_planted(england: England, shown: Sequence[str]) -> str:
    """Write what the programmes added to each one's schools in the first year."""
    truth = planted_effects(england).query(f"year == {england.starts}")
    wide = truth.pivot(index="programme", columns="outcome", values="with_overlap")
    wide["rwm_expected.gap"] = wide["rwm_expected.disadvantaged"] - wide["rwm_expected.other"]
    wide = wide[list(shown)].apply(half_up, places=2) + 0.0
    return "\n".join(
        f"  {slug}: {{{', '.join(f'{name}: {value:g}' for name, value in own.items())}}}"
        for slug, own in wide.iterrows()
    )


def tell_truth(england: England) -> bytes:
    """Write what programmes added, to the decimals that are the same on every processor."""
    truth = planted_effects(england)
    numbers = ["planted", "with_overlap"]
    truth[numbers] = half_up(truth[numbers].to_numpy(), TRUTH_PLACES)
    return to_csv(truth, "utf-8")


def to_csv(frame: pd.DataFrame, encoding: str = "utf-8-sig") -> bytes:
    """Write a table: comma separated, quoted only where needed, missing left empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(frame.columns)
    writer.writerows(frame.astype(object).where(frame.notna(), "").to_numpy().tolist())
    return out.getvalue().encode(encoding, errors="replace")


def _quoted(rows: list[list[str]]) -> bytes:
    """Write rows with every cell in quotation marks, as the trusts' file has them."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    return out.getvalue().encode("cp1252", errors="replace")


def _spine(england: England) -> bytes:
    """Write the register behind the tables: every URN open since 2015, old and new."""
    table = england.world.establishments.reset_index(drop=True)
    of = england.world.schools.loc[table["school"]].reset_index(drop=True)
    kind, code = of["kind"], table["nftype"]
    before, after = (table.groupby("school")["urn"].shift(step) for step in (1, -1))
    columns = {
        "URN": table["urn"],
        "LA": of["la"],
        "ESTAB": table["estab"],
        "LAESTAB": of["la"] * 10_000 + table["estab"],
        "SCHNAME": table["name"],
        "ICLOSE": np.where(table["closed"].notna(), 2, 1),
        "OPENDATE": table["opened"].dt.strftime("%Y-%m-%d"),
        "CLOSEDATE": table["closed"].dt.strftime("%Y-%m-%d"),
        "ISNEW": before.notna().astype(int),
        "MINORGROUP": code.map({name: words[1] for name, words in GOVERNANCE.items()}),
        "NFTYPE": code.map({name: words[0] for name, words in GOVERNANCE.items()}),
        "ISPRIMARY": (~kind.isin(["secondary", "special"])).astype(int),
        "ISSECONDARY": kind.isin(["secondary", "all-through", "independent"]).astype(int),
        "ISPOST16": kind.isin(["all-through", "independent"]).astype(int),
        "AGEL": of["low_age"],
        "AGEH": of["high_age"],
        "RELDENOM": of["faith"],
        "OTHERURN": before.fillna(after).astype("Int64"),
    }
    return to_csv(pd.DataFrame(columns).sort_values("URN"))


_TODAY = "today/"
"""Where the files of 2023 to 2025 lie: a folder of their own, so that none of the others moves."""

SHOWN_TODAY = (
    "rwm_expected", "rwm_expected.disadvantaged", "reading_expected", "writing_expected",
    "maths_expected",
)  # fmt: skip

_ABOUT_TODAY = """# An invented England, 2022/23 to 2024/25

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

_PROGRAMMES_TODAY = {
    "stuck-schools": {
        "title": "Support for stuck schools",
        "summary": """\
A lead school helped each school with coaching and reviews of its Year 6 pupils. Schools
  that Ofsted had found below Good at two inspections running, called stuck, were chosen first.""",
        "whom": "all", "group": "all", "grant": "900000", "over": ", years: 2",
        "outcomes": ", ".join(SHOWN_TODAY),
    },
}  # fmt: skip

_REPORT_TODAY = {
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
        **_lay_out_files(england, [*october, *december], _ABOUT_TODAY, _TODAY),
        **_write_reports(england, _REPORT_TODAY, (october, december), SHOWN_TODAY),
        **_write_programmes(england, _PROGRAMMES_TODAY, seed=20250708),
    }


def _list_october(england: England) -> list[DataFile]:
    """List what is known in October 2025."""
    first, second, now = england.years
    return [
        *(_list_key_stage_2(england, _TODAY, year, "final") for year in (first, second)),
        *_list_own(england, _TODAY),
        DataFile(f"{_TODAY}edubasealldata{now}0930.csv", "the full extract of the register",
                 GIAS, to_csv(today.register_of_today(england), "cp1252"), "register", now),
        DataFile(f"{_TODAY}links_edubasealldata{now}0930.csv", "which URN became which",
                 GIAS, to_csv(england.world.links, "cp1252"), "links"),
        DataFile(f"{_TODAY}{first}{second % 100}_absence_school.csv",
                 "absence by school, a long file", DFE,
                 to_csv(today.long_absence(england, second), "utf-8"), "absence", second, "final"),
        DataFile(f"{_TODAY}{second}-08-31_ofsted_mi.csv",
                 "each school's latest inspection with a single grade, and the one before",
                 "Ofsted", to_csv(today.inspections_with_grades(england)), "ofsted", second),
        DataFile(f"{_TODAY}{now}-09-30_ofsted_mi.csv",
                 "each school's latest inspections, since single grades ended", "Ofsted",
                 to_csv(today.inspections_of_today(england, f"{now}-09-30")), "ofsted", now),
        _list_series(england, f"{_TODAY}lait_long_ks2", [first, second]),
        _list_statements(england, _TODAY),
    ]  # fmt: skip


def _list_december(england: England) -> list[DataFile]:
    """List what is published by December 2025, in the place of October's of the same kind."""
    now = england.years[-1]
    return [
        DataFile(f"{_TODAY}{now - 1}{now % 100}_ks2_school_attainment_data.csv",
                 "key stage 2 attainment by school, a long file", DFE,
                 to_csv(today.long_attainment(england, now), "utf-8"), "ks2", now, "revised"),
        DataFile(f"{_TODAY}{now - 1}{now % 100}_ks2_school_information_data.csv",
                 "the pupils behind it by school, a long file", DFE,
                 to_csv(today.long_information(england, now), "utf-8"), "ks2", now, "revised"),
        DataFile(f"{_TODAY}{now}-11-30_ofsted_mi.csv",
                 "each school's latest inspections, the first report cards included", "Ofsted",
                 to_csv(today.inspections_of_today(england, f"{now}-11-30")), "ofsted", now),
        _list_series(england, f"{_TODAY}lait_long_ks2_{now}", [now]),
    ]  # fmt: skip
