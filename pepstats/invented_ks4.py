"""The invented secondary schools' key stage 4 results, as the October tables give them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pepstats.invented_around import circumstances, open_on
from pepstats.invented_moves import CITY

if TYPE_CHECKING:
    from pepstats.invented import England

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
    """Give one year's provisional key stage 4 file: schools, authorities (4), England (5 and 7)."""
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
    """Give every school's results in full precision."""
    rng = np.random.default_rng([england.seed, 104])
    schools = england.world.schools
    n = len(schools)
    special = (schools["kind"] == "special").to_numpy()
    place = _AUTHORITY * rng.standard_normal(600)
    place[CITY - 1] = -0.28
    lasting = place[schools["la"].to_numpy() - 1] + _LASTING * rng.standard_normal(n)
    fading = _FADING * rng.standard_normal(n)
    able = 0.7 * rng.standard_normal(n)
    around = circumstances(england)
    years = (schools["high_age"] - schools["low_age"]).to_numpy()
    for each in YEARS:
        pupils = np.maximum(np.round(around["roll"] / years * rng.uniform(0.93, 1.03, n)), 2)
        chance = rng.standard_normal((n, 6))
        if each == year:
            break
        fading = _FADE * fading + np.sqrt(1 - _FADE**2) * _FADING * rng.standard_normal(n)
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
    band = np.select(far, ["1", "2", "5", "4"], "3")
    out["P8_BANDING"] = band
    return out


def _area(record: str, la: str, own: pd.DataFrame) -> dict[str, str]:
    """Give an authority's or England's row: what its schools' pupils come to."""
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
