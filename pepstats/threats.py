"""What could make a finding other than it seems: seven threats, judged by what a study knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["low", "moderate", "high"]
THREATS = (
    "confounding",
    "concurrent interventions",
    "experimental effects",
    "implementation fidelity",
    "missing data",
    "measurement of outcomes",
    "selective reporting",
)
SMD_FINE, SMD_FAR = 0.05, 0.25
"""What Works Clearinghouse: alike enough within one, too far apart beyond the other."""
LOST_LITTLE, LOST_MUCH = 0.05, 0.20


@dataclass(frozen=True)
class Threat:
    """One threat to a finding, how grave it is here, and what that is read off."""

    name: str
    level: Level
    evidence: str


def find_threats(
    *,
    largest_smd: float | None,
    baseline_years: int,
    share_elsewhere: float,
    comparison_cleared: bool,
    share_dose_known: float,
    share_lost: float,
    teacher_assessed: bool,
    fixed_before: bool,
) -> tuple[Threat, ...]:
    """Judge the seven threats by what a study knows of itself.

    The largest standardised difference left and the years matched on; the share of members also in
    another programme; whether comparison schools are known to be in no like programme; for what
    share of members the dose is known; the share of members lost; whether the outcome is assessed
    by teachers; whether the design was fixed before its outcomes were seen.
    """
    far = None if largest_smd is None else abs(largest_smd)
    confounded: Level = (
        "high"
        if far is not None and far > SMD_FAR
        else "low"
        if far is not None and far <= SMD_FINE and baseline_years > 1
        else "moderate"
    )
    left = "not measured" if far is None else f"{far:.2f}"
    years = "year" if baseline_years == 1 else "years"
    found: list[tuple[Level, str]] = [
        (confounded, f"largest difference left {left}, {baseline_years} baseline {years}"),
        (
            _by_share(share_elsewhere, 0.0, 0.5),
            f"{share_elsewhere:.0%} of members are in another programme too",
        ),
        (
            "low" if comparison_cleared else "moderate",
            "comparison schools are in no like programme"
            if comparison_cleared
            else "which comparison schools had like support is not known",
        ),
        (
            _by_share(1 - share_dose_known, LOST_MUCH, 1.0),
            f"what was delivered is known for {share_dose_known:.0%} of members",
        ),
        (
            _by_share(share_lost, LOST_LITTLE, LOST_MUCH),
            f"{share_lost:.0%} of members have no result to compare",
        ),
        (
            "moderate" if teacher_assessed else "low",
            "assessed by teachers" if teacher_assessed else "national tests, marked outside",
        ),
        (
            "low" if fixed_before else "moderate",
            "fixed before outcomes were seen"
            if fixed_before
            else "not shown to have been fixed before outcomes were seen",
        ),
    ]
    return tuple(
        Threat(name, level, told) for name, (level, told) in zip(THREATS, found, strict=True)
    )


def _by_share(share: float, fine: float, far: float) -> Level:
    if not 0 <= share <= 1:
        return "moderate"
    return "low" if share <= fine else "moderate" if share <= far else "high"
