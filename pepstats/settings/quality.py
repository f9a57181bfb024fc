"""The quality log: what is assumed and how sure that is, what was decided, checked and signed off.

Written down in `quality.yml` of a data folder, or for one report in `quality/<report>.yml`, in the
terms of the government's guidance on producing quality analysis (the AQuA Book): the analyst
and the assurer are two people, and nothing is signed off that is not dated.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import Field, model_validator

from pepstats.settings.report import list_revised
from pepstats.settings.yaml import Settings, check_settings, read_yaml

RATINGS = {
    "green": "Green: well supported",
    "amber": "Amber: reasonable, but not tested here",
    "red": "Red: weakly supported, and it matters",
}
ROLES = {
    "commissioner": "Asked for the analysis",
    "analyst": "Made the analysis",
    "assurer": "Checked it, independently of the analyst",
    "approver": "Approved it for use",
}
NOT_SIGNED = "not yet signed off"


class Assumption(Settings):
    """Something taken to be so: how sure that is, why, and what follows if it is wrong."""

    id: str = Field(pattern=r"^[A-Z][0-9]{1,3}$")
    text: str = Field(min_length=10)
    rating: Literal["green", "amber", "red"]
    why: str = Field(min_length=10)
    if_wrong: str = Field(min_length=10)
    plan: str = ""

    @model_validator(mode="after")
    def red_has_a_plan(self) -> Assumption:
        """A weak assumption that matters needs something done about it."""
        if self.rating == "red" and not self.plan:
            raise ValueError(f"assumption {self.id} is red: say under `plan` what is done about it")
        return self


class Decision(Settings):
    """Something decided on the way: when, what, why, by whom."""

    date: datetime.date
    what: str = Field(min_length=10)
    why: str = Field(min_length=10)
    by: str = Field(min_length=2)


class QualityCheck(Settings):
    """Something checked: whether it does what was designed, or whether that was what was needed."""

    kind: Literal["verification", "validation"]
    what: str = Field(min_length=10)
    result: str = Field(min_length=2)
    by: str = Field(min_length=2)
    date: datetime.date


class Signature(Settings):
    """Who stands for a role, and since when; without a date, not yet."""

    name: str = Field(min_length=2)
    date: datetime.date | None = None
    note: str = ""


class SignOff(Settings):
    """Who asked, who made it, who checked it and who approved it."""

    commissioner: Signature | None = None
    analyst: Signature
    assurer: Signature
    approver: Signature | None = None

    @model_validator(mode="after")
    def two_people(self) -> SignOff:
        """Nobody assures their own work, and nothing is approved before it is assured."""
        analyst, assurer = (
            " ".join(one.name.split()).casefold() for one in (self.analyst, self.assurer)
        )
        if analyst == assurer:
            raise ValueError(
                f"analyst and assurer are both {self.analyst.name}: name two different people"
            )
        approved, assured = self.approver and self.approver.date, self.assurer.date
        if approved and (assured is None or assured > approved):
            raise ValueError("it is approved before it was assured: correct the dates")
        return self


class Quality(Settings):
    """A report's quality log."""

    assumptions: tuple[Assumption, ...] = ()
    decisions: tuple[Decision, ...] = ()
    checks: tuple[QualityCheck, ...] = ()
    sign_off: SignOff

    @model_validator(mode="after")
    def each_once(self) -> Quality:
        """An assumption's id names just one."""
        ids = [one.id for one in self.assumptions]
        if twice := sorted({i for i in ids if ids.count(i) > 1}):
            raise ValueError(f"assumption {', '.join(twice)} is listed twice")
        return self

    @property
    def signed_off(self) -> bool:
        """Whether an assurer has signed."""
        return self.sign_off.assurer.date is not None


def load_quality(report: str, data: Path) -> Quality | None:
    """Read a report's quality log, else that of the report it revises, else that of the folder."""
    own = [data / "quality" / f"{slug}.yml" for slug in list_revised(report, data)]
    for path in (*own, data / "quality.yml"):
        if path.is_file():
            return check_settings(Quality, read_yaml(path), path)
    return None


def tabulate_quality(quality: Quality) -> dict[str, pd.DataFrame]:
    """Lay a quality log out for readers, one table of words per part, the weakest first."""
    order = list(RATINGS)[::-1]
    assumed = sorted(quality.assumptions, key=lambda one: (order.index(one.rating), one.id))
    decided = sorted(quality.decisions, key=lambda one: (one.date, one.what))
    checked = sorted(quality.checks, key=lambda one: (one.date, one.what))
    roles = {meaning: getattr(quality.sign_off, role) for role, meaning in ROLES.items()}
    plans = {a.id: f" What we do about it: {a.plan}" if a.plan else "" for a in assumed}
    words = {
        ("assumptions", "Number", "We assume", "How sure", "Why", "If it is wrong"):
            [(a.id, a.text, RATINGS[a.rating], a.why + plans[a.id], a.if_wrong) for a in assumed],
        ("decisions", "Date", "Decided", "Why", "By"):
            [(d.date.isoformat(), d.what, d.why, d.by) for d in decided],
        ("checks", "Date", "Kind", "What was checked", "Result", "By"):
            [(c.date.isoformat(), c.kind.capitalize(), c.what, c.result, c.by) for c in checked],
        ("sign-off", "Role", "Who", "When", "Note"):
            [(meaning, s.name, s.date.isoformat() if s.date else NOT_SIGNED, s.note)
             for meaning, s in roles.items() if s is not None],
    }  # fmt: skip
    return {
        part: pd.DataFrame(rows, columns=columns, dtype="str")
        for (part, *columns), rows in words.items()
    }


def say_sign_off(quality: Quality | None) -> str:
    """Write in a sentence who made and who checked the analysis, or that nobody has signed."""
    if quality is None:
        return "There is no quality log for this report, and nobody has signed it off."
    made, checked = quality.sign_off.analyst, quality.sign_off.assurer
    if not quality.signed_off:
        return f"Made by {made.name}. To be checked by {checked.name}: {NOT_SIGNED}."
    return f"Made by {made.name}; checked by {checked.name} on {checked.date}."
