"""What an attacker works out from published files and the open code: whose results, what sums.

A study as it is published has, of the authority's own results, which school has which and of how
many pupils. With placeholders for the results, the open code gives every weight and forecast.
"""

import csv
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

import pepstats
from pepstats.impact import Evaluation
from pepstats.measures import GAP, MEASURES, whole_of
from pepstats.report import NOT_YET_PUBLIC
from pepstats.robustness import make_headline
from pepstats.settings import Report, load_report
from pepstats.study import Study
from tests.attack_reading import find_numbers
from tests.attack_solving import Numbers, Told

PRIVATE = {"local_results", "statements", "support", "members"}
PLACEHOLDER = {"percentage points": 50.0}
ROUNDED = 1 / 12
"""The variance of a whole percentage's rounding."""

BEHIND = -20.0
"""Points by which disadvantaged pupils are behind others in the country, about: published."""

PARTS = ("headline", "kept", "alone", "more", "less")


# What is published anyway ------------------------------------------------------------------------


def lay_out_published(data: Path, report: str, folder: Path) -> Report:
    """Copy what is published of a study; each own result of the authority becomes a placeholder.

    Of the private files only which school has which result, of how many pupils, is left.
    """
    shutil.copytree(data, folder, dirs_exist_ok=True, symlinks=True)
    settings = load_report(report, folder)
    kept = []
    for source in settings.sources:
        if source.kind == "local_results":
            _blank(folder / source.file)
            kept.append(source.model_copy(update={"sha256": None}))
        elif source.kind in PRIVATE:
            (folder / source.file).unlink()
        else:
            kept.append(source)
    return settings.model_copy(update={"sources": tuple(kept)})


def _blank(path: Path) -> None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if find_numbers(row["value"]):
            row["value"] = str(PLACEHOLDER.get(MEASURES[row["measure"]].unit, 0.0))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


Key = tuple[int, str]
"""An unknown: a school and a measure."""


@dataclass(frozen=True)
class Form:
    """A sum over unknowns: `constant` and so much of each."""

    constant: float
    parts: Mapping[Key, float]


@dataclass(frozen=True)
class World:
    """What the attacker works out from published files and the open code.

    `evaluations` are made with placeholders for the unknown results: who counts, each school's
    weight and forecast, and every placebo programme are as in the real one.
    """

    study: Study = field(repr=False)
    evaluations: Mapping[str, Evaluation] = field(repr=False)

    @property
    def year(self) -> int:
        return self.study.report.year

    def is_unknown(self, measure: str) -> bool:
        """Whether a measure's results of the year are in no published file."""
        releases = self.study.panel.releases
        return measure in releases and releases[measure].get(self.year) in NOT_YET_PUBLIC

    @cached_property
    def unknowns(self) -> pd.DataFrame:
        """One row per unknown: `mean`, `sd`, `low`, `high`, `step`, `pupils`, `forecast`.

        `forecast` is 1 where the open code expects a result, 0 where it is a rule of thumb.
        """
        rows = {}
        schools = sorted({s for e in self.evaluations.values() for s in e.design.members})
        for measure in self._measures:
            for school in schools:
                found = self._expect(school, measure)
                if found is not None:
                    rows[school, measure] = found
        index = pd.MultiIndex.from_tuples(rows, names=["school", "measure"])
        columns = ["mean", "sd", "low", "high", "step", "pupils", "forecast"]
        return pd.DataFrame(list(rows.values()), index=index, columns=columns, dtype=float)

    @cached_property
    def _measures(self) -> list[str]:
        """The measures that the programmes' outcomes are made of, as far as they are unknown."""
        found: dict[str, None] = {}
        for one in self.evaluations.values():
            for outcome in one.programme.outcomes:
                whole = whole_of(outcome)
                found |= dict.fromkeys(
                    [outcome] if not outcome.endswith(GAP) else sides_of(outcome)
                )
                found |= dict.fromkeys([whole, f"{whole}.disadvantaged", f"{whole}.other"])
                found |= dict.fromkeys([f"{whole}.sen_support"])
        return [m for m in found if m in MEASURES and self.is_unknown(m)]

    def _expect(self, school: int, measure: str) -> tuple[float, ...] | None:
        """Return what is to be expected of a school's result, from what is published."""
        panel = self.study.panel.values
        key = (school, self.year)
        if key not in panel.index or pd.isna(panel.loc[key, measure]):
            return None
        pupils = float(panel.loc[key, MEASURES[measure].cohort])
        percent = MEASURES[measure].percent
        low, high, step = (0.0, 100.0, 1.0) if percent else (-25.0, 25.0, 0.1)
        for one in self.evaluations.values():
            if measure in one.measured.gaps and school in one.design.members:
                table = one.measured.gaps[measure].table
                row = table.loc[school] if school in table.index else None
                if row is not None and pd.notna(row["gap"]):
                    sd = float(np.sqrt(row["variance"]))
                    return float(row["comparison"]), sd, low, high, step, pupils, 1.0
        mean = 40.0 if percent else 0.0
        sd = np.sqrt(150 + 2400 / pupils) if percent else np.sqrt(1.5 + 36 / pupils)
        return mean, float(sd), low, high, step, pupils, 0.0

    @cached_property
    def forms(self) -> dict[str, Form]:
        """Every sum over the members' results that the open code can print, by its name."""
        found = {}
        for slug, one in self.evaluations.items():
            for outcome in one.measured.gaps:
                found |= self._forms_of(slug, one, outcome)
            for measure in self._measures:
                found |= self._mean_of(f"{slug}|{measure}|pupils", one.design.members, measure)
        return found

    def _forms_of(self, slug: str, one: Evaluation, outcome: str) -> dict[str, Form]:
        table = one.measured.gaps[outcome].table.reindex(list(one.design.members))
        table = table[table["gap"].notna()]
        if not all(self.is_unknown(m) for m in _terms(outcome)):
            return {}
        found, name = {}, f"{slug}|{outcome}"
        for part, kept in self.parts(one).items():
            rows = table[table.index.isin(kept)]
            if len(rows):
                found[f"{name}|{part}"] = self._weigh(rows, rows["weight"], outcome)
        found[f"{name}|equal"] = self._weigh(table, table["weight"] * 0 + 1, outcome)
        for school in table.index:
            rows = table.drop(school)
            found[f"{name}|without {school}"] = self._weigh(rows, rows["weight"], outcome)
        dose = pd.to_numeric(make_headline(one).members["dose"], errors="coerce").dropna()
        own = table[table.index.isin(dose.index)]
        share = own["weight"] / own["weight"].sum()
        away = (dose := dose.reindex(own.index)) - (share * dose).sum()
        if (spread := (share * away**2).sum()) > 0:
            found[f"{name}|slope"] = self._sum_of(own, share * away / spread, outcome)
        level = found[f"{name}|headline"]
        found[f"{name}|level"] = Form(0.0, level.parts)
        found[f"{name}|mean"] = Form(0.0, found[f"{name}|equal"].parts)
        return found

    def parts(self, one: Evaluation) -> dict[str, list[int]]:
        """List the parts of a programme's schools that its checks are made of."""
        members = make_headline(one).members
        urns = self.study.register["urns"].reindex(members.index).astype("str")
        dose = pd.to_numeric(members["dose"], errors="coerce").dropna()
        middle = dose.median() if len(dose) else 0
        chosen = (members.index, members.index[~urns.str.contains(" ")],
                  members.index[~(members["also_in"] > 0)], dose.index[dose > middle],
                  dose.index[dose <= middle])  # fmt: skip
        return {name: [int(s) for s in part] for name, part in zip(PARTS, chosen, strict=True)}

    def _weigh(self, rows: pd.DataFrame, weight: pd.Series, outcome: str) -> Form:
        return self._sum_of(rows, weight / weight.sum(), outcome)

    def _sum_of(self, rows: pd.DataFrame, share: pd.Series, outcome: str) -> Form:
        parts: dict[Key, float] = {}
        for measure, sign in _terms(outcome).items():
            parts |= {(int(s), measure): sign * float(v) for s, v in share.items()}
        return Form(-float((share * rows["comparison"]).sum()), parts)

    def _mean_of(self, name: str, schools: Iterable[int], measure: str) -> dict[str, Form]:
        keys = [(s, measure) for s in schools if (s, measure) in self.unknowns.index]
        if not keys:
            return {}
        pupils = self.unknowns.loc[keys, "pupils"]
        if "." in measure and measure.partition(".")[2] == "disadvantaged":
            years = [y for e in self.evaluations.values() for y in e.programme.baseline]
            wide = self.study.panel.wide(measure).reindex(columns=sorted(set(years)))
            there = wide.notna().all(axis=1)
            pupils = pupils[[bool(there.get(s, False)) for s, _ in keys]]
        share = pupils / pupils.sum()
        return {name: Form(0.0, {(int(k[0]), str(k[1])): float(v) for k, v in share.items()})}


def find_structure(known: pd.DataFrame) -> Told:
    """All pupils are disadvantaged ones and others: what holds before anything is released."""
    rows = []
    for whole, group, others, share in _find_sides(known):
        row = np.zeros(len(known))
        row[[whole, group, others]] = 1.0, -share, share - 1.0
        rows.append(row)
    forms = np.array(rows).reshape(len(rows), len(known))
    return Told(forms, np.zeros(len(rows)), np.full(len(rows), 1.0))


def _find_sides(known: pd.DataFrame) -> Iterator[tuple[int, int, int, float]]:
    """List where all pupils, a group and the others of a school stand, and the group's share."""
    place = {key: n for n, key in enumerate(known.index)}
    pupils = known["pupils"].to_numpy()
    for (school, measure), whole in place.items():
        sides = [place.get((school, f"{measure}.{g}")) for g in ("disadvantaged", "other")]
        if "." not in measure and None not in sides and MEASURES[measure].percent:
            group, others = sides
            yield whole, group, others, pupils[group] / (pupils[group] + pupils[others])


def expect_together(known: pd.DataFrame) -> tuple[Numbers, Numbers]:
    """Return what is expected of all unknowns, and its covariance.

    All pupils are a group and the others, so three results of a school are two things: the one that
    is forecast, and how far the group is from the others. What is forecast stays as uncertain as
    its forecast is; to take the three for independent would count it twice.
    """
    mean, variance = known["mean"].to_numpy(copy=True), known["sd"].to_numpy() ** 2
    pupils, forecast = known["pupils"].to_numpy(), known["forecast"].to_numpy() > 0
    covariance = np.diag(variance)
    for whole, group, others, share in _find_sides(known):
        apart = 150 + 2400 * (1 / pupils[group] + 1 / pupils[others])
        between = BEHIND
        known_of = group if forecast[group] and not forecast[whole] else whole
        if forecast[group] and forecast[whole]:
            more = variance[group] - variance[whole]
            apart = max(more / (1 - share) ** 2, 2400 * (1 / pupils[group] + 1 / pupils[others]))
            between = (mean[group] - mean[whole]) / (1 - share)
        own = [whole, group, others]  # each is what is forecast, and so much of the difference
        ways = np.array([0.0, 1 - share, -share]) - (1 - share if known_of == group else 0.0)
        mean[own] = mean[known_of] + between * ways
        covariance[np.ix_(own, own)] = variance[known_of] + apart * np.outer(ways, ways)
        covariance[own, own] += ROUNDED
    return mean, covariance


def sides_of(outcome: str) -> list[str]:
    return [f"{outcome.removesuffix(GAP)}.{group}" for group in ("disadvantaged", "other")]


def _terms(outcome: str) -> dict[str, float]:
    if outcome.endswith(GAP):
        return dict(zip(sides_of(outcome), (1.0, -1.0), strict=True))
    return {outcome: 1.0}


def see_world(data: Path, report: Report) -> World:
    """Read what is published, and work out with the open code what can be worked out from it."""
    study = pepstats.load(report, data)  # type: ignore[arg-type]
    return World(study, {slug: pepstats.evaluate(study, slug) for slug in study.programmes})
