"""What is published around the invented results: census, absence, inspections, trusts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pepstats.invented_moves import GOVERNANCE

if TYPE_CHECKING:
    from pepstats.invented import England

_STREAM = 101  # of its own, so that these files move no pupil's result
_CENSUS_DAY, _INSPECTIONS_UNTIL = "2018-01-18", "2018-07-31"
_TYPE = {"primary": "State-funded primary", "secondary": "State-funded secondary",
         "special": "State-funded special school", "independent": "Independent school"}  # fmt: skip


def open_on(england: England, day: str) -> pd.DataFrame:
    """List the URNs open on a day, with what is known of their schools."""
    table = england.world.establishments
    there = ~(table["opened"] > day) & ~(table["closed"] < day)
    return table[there].join(england.world.schools.drop(columns="name"), on="school")


def circumstances(england: England) -> pd.DataFrame:
    """Give every school's roll, disadvantage, need, absence and quality, by row of its schools.

    Schools with results have those of their pupils; the others are drawn like them.
    """
    schools, intake = england.world.schools, england.intake
    rng = np.random.default_rng([england.seed, _STREAM])
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
    lasting = every(intake.effect[:, :3, :3].mean(axis=(1, 2)))
    late = np.where(secondary, 1.4, 0.0) + np.where(special, 5.0, 0.0)
    absence = 3.05 + 3.4 * poverty - 0.16 * lasting + late + 0.62 * rng.standard_normal(n)
    absence = np.maximum(absence, 0.8)
    often = 2.0 * absence + 0.25 + 1.6 * rng.standard_normal(n)
    quality = lasting + np.where(special, 4.5, 0.0) - 1.5 * poverty + 1.5 * rng.standard_normal(n)
    return pd.DataFrame(
        {
            "roll": np.round(size * years * rng.uniform(0.88, 1.0, n)).astype(int),
            "poor": np.clip(0.78 * poverty, 0, 1),
            "eal": every(intake.eal),
            "sen": np.where(special, 0.015, every(intake.sen) * 0.9),
            "plan": np.where(special, 0.985, 0.016),
            "absence": absence,
            "often": np.maximum(often, 0.2),
            "quality": quality,
        },
        index=schools.index,
    )


def census(england: England) -> pd.DataFrame:
    """Give the school census of January 2018, schools and the three national rows."""
    rng = np.random.default_rng([england.seed, _STREAM, 1])
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
    """Give the absence of the school year, with its three national rows."""
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
    """Give each school's latest inspection at 31 July 2018; some academies have had none."""
    rng = np.random.default_rng([england.seed, _STREAM, 2])
    listed = open_on(england, _INSPECTIONS_UNTIL).join(circumstances(england), on="school")
    listed = listed[listed["kind"] != "independent"].sort_values("urn").reset_index(drop=True)
    rank = listed["quality"].rank(pct=True, method="first")
    grade = np.select([rank <= 0.03, rank <= 0.13, rank <= 0.815], [4, 3, 2], 1)
    # The better a school was found, the longer it may wait for the next visit.
    longest = np.select([grade == 1, grade == 2], [3200, 1500], 800)
    ago = np.round(30 + rng.random(len(listed)) * longest).astype(int)
    visited = pd.Timestamp(_INSPECTIONS_UNTIL) - pd.to_timedelta(ago, unit="D")
    new = (listed["opened"] > visited).to_numpy()
    phase = listed["kind"].map({"secondary": "Secondary", "all-through": "Secondary",
                                "special": "Special"}).fillna("Primary")  # fmt: skip
    frame = pd.DataFrame(
        {
            "URN": listed["urn"],
            "School name": listed["name"],
            "Ofsted phase": phase,
            "Inspection date": visited.strftime("%Y-%m-%d"),
            "Publication date": (visited + pd.Timedelta(days=25)).strftime("%Y-%m-%d"),
            "Overall effectiveness": grade,
            "REPORURL": "Report",
        }
    )
    return frame[~new]


def trusts(england: England) -> list[list[str]]:
    """Give which academy is in which trust: a header of 17 names over rows of 16 cells."""
    header = ["URN", "Linked UID", "Group Name", "Companies House Number", "Group Type",
              "Closed Date", "Group Status", "FederationType", "Joined date", "EstablishmentName",
              "TypeOfEstablishment (code)", "TypeOfEstablishment (name)", "PhaseOfEducation (code)",
              "PhaseOfEducation (name)", "LA (code)", "LA (name)", "HasSharedHT"]  # fmt: skip
    names = england.world.authorities.set_index("la")
    listed = open_on(england, "2019-06-01")
    listed = listed[listed["nftype"].isin(["AC", "ACC", "F"])].sort_values("urn")
    rows = [header]
    for row in listed.itertuples():
        places = names.loc[row.la, "places"]
        which = row.school % 6
        alone = which == 5
        name = f"{row.name} Trust" if alone else f"{places[which]} Learning Trust"
        uid = 90_000 + (row.school if alone else int(row.la) * 10 + which)
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
