"""Small made-up panels for the tests of ratings and standards: a value, or the reason."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pepstats.schools.panel import Panel

PRIMARY = {
    "rwm_expected": 64.0,
    "rwm_higher": 9.0,
    "reading_progress": 0.2,
    "writing_progress": 0.1,
    "maths_progress": 0.0,
    "cohort": 30.0,
}


def panel_of(rows: dict[tuple[int, int], dict[str, float]], reasons: dict | None = None) -> Panel:
    """Lay out {(school, year): {measure: value}}; every other cell is not published."""
    schools = sorted({school for school, _ in rows})
    years = sorted({year for _, year in rows})
    grid = pd.MultiIndex.from_product([schools, years], names=["school", "year"])
    measures = sorted({m for row in rows.values() for m in row})
    values = pd.DataFrame(rows).T.reindex(index=grid, columns=measures).astype(float)
    why = pd.DataFrame("not published", index=grid, columns=measures, dtype="str")
    for (school, year, measure), text in (reasons or {}).items():
        why.loc[(school, year), measure] = text
    releases = pd.DataFrame("final", index=pd.Index(years, name="year"), columns=measures)
    return Panel(values, why.where(values.isna()), releases)


def register_of(schools: list[int], **columns: object) -> pd.DataFrame:
    """Give a register of primary schools of authority 501, except where told otherwise."""
    table = pd.DataFrame(
        {
            "name": [f"Make-believe {s} Primary School" for s in schools],
            "la": 501,
            "phase": "primary",
            "school_type": "primary",
            "governance": "maintained",
            "trust": "",
            "urn": schools,
        },
        index=pd.Index(schools, name="school"),
    )
    return table.assign(**columns)


def england_of(n: int, *, seed: int = 5, authorities: int = 12) -> tuple[Panel, pd.DataFrame]:
    """Give an England of made-up primaries, three years each, with true values and chance."""
    rng = np.random.default_rng(seed)
    lasting = rng.normal(0, 1, n)
    cohort = rng.integers(12, 90, n)
    rows = {}
    for year in (2016, 2017, 2018):
        fresh = rng.normal(0, 0.8, n)
        rwm = np.clip(64 + 9 * (lasting + fresh) + rng.normal(0, 48, n) / np.sqrt(cohort), 0, 100)
        for i in range(n):
            row = {"rwm_expected": round(rwm[i]), "cohort": float(cohort[i])}
            row["rwm_higher"] = float(np.clip(round(9 + 0.3 * (rwm[i] - 64)), 0, 100))
            for subject, sd in (("reading", 6.1), ("writing", 5.8), ("maths", 5.5)):
                chance = rng.normal(0, sd) / np.sqrt(cohort[i])
                row[f"{subject}_progress"] = round(1.5 * (lasting[i] + fresh[i]) + chance, 1)
            rows[700_000 + i, year] = row
    schools = [700_000 + i for i in range(n)]
    las = 501 + np.arange(n) % authorities
    return panel_of(rows), register_of(schools, la=las)
