"""How the method behaves where nothing was done, on real England of 2018, 2019 and 2024.

    python benchmarks/real_calibration.py [--real ../shared/real] [--draws 5000]

Placebo programmes of 18 schools in one city, 13 of them low attaining, are estimated in three
years: 2018 from 2016 and 2017, 2019 from 2017 and 2018, and 2024 from 2019 and 2023, between which
there were no tests or none was published by school. For all pupils and for disadvantaged ones it
prints the mean error and the spread, how often one half of the cities calls the other's, and how
often each year's programmes are called by the placebo programmes of each other year, all with
standard errors over cities. Prints why where the files are not there.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

import pepstats
from pepstats.robustness.calibration import (
    ONE_CITY,
    OURS,
    Picking,
    Population,
    judge_other_year,
    judge_selection,
    pick_programmes,
    prepare_sample,
)

YEARS = {2018: (2016, 2017), 2019: (2017, 2018), 2024: (2019, 2023)}
OUTCOMES = ("rwm_expected", "rwm_expected.disadvantaged")


def write_study(folder: Path, real: Path) -> None:
    """Write a study of all England, whose one programme is a city's."""
    files = {
        year: f"england_groups/{year - 1}-{year}_england_ks2_extract.csv"
        for year in range(2016, 2020)
    }
    files |= {year: f"today/ks2/{year - 1}-{year}_england_ks2_extract.csv" for year in (2023, 2024)}
    sources: list[dict[str, object]] = [
        {"kind": "ks2", "year": year, "release": "final", "file": str(real / file)}
        for year, file in files.items()
    ]
    spine = real / "england/2017-2018_england_spine.xlsx"
    links = real / "today/gias/links_edubasealldata_20250727.csv"
    sources += [
        {"kind": "register", "year": 2018, "file": str(spine)},
        {"kind": "links", "file": str(links)},
    ]
    meeting = {
        "body": "Board", "date": "2024-12-17", "report_from": "nobody", "report_by": "nobody",
    }  # fmt: skip
    report = {"title": "Calibration", "meeting": meeting, "authority": 851, "year": 2024,
              "sources": sources, "programmes": ["city"]}  # fmt: skip
    programme = {
        "title": "A city", "phase": "primary", "starts": 2024, "baseline": [2019, 2023],
        "outcomes": list(OUTCOMES), "members": {"authority": 851}, "seed": 20241001,
        "match": {"exact": ["phase"], "near": ["rwm_expected", "cohort"]},
    }  # fmt: skip
    for name, content in (("reports/calibration", report), ("programmes/city", programme)):
        path = folder / f"{name}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content), "utf-8")


def main() -> None:
    """Run and print."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--real", type=Path, default=Path("../shared/real"))
    ask.add_argument("--draws", type=int, default=5000)
    asked = ask.parse_args()
    real = asked.real.resolve()
    if not (real / "today/ks2").is_dir():
        print(f"not run: {real / 'today/ks2'} is not there")
        return
    with tempfile.TemporaryDirectory() as folder:
        write_study(Path(folder), real)
        study = pepstats.load("calibration", folder)
    population = Population(study.panel, study.register, study.barred)
    picking, halves, others = Picking(asked.draws), [], []
    for outcome in OUTCOMES:
        seen = {}
        for year, baseline in YEARS.items():
            one = study.find_programme("city").model_copy(
                update={"outcomes": (outcome,), "baseline": baseline, "starts": year}
            )
            sample = prepare_sample(population, one, year)
            rng = np.random.default_rng([one.seed, year])
            rows, _ = judge_selection(sample, ONE_CITY, picking, rng)
            halves += [{"year": year, **row} for row in rows if row["estimator"] == OURS]
            seen[year] = sample.gaps[OURS], pick_programmes(sample, ONE_CITY, picking, rng)
        for year, mine in seen.items():
            for other, theirs in seen.items():
                if year != other:
                    rate, error = judge_other_year(*mine, *theirs)
                    others.append((outcome, year, other, rate, error))
    shown = ["outcome", "year", "mean", "mean_se", "spread", "spread_se", "false_alarm_rate",
             "false_alarm_se", "limit"]  # fmt: skip
    print(pd.DataFrame(halves)[shown].round(3).to_string(index=False))
    columns = ["outcome", "year", "judged_by", "false_alarm_rate", "false_alarm_se"]
    print(pd.DataFrame(others, columns=columns).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
