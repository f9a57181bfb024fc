"""How strong the evidence is, by criteria others use: always a self-assessment, inputs shown.

The security rating follows criteria like EEF's: the lowest of what the design, the smallest
detectable effect and the loss of schools allow, less what threats take away. EEF's own ratings are
set by outside reviewers; none is given here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd
from pydantic import Field, model_validator

from pepstats.errors import DesignError, nearest
from pepstats.formatting import AGREED
from pepstats.impact.design import Inputs
from pepstats.impact.effects import MATCHED, Effect
from pepstats.settings import Programme, Settings, load_rules

Level = Literal["low", "moderate", "high"]

SMD_FINE, SMD_FAR = 0.05, 0.25
"""What Works Clearinghouse: alike enough within one, too far apart beyond the other."""

LOST_LITTLE, LOST_MUCH = 0.05, 0.20


@dataclass(frozen=True)
class Threat:
    """One threat to a finding, how grave it is here, and what that is read off."""

    name: str
    level: Level
    evidence: str


@dataclass(frozen=True)
class Circumstances:
    """What a study knows of itself, that its threats are judged by.

    The largest standardised difference left and the years matched on; the share of members also in
    another programme; whether comparison schools are known to be in no like programme; for what
    share of members the dose is known; the share of members lost; whether the outcome is assessed
    by teachers; whether the design was fixed before its outcomes were seen.
    """

    largest_smd: float | None
    baseline_years: int
    share_elsewhere: float
    comparison_cleared: bool
    share_dose_known: float
    share_lost: float
    teacher_assessed: bool
    fixed_before: bool


def find_threats(known: Circumstances) -> tuple[Threat, ...]:
    """Judge the seven threats by what a study knows of itself."""
    cleared, assessed, fixed = known.comparison_cleared, known.teacher_assessed, known.fixed_before
    left = "not measured" if known.largest_smd is None else f"{abs(known.largest_smd):.2f}"
    years = "year" if known.baseline_years == 1 else "years"
    return (
        Threat("confounding", _confounded(known),
               f"largest difference left {left}, {known.baseline_years} baseline {years}"),
        Threat("concurrent interventions", _by_share(known.share_elsewhere, 0.0, 0.5),
               f"{known.share_elsewhere:.0%} of members are in another programme too"),
        Threat("experimental effects", "low" if cleared else "moderate",
               "comparison schools are in no like programme" if cleared
               else "which comparison schools had like support is not known"),
        Threat("implementation fidelity", _by_share(1 - known.share_dose_known, LOST_MUCH, 1.0),
               f"what was delivered is known for {known.share_dose_known:.0%} of members"),
        Threat("missing data", _by_share(known.share_lost, LOST_LITTLE, LOST_MUCH),
               f"{known.share_lost:.0%} of members have no result to compare"),
        Threat("measurement of outcomes", "moderate" if assessed else "low",
               "assessed by teachers" if assessed else "national tests, marked outside"),
        Threat("selective reporting", "low" if fixed else "moderate",
               "fixed before outcomes were seen" if fixed
               else "not shown to have been fixed before outcomes were seen"),
    )  # fmt: skip


def _confounded(known: Circumstances) -> Level:
    if known.largest_smd is None:
        return "moderate"
    if abs(known.largest_smd) > SMD_FAR:
        return "high"
    return "low" if abs(known.largest_smd) <= SMD_FINE and known.baseline_years > 1 else "moderate"


def _by_share(share: float, fine: float, far: float) -> Level:
    if not 0 <= share <= 1:
        return "moderate"
    share = round(share, AGREED)
    return "low" if share <= fine else "moderate" if share <= far else "high"


TEACHER_ASSESSED = ("writing", "rwm")
"""Outcomes that rest, wholly or in part, on teachers' own assessment."""


class Security(Settings):
    """What each column allows, and what threats take away."""

    title: str
    mark: Literal["S", "M", "P"]
    source: str
    labels: tuple[str, ...] = Field(min_length=6, max_length=6)
    designs: dict[str, int]
    mdes: tuple[float, ...] = Field(min_length=5, max_length=5)
    attrition: tuple[float, ...] = Field(min_length=5, max_length=5)
    each_moderate: float = Field(ge=0)
    each_high: float = Field(ge=0)

    @model_validator(mode="after")
    def rise(self) -> Security:
        """Limits that do not rise would rate a worse study higher."""
        for limits in (self.mdes, self.attrition):
            if list(limits) != sorted(set(limits)):
                raise ValueError("the limits of a column do not rise")
        return self


class Criteria(Settings):
    """What a grade is given by."""

    security: Security


@dataclass(frozen=True)
class Grade:
    """A grade an evaluation gives itself; or why it cannot.

    Attributes
    ----------
    scale
        Whose criteria it follows, and that it is a self-assessment.
    level, highest
        The level reached of the highest there is; none where it cannot be said.
    label
        The level in words.
    inputs
        One row per thing the level rests on: `input`, `value`, `allows` (the level it would allow,
        or how much it takes away: negative), `note`.
    mark, source
        Whether the criteria were read at their source (S) or are from memory (M), and which it is.
    """

    scale: str
    level: int | None
    highest: int
    label: str
    inputs: pd.DataFrame = field(repr=False)
    mark: str
    source: str
    reason: str = ""

    @property
    def words(self) -> str:
        """The grade in one sentence that cannot be taken for somebody else's rating."""
        if self.level is None:
            return f"{self.scale}: cannot be said, {self.reason}."
        return f"{self.scale}: {self.level} of {self.highest} ({self.label})."


def grade_security(
    *,
    design: str,
    mdes: float | None,
    schools_listed: int,
    schools_left: int,
    threats: Sequence[Threat],
    criteria: Criteria,
) -> Grade:
    """Return the security an evaluation may claim by criteria like EEF's, with all it rests on.

    `design` is what it accounts for (matched difference in differences: "unobservables"); `mdes`
    the smallest detectable effect in pupils' standard deviations, none where no such scale exists
    (then no grade); schools listed at the start and left in the analysis; all seven threats.
    """
    scale = criteria.security
    if design not in scale.designs:
        raise DesignError(f"no design is called `{design}`. {nearest(design, scale.designs)}")
    lost = 1 - schools_left / schools_listed
    by_design = scale.designs[design]
    by_loss = _column(round(lost, 2), scale.attrition)
    seen = mdes if mdes is not None and math.isfinite(mdes) and mdes > 0 else None
    by_mdes = float("nan") if seen is None else _column(math.floor(seen * 100 + 0.5) / 100,
                                                        scale.mdes)  # fmt: skip
    takes = {"low": 0.0, "moderate": scale.each_moderate, "high": scale.each_high}
    weighed = [takes[threat.level] for threat in threats]
    rows: list[tuple[str, str, float, str]] = [
        ("design", design, by_design, "the most such a design can have"),
        ("smallest detectable effect", "not known" if seen is None
         else f"{seen:.2f} pupils' standard deviations", by_mdes, ""),
        ("schools lost", f"{schools_listed - schools_left} of {schools_listed}", by_loss, ""),
        *((threat.name, threat.level, 0.0 - taken, threat.evidence)
          for threat, taken in zip(threats, weighed, strict=True)),
    ]  # fmt: skip
    inputs = pd.DataFrame(rows, columns=["input", "value", "allows", "note"])
    title = f"Security self-assessed by {scale.title}, not a rating by EEF"
    if seen is None:
        why = "the smallest detectable effect is not known in pupils' standard deviations"
        return Grade(title, None, 5, "", inputs, scale.mark, scale.source, why)
    first = int(min(by_design, by_mdes, by_loss))
    level = max(0, first - math.floor(sum(weighed) + 1e-9))
    return Grade(title, level, 5, scale.labels[level], inputs, scale.mark, scale.source)


def grade_programme(
    programme: Programme, effect: Effect, sizes: pd.DataFrame, balance: pd.DataFrame, inputs: Inputs
) -> Grade:
    """Grade a programme's evaluation by its primary effect, from what its run knows of itself.

    `sizes` has `outcome` and `smallest_size`, `balance` `smd_after`. October's results are held
    against what was expected, which accounts for what was observed and no more.
    """
    left, members = float(balance["smd_after"].abs().max()), inputs.members
    threats = find_threats(Circumstances(
        largest_smd=left if math.isfinite(left) else None,
        baseline_years=len(effect.baseline.split(" and ")),
        share_elsewhere=float((members["also_in"] > 0).mean()),
        comparison_cleared=programme.evidence.comparison_cleared,
        share_dose_known=float(members["dose"].notna().mean()),
        share_lost=1 - effect.n_schools / len(members),
        teacher_assessed=effect.outcome.startswith(TEACHER_ASSESSED),
        fixed_before=inputs.fixed_before,
    ))  # fmt: skip
    design = "random" if programme.evidence.chosen == "random" else "unobservables"
    return grade_security(
        design=design if effect.mode == MATCHED else "observables",
        mdes=float(sizes.set_index("outcome").loc[effect.outcome, "smallest_size"]),
        schools_listed=len(members), schools_left=effect.n_schools, threats=threats,
        criteria=load_rules(Criteria, "grades.yml", inputs.rules),
    )  # fmt: skip


def tabulate_grade(grade: Grade) -> pd.DataFrame:
    """Lay a grade out with all it rests on: one row per `scale` and `input`, as in `Grade`."""
    table = grade.inputs.assign(
        scale=grade.scale, level=grade.level, highest=grade.highest, label=grade.label,
        words=grade.words, mark=grade.mark, source=grade.source,
    )  # fmt: skip
    first = ["scale", "level", "highest", "label"]
    return table[[*first, *(c for c in table.columns if c not in first)]]


def list_grade(grade: Grade) -> dict[str, int | str]:
    """Name a grade's sentence, `security.words`, and its level, `security`, where it has one."""
    named: dict[str, int | str] = {"security.words": grade.words}
    return named if grade.level is None else named | {"security": grade.level}


def _column(value: float, limits: Sequence[float]) -> int:
    """Return what a column allows: 5 up to its first limit, one less up to each next."""
    return 5 - sum(value > limit + 1e-9 for limit in limits)
