"""The invented England of today: the same schools six years on, in the layouts of today.

No pupil sat a test in 2020 and 2021 and nothing was published by school in 2022, so none of these
years is made. Schools keep what was lasting about them; what passes had gone by 2023. Published are
long files by school, the full extract of the register, and Ofsted's management information before
and after the end of single grades: each has a part of the published columns, in their order.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from pepstats.invented.england import MEMBERS, England, enrol, pick_urn, plant_effects, rank_at_home
from pepstats.invented.other_files import circumstances, name_phases, name_trust, open_on
from pepstats.invented.pupils import (
    EVERY_YEAR,
    PLANTED_TODAY,
    STARTS_TODAY,
    TODAY,
    Pupils,
    generator,
)
from pepstats.invented.results import Published
from pepstats.invented.world import convert_later, listing

LAST_GRADES = "2024-08-31"
"""Until then an inspection gave one grade for the whole school."""

LATEST_VISIT, LATEST_CARD = "2025-07-20", "2025-11-27"
STUCK, LOWER, KNOWN = (
    "found below Good twice running by 31 August 2024",
    "lower attaining in 2022/23 and 2023/24",
    "local knowledge",
)
"""Why a school was picked for today's programme."""


def continue_england(england: England) -> England:
    """Return the same England in 2023 to 2025, with a programme of 18 schools from 2024/25.

    More schools have become academies. `england` must be as `build_england` makes it.
    """
    seed = england.seed
    later = replace(
        england, world=convert_later(england.world, generator(seed, "conversions since 2019")),
        starts=STARTS_TODAY, planted=PLANTED_TODAY, years=TODAY, _results={},
    )  # fmt: skip
    pupils = enrol(later.world, later.intake, TODAY, seed)
    members = _pick_members(later, pupils, generator(seed, "members of today"))
    return plant_effects(replace(later, members=members), pupils)


def inspect_schools(england: England) -> pd.DataFrame:
    """Return what inspectors found of every school, by row of `world.schools`.

    Columns: `before` and `grade`, the last two graded inspections with an overall grade (1 to 4)
    up to 31 August 2024, and their days `day_before` and `day`; `since`, the day of a graded
    inspection after that, which gave no overall grade; `card`, the day of a report card;
    `ungraded`, the day of an ungraded inspection; each missing where there was none. `quality` of
    education and `leadership` are what is graded apart then.
    """
    schools, intake = england.world.schools, england.intake
    rng = generator(england.seed, "inspections of today")
    n, known = len(schools), len(intake.size)
    like = rng.integers(0, int((~intake.special).sum()), n - known)
    years = [EVERY_YEAR.index(year) for year in (2019, 2023)]
    lasting = intake.effect[:, years, :3].mean(axis=(1, 2)) - 1.5 * intake.disadvantaged
    lasting = np.concatenate([lasting, lasting[like]])
    lasting += np.where(schools["kind"] == "special", 4.5, 0.0) + rng.standard_normal(n)
    found = pd.DataFrame(index=schools.index)
    for name, cuts in (("before", (0.03, 0.15, 0.82)), ("grade", (0.02, 0.10, 0.85))):
        rank = pd.Series(lasting + 1.6 * rng.standard_normal(n)).rank(pct=True, method="first")
        found[name] = np.select([rank <= cut for cut in cuts], [4, 3, 2], 1)
    last = pd.Timestamp(LAST_GRADES) - pd.Timedelta(days=40)
    longest = np.where(found["grade"] == 2, 1400, np.where(found["grade"] == 1, 2400, 800))
    ago = np.round(rng.random(n) * longest).astype(int)
    found["day"] = last - pd.to_timedelta(ago, unit="D")
    found["day_before"] = found["day"] - pd.to_timedelta(rng.integers(700, 1600, n), unit="D")
    for name, share, end, span in (
        ("since", 0.2, LATEST_VISIT, 300), ("card", 0.03, LATEST_CARD, 16),
        ("ungraded", 0.45, LATEST_VISIT, 900),
    ):  # fmt: skip
        day = pd.Timestamp(end) - pd.to_timedelta(rng.integers(0, span, n), unit="D")
        found[name] = pd.Series(day, index=found.index).where(rng.random(n) < share)
    # Only a good school is visited without grades, and not before the grade it was found to keep.
    early = (found["grade"] > 2) | (found["ungraded"] < found["day"] + pd.Timedelta(days=365))
    found["ungraded"] = found["ungraded"].mask(early | found["since"].notna())
    found["quality"] = np.clip(found["grade"] + rng.integers(-1, 2, n), 1, 4)
    found["leadership"] = np.clip(found["quality"] - rng.integers(0, 2, n), 1, 4)
    return found


def find_stuck(found: pd.DataFrame) -> pd.Series:
    """Return which schools were stuck: below Good at the latest two inspections with a grade."""
    return (found["grade"] > 2) & (found["before"] > 2)


def _pick_members(
    england: England, pupils: dict[int, Pupils], rng: np.random.Generator
) -> pd.DataFrame:
    """Pick the city's stuck schools, then lower attaining ones, then some known to want it."""
    order = rank_at_home(england.world, pupils, TODAY[:2])
    stuck = find_stuck(inspect_schools(england)).to_numpy()
    first = [school for school in order.tolist() if stuck[school]][:MEMBERS]
    lower, upper = np.array_split(order, 2)
    others = rng.permutation(np.setdiff1d(lower, first))[: max(MEMBERS - 5 - len(first), 0)]
    rest = rng.permutation(np.setdiff1d(upper, first))
    known = rest[: MEMBERS - len(first) - len(others)]
    why = {**dict.fromkeys(known.tolist(), KNOWN), **dict.fromkeys(others.tolist(), LOWER),
           **dict.fromkeys(first, STUCK)}  # fmt: skip
    rows = [
        (slug, school, pick_urn(england.world, school, "2025-06-30", rng), "2024-09",
         float(rng.integers(8, 25)), why[school])
        for slug in PLANTED_TODAY for school in sorted(why)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["programme", "school", "urn", "joined", "dose", "basis"])


def _identify(england: England, listed: pd.DataFrame, year: int, version: str) -> pd.DataFrame:
    """Return the first columns of a long file: which school, year and release a row is of."""
    names = england.world.authorities.set_index("la")["name"]
    la = england.world.schools["la"].reindex(listed["school"]).to_numpy()
    return pd.DataFrame({
        "time_period": f"{year - 1}{year % 100}", "time_identifier": "Academic year",
        "geographic_level": "School", "country_code": "E92000001", "country_name": "England",
        "old_la_code": la, "la_name": names[la].to_numpy(), "version": version,
        "school_urn": listed["urn"].to_numpy(),
        "school_laestab": la * 10_000 + listed["estab"].to_numpy(),
        "school_name": listed["name"].to_numpy(),
    })  # fmt: skip


def _listed_with_pupils(england: England, year: int) -> pd.DataFrame:
    """List the schools with pupils at the end of key stage 2, in the order of the files."""
    listed = listing(england.world, year)
    listed = listed[~listed["again"]]
    there = england.results(year).count("all")[listed["school"].to_numpy()] > 0
    return listed[there].sort_values("urn", ignore_index=True)


_SUBJECTS = (("Reading, writing and maths", "RWM"), ("Reading", "READ"), ("Writing", "WRITTA"),
             ("Maths", "MAT"))  # fmt: skip
_BREAKDOWNS = (("All pupils", "Total", ""), ("Disadvantaged status", "Disadvantaged", "FSM6CLA1A"),
               ("Disadvantaged status", "Not disadvantaged", "NotFSM6CLA1A"))  # fmt: skip


def long_attainment(england: England, year: int) -> pd.DataFrame:
    """Return key stage 2 attainment by school as explore education statistics has it.

    One row per school, breakdown and subject; `c` for suppressed, `z` for not applicable, `low`
    for a share that rounds to nothing and is not.
    """
    listed = _listed_with_pupils(england, year)
    place, results = listed["school"].to_numpy(), england.results(year)
    rows = _identify(england, listed, year, "Revised")
    parts = []
    for topic, breakdown, group in _BREAKDOWNS:
        for subject, stem in _SUBJECTS if not group else _SUBJECTS[:1]:
            ending = f"_{group}" if group else ""
            expected, higher = (
                _share_text(results, f"PT{stem}_{what}{ending}", place) for what in ("EXP", "HIGH")
            )
            score = results.column(f"{stem}_AVERAGE") if stem in ("READ", "MAT") else None
            parts.append(rows.assign(
                breakdown_topic=topic, breakdown=breakdown, subject=subject,
                expected_standard_pupil_percent=expected, higher_standard_pupil_percent=higher,
                average_scaled_score="z" if score is None else _figures(score.value[place]),
                progress_measure_score="z",
            ))  # fmt: skip
    table = pd.concat(parts)
    return table.sort_values("school_urn", kind="stable", ignore_index=True)


def _share_text(results: Published, name: str, place: np.ndarray) -> np.ndarray:
    """Write a percentage as the long files do."""
    column = results.column(name)
    test, standard, *group = name.removeprefix("PT").split("_")
    some = results.count(f"{group[0] if group else 'all'}&{test}_{standard}")[place] > 0
    text = _figures(column.value[place])
    return np.where((text == "0") & some, "low", text)


def _figures(value: np.ndarray) -> np.ndarray:
    return np.array(["c" if np.isnan(v) else f"{v:.0f}" for v in value.tolist()], dtype=object)


_PUPILS = ("TELIG", "BELIG", "GELIG", "TFSM6CLA1A", "PTFSM6CLA1A", "TNotFSM6CLA1A",
           "PTNotFSM6CLA1A", "PTEALGRP2", "PTMOBN", "PSENELE", "PSENELK")  # fmt: skip


def long_information(england: England, year: int) -> pd.DataFrame:
    """Return the pupils behind the results, by school: the long file that stands beside them."""
    listed = _listed_with_pupils(england, year)
    place, results = listed["school"].to_numpy(), england.results(year)
    figures = {name.lower(): _figures(results.column(name).value[place]) for name in _PUPILS}
    return _identify(england, listed, year, "Revised").assign(**figures)


_PHASE = {"secondary": "State-funded secondary", "all-through": "State-funded secondary",
          "special": "Special"}  # fmt: skip


def long_absence(england: England, year: int) -> pd.DataFrame:
    """Return the absence of a school year by school."""
    rng = generator(england.seed, "absence of today", year)
    listed = open_on(england, f"{year}-01-16")
    listed = listed[listed["kind"] != "independent"].sort_values("urn", ignore_index=True)
    own = circumstances(england).loc[listed["school"]].reset_index(drop=True)
    # Since the pandemic a pupil in five is absent one day in ten; before it was one in twelve.
    overall = 1.35 * own["absence"] + 0.25 * rng.standard_normal(len(own))
    often = 2.3 * own["often"] + rng.standard_normal(len(own))
    few = (own["roll"] < 20).to_numpy()
    figures = {
        "education_phase": listed["kind"].map(_PHASE).fillna("State-funded primary").to_numpy(),
        "enrolments": own["roll"].to_numpy(),
    }
    for name, value in (("sess_overall_percent", overall),
                        ("enrolments_pa_10_exact_percent", often)):  # fmt: skip
        text = [f"{v:.4f}" for v in value.clip(lower=0.3)]
        figures[name] = np.where(few, "c", text)
    return _identify(england, listed, year, "Final").assign(**figures)


_TYPES = {
    # what today's register calls the codes of the key stage 2 file: type, and group of types
    "CY": ("01", "Community school", "Local authority maintained schools"),
    "VA": ("02", "Voluntary aided school", "Local authority maintained schools"),
    "VC": ("03", "Voluntary controlled school", "Local authority maintained schools"),
    "FD": ("05", "Foundation school", "Local authority maintained schools"),
    "ACC": ("34", "Academy converter", "Academies"),
    "AC": ("28", "Academy sponsor led", "Academies"),
    "F": ("35", "Free schools", "Free Schools"),
    "CYS": ("07", "Community special school", "Special schools"),
    "ACCS": ("44", "Academy special converter", "Academies"),
    "NMSS": ("08", "Non-maintained special school", "Special schools"),
    "IND": ("11", "Other independent school", "Independent schools"),
}
_PHASES = {"secondary": ("4", "Secondary"), "all-through": ("7", "All-through"),
           "middle": ("3", "Middle deemed primary"), "special": ("0", "Not applicable"),
           "independent": ("0", "Not applicable")}  # fmt: skip


def register_of_today(england: England) -> pd.DataFrame:
    """Return the full extract of the register: every establishment, open or closed."""
    table = england.world.establishments.sort_values("urn", ignore_index=True)
    of = england.world.schools.loc[table["school"]].reset_index(drop=True)
    names = england.world.authorities.set_index("la")
    kinds = [_TYPES[code] for code in table["nftype"]]
    phases = [_PHASES.get(kind, ("2", "Primary")) for kind in of["kind"]]
    closed = table["closed"].notna()
    trusts = [
        name_trust(school, name, names.loc[la, "places"])[0] if group == "Academies" else ""
        for school, name, la, (_, _, group) in zip(
            table["school"], table["name"], of["la"], kinds, strict=True)
    ]  # fmt: skip
    roll = circumstances(england)["roll"].reindex(table["school"]).to_numpy()
    return pd.DataFrame({
        "URN": table["urn"],
        "LA (code)": of["la"],
        "LA (name)": names.loc[of["la"], "name"].to_numpy(),
        "EstablishmentNumber": table["estab"],
        "EstablishmentName": table["name"],
        "TypeOfEstablishment (code)": [code for code, _, _ in kinds],
        "TypeOfEstablishment (name)": [name for _, name, _ in kinds],
        "EstablishmentTypeGroup (name)": [group for _, _, group in kinds],
        "EstablishmentStatus (code)": np.where(closed, "2", "1"),
        "EstablishmentStatus (name)": np.where(closed, "Closed", "Open"),
        "OpenDate": table["opened"].dt.strftime("%d-%m-%Y"),
        "CloseDate": table["closed"].dt.strftime("%d-%m-%Y"),
        "PhaseOfEducation (code)": [code for code, _ in phases],
        "PhaseOfEducation (name)": [name for _, name in phases],
        "StatutoryLowAge": of["low_age"],
        "StatutoryHighAge": of["high_age"],
        "ReligiousCharacter (name)": of["faith"],
        "NumberOfPupils": np.where(closed, "", roll.astype(str)),
        "Trusts (name)": trusts,
    })  # fmt: skip


def _inspected(england: England, day: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the schools that inspectors visit, as Ofsted names them, and what they found."""
    listed = open_on(england, day)
    listed = listed[listed["kind"] != "independent"].sort_values("urn", ignore_index=True)
    names = england.world.authorities.set_index("la")["name"]
    frame = pd.DataFrame({
        "URN": listed["urn"], "LAESTAB": listed["la"] * 10_000 + listed["estab"],
        "School name": listed["name"], "Ofsted phase": name_phases(listed["kind"]),
        "Local authority": names[listed["la"]].to_numpy(),
    })  # fmt: skip
    found = inspect_schools(england).loc[listed["school"]].reset_index(drop=True)
    return frame, found


def inspections_with_grades(england: England) -> pd.DataFrame:
    """Return Ofsted's list at 31 August 2024, the last one with single grades, and those before."""
    frame, found = _inspected(england, LAST_GRADES)
    return frame.assign(**{
        "Inspection start date": _days(found["day"]),
        "Publication date": _days(found["day"] + pd.Timedelta(days=30)),
        "Overall effectiveness": found["grade"],
        "Previous inspection start date": _days(found["day_before"]),
        "Previous full inspection overall effectiveness": found["before"],
    })  # fmt: skip


_ON_CARD = {
    "Inclusion": "quality", "Curriculum and teaching": "quality", "Achievement": "quality",
    "Leadership and governance": "leadership",
}  # fmt: skip
"""What a report card grades, and which of what inspectors found it goes by."""

_CARD_WORDS = ("Strong standard", "Expected standard", "Needs attention", "Urgent improvement")


def inspections_of_today(england: England, day: str) -> pd.DataFrame:
    """Return Ofsted's list at a day since single grades ended, report cards up to it included."""
    frame, found = _inspected(england, day)
    since, card = found["since"].notna(), found["card"] <= day
    latest = found["day"].mask(since, found["since"])
    grade = found["grade"].astype(str).mask(since, "Not judged")
    parts = {
        one: found["grade"].mask(since, found[one]).to_numpy() for one in ("quality", "leadership")
    }
    columns = {
        "Inspection start date": _days(found["card"].where(card)),
        "Publication date": _days((found["card"] + pd.Timedelta(days=1)).where(card)),
        "Safeguarding standards": np.where(card, "Met", "NULL"),
    }
    for name, one in _ON_CARD.items():
        columns[name] = np.where(card, np.array(_CARD_WORDS)[found[one].to_numpy() - 1], "NULL")
    columns |= {
        "Inspection start date of latest OEIF graded inspection": _days(latest),
        "Publication date of latest OEIF graded inspection": _days(
            latest + pd.Timedelta(days=30)),
        "Latest OEIF overall effectiveness": grade,
        "Latest OEIF quality of education": parts["quality"],
        "Latest OEIF effectiveness of leadership and management": parts["leadership"],
        "Date of latest ungraded inspection": _days(found["ungraded"]),
        "Ungraded inspection overall outcome": np.select(
            [found["ungraded"].isna(), found["ungraded"] > LAST_GRADES, found["grade"] == 1],
            ["NULL", "Standards maintained", "School remains Outstanding"], "School remains Good"),
    }  # fmt: skip
    return frame.assign(**columns)


def _days(day: pd.Series) -> pd.Series:
    return day.dt.strftime("%d/%m/%Y").fillna("NULL")
