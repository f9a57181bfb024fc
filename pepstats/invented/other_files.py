"""The invented England's other files: schools, key stage 4, and what the city holds itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd

from pepstats.invented.england import England
from pepstats.invented.pupils import LAST_WITH_START, Pupils, generator
from pepstats.invented.results import Published, half_up
from pepstats.invented.world import CITY, GOVERNANCE, listing

_CENSUS_DAY, _INSPECTIONS_UNTIL = "2018-01-18", "2018-07-31"

_TYPE = {"primary": "State-funded primary", "secondary": "State-funded secondary",
         "special": "State-funded special school", "independent": "Independent school"}  # fmt: skip


def open_on(england: England, day: str) -> pd.DataFrame:
    """List the URNs open on a day, with what is known of their schools."""
    table = england.world.establishments
    there = ~(table["opened"] > day) & ~(table["closed"] < day)
    return table[there].join(england.world.schools.drop(columns="name"), on="school")


def circumstances(england: England) -> pd.DataFrame:
    """Return every school's roll, disadvantage, need, absence and quality, by row of its schools.

    Schools with results have those of their pupils; the others are drawn like them.
    """
    schools, intake = england.world.schools, england.intake
    rng = generator(england.seed, "circumstances")
    n, known = len(schools), len(intake.size)
    others = n - known
    like = rng.integers(0, int((~intake.special).sum()), others)

    def every(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values, values[like]])

    years = (schools["high_age"] - schools["low_age"]).to_numpy()
    secondary, special = (schools["kind"] == kind for kind in ("secondary", "special"))
    large = 165 + 60 * rng.standard_normal(n)
    size = np.maximum(np.where(secondary, large, every(intake.size)), 8)
    poverty = every(intake.disadvantaged)
    usual = poverty.mean()
    lasting = every(intake.effect[:, :3, :3].mean(axis=(1, 2)))
    late = np.where(secondary, 1.4, 0.0) + np.where(special, 5.0, 0.0)
    absence = 3.05 + 3.4 * poverty - 0.16 * lasting + late + 0.62 * rng.standard_normal(n)
    absence = np.maximum(absence, 0.8)
    often = 2.0 * absence + 0.25 + 1.6 * rng.standard_normal(n)
    quality = lasting + np.where(special, 4.5, 0.0) - 1.5 * poverty + 1.5 * rng.standard_normal(n)
    columns = {
        "roll": np.round(size * years * rng.uniform(0.88, 1.0, n)).astype(int),
        "poor": np.clip(0.78 * (usual + 1.2 * (poverty - usual)), 0.005, 1),
        "eal": every(intake.eal),
        "sen": np.where(special, 0.015, every(intake.sen) * 0.9),
        "plan": np.where(special, 0.985, 0.016),
        "absence": absence,
        "often": np.maximum(often, 0.2),
        "quality": quality,
    }
    return pd.DataFrame(columns, index=schools.index)


def census(england: England) -> pd.DataFrame:
    """Return the school census of January 2018, schools and the three national rows."""
    rng = generator(england.seed, "census", 2018)
    listed = open_on(england, _CENSUS_DAY).join(circumstances(england), on="school")
    listed = listed.sort_values(["la", "estab", "urn"]).reset_index(drop=True)
    roll = listed["roll"].to_numpy()
    counts = {"NOR": roll, "NORG": rng.binomial(roll, 0.49)}
    counts["NORB"] = roll - counts["NORG"]
    for name, share in (("TSENELSE", "plan"), ("TSENELK", "sen"), ("NUMEAL", "eal")):
        counts[name] = rng.binomial(roll, listed[share].to_numpy())
    counts["NUMUNCFL"] = np.minimum(rng.binomial(roll, 0.002), roll - counts["NUMEAL"])
    counts["NUMENGFL"] = roll - counts["NUMEAL"] - counts["NUMUNCFL"]
    counts["NUMFSMEVER"] = rng.binomial(roll, listed["poor"].to_numpy())
    counts["NUMFSM"] = rng.binomial(counts["NUMFSMEVER"], 0.62)
    kind = listed["kind"].replace({"junior": "primary", "infant": "primary", "middle": "primary",
                                   "all-through": "secondary"})  # fmt: skip
    frame = pd.DataFrame({"URN": listed["urn"].astype(str), "LA": listed["la"].astype(str),
                          "ESTAB": listed["estab"].astype(str), "SCHOOLTYPE": kind.map(_TYPE),
                          **counts})  # fmt: skip
    national = (
        frame[kind != "independent"].groupby("SCHOOLTYPE", as_index=False)[list(counts)].sum()
    )
    short = {"State-funded primary": "PRI", "State-funded secondary": "SEC",
             "State-funded special school": "SPE"}  # fmt: skip
    national = national.assign(URN="NAT", LA="", ESTAB=national["SCHOOLTYPE"].map(short))
    frame = pd.concat([frame, national], ignore_index=True)
    for part, whole in (("NORG", "PNORG"), ("NORB", "PNORB"), ("TSENELSE", "PSENELSE"),
                        ("TSENELK", "PSENELK"), ("NUMEAL", "PNUMEAL"), ("NUMENGFL", "PNUMENGFL"),
                        ("NUMUNCFL", "PNUMUNCFL"), ("NUMFSMEVER", "PNUMFSMEVER")):  # fmt: skip
        frame[whole] = [f"{v:g}" for v in np.floor(1000 * frame[part] / frame["NOR"] + 0.5) / 10]
    columns = ["URN", "LA", "ESTAB", "SCHOOLTYPE", "NOR", "NORG", "NORB", "PNORG", "PNORB",
               "TSENELSE", "PSENELSE", "TSENELK", "PSENELK", "NUMEAL", "NUMENGFL", "NUMUNCFL",
               "PNUMEAL", "PNUMENGFL", "PNUMUNCFL", "NUMFSM", "NUMFSMEVER",
               "PNUMFSMEVER"]  # fmt: skip
    frame = frame[columns].astype(object)
    frame.loc[frame["SCHOOLTYPE"] == "Independent school", columns[13:]] = "NA"
    return frame


def absence(england: England) -> pd.DataFrame:
    """Return the absence of the school year, with its three national rows."""
    listed = open_on(england, _CENSUS_DAY).join(circumstances(england), on="school")
    listed = listed[listed["kind"] != "independent"].sort_values(["la", "estab", "urn"])
    late = listed["kind"].isin(["secondary", "all-through"])
    kind = np.select([late, listed["kind"] == "special"], ["SEC", "SPE"], "PRI")
    frame = pd.DataFrame({"LA": listed["la"].astype(str), "ESTAB": listed["estab"].astype(str),
                          "URN": listed["urn"].astype(str)})  # fmt: skip
    few = (listed["roll"] < 20).to_numpy()
    for column, values in (("PERCTOT", listed["absence"]), ("PPERSABS10", listed["often"])):
        frame[column] = np.where(few, "SUPP", [f"{v:g}" for v in np.round(values, 1)])
    rows = []
    for name in ("PRI", "SEC", "SPE"):
        own = listed[kind == name]
        both = [np.average(own[what], weights=own["roll"]) for what in ("absence", "often")]
        rows.append(("NAT", name, "", *(f"{round(v, 1):g}" for v in both)))
    return pd.concat([frame, pd.DataFrame(rows, columns=frame.columns)], ignore_index=True)


def inspections(england: England) -> pd.DataFrame:
    """Return each school's latest inspection at 31 July 2018; some academies have had none."""
    rng = generator(england.seed, "inspections", 2018)
    listed = open_on(england, _INSPECTIONS_UNTIL).join(circumstances(england), on="school")
    listed = listed[listed["kind"] != "independent"].sort_values("urn").reset_index(drop=True)
    rank = listed["quality"].rank(pct=True, method="first")
    grade = np.select([rank <= 0.03, rank <= 0.13, rank <= 0.815], [4, 3, 2], 1)
    # The better a school was found, the longer it may wait for the next visit.
    longest = np.select([grade == 1, grade == 2], [3200, 1500], 800)
    ago = np.round(30 + rng.random(len(listed)) * longest).astype(int)
    visited = pd.Timestamp(_INSPECTIONS_UNTIL) - pd.to_timedelta(ago, unit="D")
    new = (listed["opened"] > visited).to_numpy()
    columns = {
        "URN": listed["urn"],
        "School name": listed["name"],
        "Ofsted phase": name_phases(listed["kind"]),
        "Inspection date": visited.strftime("%Y-%m-%d"),
        "Publication date": (visited + pd.Timedelta(days=25)).strftime("%Y-%m-%d"),
        "Overall effectiveness": grade,
        "REPORURL": "Report",
    }
    return pd.DataFrame(columns)[~new]


def name_phases(kinds: pd.Series) -> pd.Series:
    """Name the phases of schools as Ofsted does."""
    return kinds.map({"secondary": "Secondary", "all-through": "Secondary",
                      "special": "Special"}).fillna("Primary")  # fmt: skip


def name_trust(school: int, name: str, places: list[str]) -> tuple[str, bool]:
    """Return the trust that an academy is in, and whether it is alone in it."""
    if (which := school % 6) == 5:
        return f"{name} Trust", True
    return f"{places[which % len(places)]} Learning Trust", False


def trusts(england: England) -> list[list[str]]:
    """Return which academy is in which trust: a header of 17 names over rows of 16 cells."""
    header = ["URN", "Linked UID", "Group Name", "Companies House Number", "Group Type",
              "Closed Date", "Group Status", "FederationType", "Joined date", "EstablishmentName",
              "TypeOfEstablishment (code)", "TypeOfEstablishment (name)", "PhaseOfEducation (code)",
              "PhaseOfEducation (name)", "LA (code)", "LA (name)", "HasSharedHT"]  # fmt: skip
    names = england.world.authorities.set_index("la")
    listed = open_on(england, "2019-06-01")
    listed = listed[listed["nftype"].isin(["AC", "ACC", "F"])].sort_values("urn")
    rows = [header]
    for row in listed.itertuples():
        name, alone = name_trust(row.school, row.name, names.loc[row.la, "places"])
        uid = 90_000 + (row.school if alone else int(row.la) * 10 + row.school % 6)
        joined = "01-09-2012" if pd.isna(row.opened) else f"{row.opened:%d-%m-%Y}"
        second = row.kind == "secondary"
        rows.append([
            str(row.urn), str(uid), name, f"{uid:08d}",
            "Single-academy trust" if alone else "Multi-academy trust", "", "Open", "Hard", joined,
            row.name, "34" if row.nftype == "ACC" else "28", GOVERNANCE[row.nftype][0],
            "4" if second else "2", "Secondary" if second else "Primary", str(row.la),
            names.loc[row.la, "name"],
        ])  # fmt: skip
    return rows


YEARS = (2018, 2019)
PUPIL_SD = 1.2825  # of Progress 8, from its published confidence limits
_LASTING, _FADING, _FADE, _AUTHORITY = 0.36, 0.26, 0.75, 0.15

COLUMNS = ("RECTYPE", "LEA", "ESTAB", "URN", "SCHNAME", "ICLOSE", "NFTYPE", "TPUP", "ATT8SCR",
           "P8PUP", "TP8ADJ", "P8MEA", "P8CILOW", "P8CIUPP", "P8MEA_ORIG", "P8CILOW_ORIG",
           "P8CIUPP_ORIG", "PTL2BASICS_94", "PTL2BASICS_95", "EBACCAPS", "PTEBACC_E_PTQ_EE",
           "PTEBACC_94", "PTEBACC_95", "PT5EM_94", "P8_BANDING")  # fmt: skip

_AVERAGES = ("ATT8SCR", "PTL2BASICS_94", "PTL2BASICS_95", "EBACCAPS", "PTEBACC_E_PTQ_EE",
             "PTEBACC_94", "PTEBACC_95", "PT5EM_94")  # fmt: skip


def key_stage_4(england: England, year: int) -> pd.DataFrame:
    """Return a year's provisional key stage 4 file: schools, authorities (4), England (5, 7)."""
    exact = _results(england, year)
    exact = exact.sort_values(["la", "estab", "urn"]).reset_index(drop=True)
    rows = _written(exact)
    rows["RECTYPE"] = np.where(exact["kind"] == "special", "2", "1")
    for column, name in (("LEA", "la"), ("ESTAB", "estab"), ("URN", "urn"), ("SCHNAME", "name")):
        rows[column] = exact[name].astype(str)
    rows["ICLOSE"] = (exact["closed"] < f"{year}-09-01").astype(int).astype(str)
    rows["NFTYPE"] = exact["nftype"]
    independent = exact["kind"] == "independent"
    rows.loc[independent, list(COLUMNS[7:])] = "NA"
    # Some special schools enter nobody; a few schools have too many newcomers to measure progress.
    none = (exact["kind"] == "special") & (exact["school"] % 6 == 0)
    rows.loc[none, list(COLUMNS[8:])] = "NE"
    rows.loc[(exact["school"] % 97 == 5) & ~none, list(COLUMNS[11:17])] = "LOWCOV"
    few = (exact["TPUP"] < 6) | ((exact["kind"] == "special") & (exact["school"] % 6 == 1))
    rows.loc[few & ~independent, list(COLUMNS[8:])] = "SUPP"
    state = exact[~independent]
    areas = [("4", str(la), own) for la, own in state.groupby("la", sort=True)]
    areas += [("5", "", exact), ("7", "", state)]
    added = pd.DataFrame([_area(record, la, own) for record, la, own in areas])
    return pd.concat([rows, added], ignore_index=True)[list(COLUMNS)].fillna("")


def _results(england: England, year: int) -> pd.DataFrame:
    """Return every school's results in full precision."""
    rng = generator(england.seed, "key stage 4")
    schools = england.world.schools
    n = len(schools)
    special = (schools["kind"] == "special").to_numpy()
    place = _AUTHORITY * rng.standard_normal(max(600, int(schools["la"].max())))
    place[CITY - 1] = -0.28
    lasting = place[schools["la"].to_numpy() - 1] + _LASTING * rng.standard_normal(n)
    fading = _FADING * rng.standard_normal(n)
    able = 0.7 * rng.standard_normal(n)
    around = circumstances(england)
    years = (schools["high_age"] - schools["low_age"]).to_numpy()
    for each in YEARS:
        rng = generator(england.seed, "key stage 4", each)
        pupils = np.maximum(np.round(around["roll"] / years * rng.uniform(0.93, 1.03, n)), 2)
        chance = rng.standard_normal((n, 6))
        fading = _FADE * fading + np.sqrt(1 - _FADE**2) * _FADING * rng.standard_normal(n)
        if each == year:
            break
    progress = lasting + fading - 0.03 + PUPIL_SD / np.sqrt(pupils) * chance[:, 0]
    progress = np.where(special, -1.3 + 0.4 * progress, progress)
    score = 46.7 + 12.5 * progress + 9.2 * able + 1.0 * chance[:, 1] - 3 * (around["poor"] - 0.23)
    score = np.clip(np.where(special, 4 + 3 * able + chance[:, 1], score), 1, 88)
    over = score - 46.5
    values = {
        "TPUP": pupils, "ATT8SCR": score, "P8PUP": np.round(0.95 * pupils), "P8MEA": progress,
        "TP8ADJ": rng.binomial(pupils.astype(int), 0.008),
        "PTL2BASICS_94": 64 + 1.75 * over + 2.5 * chance[:, 2],
        "PTL2BASICS_95": 42 + 1.95 * over + 2.5 * chance[:, 2],
        "EBACCAPS": 4.05 + 0.098 * over + 0.08 * chance[:, 3],
        "PTEBACC_E_PTQ_EE": 38 + 1.3 * over + 14 * chance[:, 4],
        "PT5EM_94": 60 + 1.8 * over + 2.5 * chance[:, 5],
    }  # fmt: skip
    table = pd.DataFrame(values, index=schools.index)
    table["PTEBACC_94"] = 0.62 * table["PTEBACC_E_PTQ_EE"]
    table["PTEBACC_95"] = 0.42 * table["PTEBACC_E_PTQ_EE"]
    shares = [name for name in _AVERAGES if name.startswith("PT")]
    table[shares] = table[shares].clip(0, 100)
    listed = open_on(england, f"{year - 1}-09-12")
    listed = listed[listed["kind"].isin(["secondary", "all-through", "special", "independent"])]
    return listed.join(table, on="school")


def _written(exact: pd.DataFrame) -> pd.DataFrame:
    """Write results as the provisional tables do: `66.2%`, `0.06`, `48.3`."""
    out = pd.DataFrame(index=exact.index, columns=list(COLUMNS), dtype=object)
    reach = 1.96 * PUPIL_SD / np.sqrt(exact["P8PUP"])
    for tail, shift in (("", 0.0), ("_ORIG", -0.004 * exact["TP8ADJ"])):
        middle = exact["P8MEA"] + shift
        for name, part in (("P8MEA", 0.0), ("P8CILOW", -reach), ("P8CIUPP", reach)):
            out[f"{name}{tail}"] = [f"{round(v, 2) + 0.0:g}" for v in middle + part]
    for name in ("TPUP", "P8PUP", "TP8ADJ"):
        out[name] = exact[name].astype(int).astype(str)
    out["ATT8SCR"] = [f"{v:.1f}" for v in exact["ATT8SCR"]]
    out["EBACCAPS"] = [f"{v:.2f}" for v in exact["EBACCAPS"]]
    for name in _AVERAGES:
        if name.startswith("PT"):
            out[name] = [f"{v:.1f}%" for v in exact[name]]
    middle = exact["P8MEA"]
    above, below = middle > reach, middle < -reach
    far = [above & (middle >= 0.5), above, below & (middle < -0.5), below]
    out["P8_BANDING"] = np.select(far, ["1", "2", "5", "4"], "3")
    return out


def _area(record: str, la: str, own: pd.DataFrame) -> dict[str, str]:
    """Return an authority's or England's row: what its schools' pupils come to."""
    row = {"RECTYPE": record, "LEA": la, "TPUP": str(int(own["TPUP"].sum()))}
    for name in _AVERAGES:
        mean = np.average(own[name], weights=own["TPUP"])
        row[name] = f"{mean:.2f}" if name == "EBACCAPS" else f"{mean:.1f}"
        row[name] += "%" if name.startswith("PT") else ""
    if record != "5":
        pupils = own["P8PUP"].sum()
        mean = np.average(own["P8MEA"], weights=own["P8PUP"])
        row |= {"P8PUP": str(int(pupils)), "TP8ADJ": str(int(own["TP8ADJ"].sum()))}
        row |= {"P8MEA": f"{mean:.2f}", "P8MEA_ORIG": f"{mean:.2f}"}
        if record == "4":
            reach = 1.96 * PUPIL_SD / np.sqrt(pupils)
            for tail in ("", "_ORIG"):
                row[f"P8CILOW{tail}"] = f"{mean - reach:.2f}"
                row[f"P8CIUPP{tail}"] = f"{mean + reach:.2f}"
    return row


MEASURES = {
    "rwm_expected": "PTRWM_EXP", "rwm_higher": "PTRWM_HIGH", "reading_expected": "PTREAD_EXP",
    "writing_expected": "PTWRITTA_EXP", "maths_expected": "PTMAT_EXP", "gps_expected": "PTGPS_EXP",
    "reading_progress": "READPROG", "writing_progress": "WRITPROG", "maths_progress": "MATPROG",
}  # fmt: skip


def measured_in(year: int) -> dict[str, str]:
    """Return what is measured in a year: no progress of pupils who took no key stage 1 tests."""
    return {name: column for name, column in MEASURES.items()
            if year <= LAST_WITH_START or not column.endswith("PROG")}  # fmt: skip


GROUPS = {"": None, "disadvantaged": "FSM6CLA1A", "other": "NotFSM6CLA1A", "sen_support": "SENK"}


def provisional_pupils(england: England, year: int) -> Pupils:
    """Return the city's pupils as first counted in September, before the tables are checked.

    About 1 in 100 will be taken out later (they had just come from abroad), and about 2 in 100
    will have a paper marked up.
    """
    rng = generator(england.seed, "as first counted", year)
    pupils = england.pupils[year]
    home = england.world.schools["la"].to_numpy()[pupils.school] == CITY
    place = np.flatnonzero(home)
    marked_up = rng.random(len(place)) < 0.02
    score, progress = pupils.score[place].copy(), pupils.progress[place].copy()
    half = rng.random((len(place), 4)) < 0.5
    low = rng.integers(1, 4, (len(place), 4)) * (marked_up[:, None] & half)
    score, progress = score - low, progress - low
    new = np.flatnonzero(rng.random(len(place)) < 0.011)
    order = np.sort(np.r_[np.arange(len(place)), new], kind="stable")
    again = np.r_[False, order[1:] == order[:-1]]
    columns = {name: getattr(pupils, name)[place][order] for name in
               ("school", "disadvantaged", "girl", "sen", "prior")}  # fmt: skip
    return replace(
        pupils,
        **columns,
        eal=pupils.eal[place][order] | again,
        mobile=pupils.mobile[place][order] | again,
        covered=pupils.covered[place][order] & ~again,
        score=(score[order] - 14 * again[:, None]).astype(np.float32),
        progress=progress[order].astype(np.float32),
    )


def local_results(england: England, year: int) -> pd.DataFrame:
    """Return what the city holds of its schools in the autumn, SEN Support included.

    Columns `urn, year, measure, group, value, cohort, release`; nothing is suppressed, since
    it never leaves the city as it is: the cohort beside each value says what may.
    """
    listed = listing(england.world, year)
    listed = listed[~listed["again"]].set_index("school")["urn"]
    found = provisional_pupils(england, year)
    schools = np.unique(found.school)
    whole = Published.whole(found)
    parts = []
    for group, code in GROUPS.items():
        keep = None if code is None else whole.mask(code)
        own = Published(found, found.school, len(england.intake.size), area=True, keep=keep)
        for measure, column in measured_in(year).items():
            covered = "covered" if column.endswith("PROG") else "all"
            value, cohort = own.column(column).value[schools], own.count(covered)[schools]
            part = pd.DataFrame({
                "urn": listed[schools].to_numpy(), "year": year, "measure": measure,
                "group": group, "value": value, "cohort": cohort.astype(int),
                "release": "provisional",
            })  # fmt: skip
            parts.append(part[part["cohort"] > 0])
    return pd.concat(parts).sort_values(["urn", "measure", "group"], ignore_index=True)


def national_headlines(england: England, year: int) -> pd.DataFrame:
    """Return the published national level of each measure: earlier years' final, then provisional.

    Columns `year, measure, value, release`.
    """
    rows = []
    for each in [each for each in england.years if each <= year]:
        whole = Published.whole(england.pupils[each])
        for measure, column in measured_in(each).items():
            release = "provisional" if each == year else "final"
            # England's progress is zero by the way it is worked out.
            value = 0.0 if column.endswith("PROG") else float(whole.column(column).value[0])
            rows.append((each, measure, value, release))
    return pd.DataFrame(rows, columns=["year", "measure", "value", "release"])


SERIES = {
    "KS2RWM_Expected_STD": ("Attainment at the end of key stage 2 Percentage in reading, "
                            "writing and maths Expected standard", "all"),
    "DAP_NEW_KS2_RWM": ("KS2 RWM attainment for Disadvantaged pupils", "FSM6CLA1A"),
    "NonDAP_NEW_KS2_RWM": ("KS2 RWM attainment for Non Disadvantaged pupils", "NotFSM6CLA1A"),
    "NEW_KS2_RWM_Sen_W/Osta": ("KS2 attainment in RWM for pupils with  SEN Support", "SENK"),
}  # fmt: skip
ENGLAND = 970


def authority_series(england: England, years: Sequence[int]) -> pd.DataFrame:
    """Return the long series by authority, as the interactive tool has it: all, and England."""
    authorities = england.world.authorities
    codes = authorities["la"].to_numpy()
    parts = []
    for year in years:
        pupils = england.pupils[year]
        unit = np.searchsorted(codes, england.world.schools["la"].to_numpy()[pupils.school])
        areas = ((Published(pupils, unit, len(codes), area=True), authorities["name"], codes),
                 (Published.whole(pupils), ["England"], [ENGLAND]))  # fmt: skip
        for (own, names, numbers), (short, (long, group)) in product(areas, SERIES.items()):
            reached, of = own.count(f"{group}&RWM_EXP"), own.count(group)
            share = half_up(100 * reached / np.maximum(of, 1), 0)
            columns = {
                "Short Desc": short, "Data item": long, "Years": str(year),
                "LA and Regions": list(names), "Values": [f"{v:.0f}" for v in share],
                "LA Number": [f"{number}.0" for number in numbers], "Region": "NA",
            }  # fmt: skip
            part = pd.DataFrame(columns)
            part.loc[of == 0, "Values"] = "-"
            parts.append(part)
    table = pd.concat(parts)
    return table.sort_values(list(table.columns[:4]), ignore_index=True)
