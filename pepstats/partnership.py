"""The partnership register: who is in what, who has been reviewed, what it costs, what it promised.

Activities, grants and promises are written in `partnership/register.yml` of a data folder; who
takes part, who was reviewed and what support was given in the CSVs beside it, a row per school.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
from pydantic import Field, model_validator

from pepstats import sources
from pepstats.errors import DesignError, nearest
from pepstats.settings import Settings, check_settings, read_yaml

FOLDER = "partnership"
THEMES = {
    1: "Planning, collaboration, challenge and support",
    2: "The best teachers, leadership and governance",
    3: "The right curriculum 2-19",
    4: "The right environment for learning: resilience and attendance",
    5: "Meeting the individual needs of children and young people",
    6: "Enlisting and contributing to the local community",
}
"""The six themes of the draft Education Strategy (Education Advisory Board, 2 February 2017)."""

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Words = Annotated[str, Field(min_length=1, max_length=300)]
Pounds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Theme = Annotated[int, Field(ge=1, le=6, strict=True)]


class Activity(Settings):
    """A programme, subject network, leadership course or event that schools take part in."""

    id: Id
    title: Words
    kind: Literal["programme", "network", "course", "event"]
    theme: Theme
    lead: Words
    starts: datetime.date
    ends: datetime.date | None = None
    note: str = ""

    @model_validator(mode="after")
    def ends_after_it_starts(self) -> Activity:
        """An activity that ends before it starts is a slip of the pen."""
        if self.ends is not None and self.ends < self.starts:
            raise ValueError(f"ends {self.ends} before it starts {self.starts}.")
        return self


class Grant(Settings):
    """Money an activity was given, in pounds, and where that is known from."""

    activity: Id
    amount: Pounds
    source: Words


class Claim(Settings):
    """What a paper has said of the money in all, in its own words."""

    said: Words
    amount: Pounds
    source: Words


class Promise(Settings):
    """A key performance indicator: where it stood, where it should be and by when."""

    id: Id
    activity: Id
    measure: Words
    group: str = ""
    baseline: float
    target: float
    due: datetime.date
    actual: float | None = None
    theme: Theme

    @model_validator(mode="after")
    def aims_somewhere(self) -> Promise:
        """A target equal to the baseline promises nothing, so nothing could be held to it."""
        if self.target == self.baseline:
            raise ValueError("target is the same as baseline.")
        return self


class Register(Settings):
    """`register.yml`: activities, grants, what was said of the money, and promises."""

    activities: tuple[Activity, ...] = Field(min_length=1)
    grants: tuple[Grant, ...] = ()
    claims: tuple[Claim, ...] = ()
    promises: tuple[Promise, ...] = ()

    @model_validator(mode="after")
    def holds_together(self) -> Register:
        """Each id once, and grants and promises of activities that are listed."""
        problems = []
        for what, ids in (("activities", [a.id for a in self.activities]),
                          ("promises", [p.id for p in self.promises])):  # fmt: skip
            twice = sorted({i for i in ids if ids.count(i) > 1})
            problems += [f"{what}: `{i}` is listed twice." for i in twice]
        known = [a.id for a in self.activities]
        for what, lines in (("grants", self.grants), ("promises", self.promises)):
            problems += [
                f"{what}: no activity is called `{line.activity}`. {nearest(line.activity, known)}"
                for line in lines
                if line.activity not in known
            ]
        if problems:
            raise ValueError(" ".join(problems))
        return self


@dataclass(frozen=True)
class Partnership:
    """The register as read, every school by its stable identity.

    Attributes
    ----------
    register
        Activities, grants, claims and promises.
    taking_part
        `school`, `activity`, `joined` (date, missing where not given), sorted; each pair once.
    reviews
        `school`, `date`, `kind` (external review, peer review or inspection), `by`, sorted.
    delivered
        `school`, `date`, `days`, `provider`: support given, sorted.
    warnings
        `school`, `date` of warning notices, sorted; None where no list was kept, which is not the
        same as a list with nothing in it.
    """

    register: Register
    taking_part: pd.DataFrame = field(repr=False)
    reviews: pd.DataFrame = field(repr=False)
    delivered: pd.DataFrame = field(repr=False)
    warnings: pd.DataFrame | None = field(default=None, repr=False)


REVIEW_KINDS = ("external review", "peer review", "inspection")
DATES = ("date", "joined")
_PART = ("urn", "activity", "joined")
_REVIEWS = ("urn", "date", "kind", "by")
_DELIVERED = ("urn", "date", "days", "provider")
_WARNINGS = ("urn", "date")


def find_partnership(
    data: Path, schools: pd.DataFrame, members: pd.DataFrame, *, as_at: datetime.date
) -> Partnership | None:
    """Read the register of a data folder by the tables of step 01; None where it has no register.

    `schools` is the register of schools (`urns`, all a school has had), `members` the evaluated
    programmes' schools (`programme`, `school`, `joined`). Raises as `load_partnership` does.
    """
    if not (data / FOLDER / "register.yml").is_file():
        return None
    urns = schools["urns"].astype("str").str.split().explode().astype("int64")
    known = pd.Series(urns.index, index=urns.to_numpy())
    listed = {str(slug): own.set_index("school") for slug, own in members.groupby("programme")}
    return load_partnership(
        data, known[~known.index.duplicated(keep=False)], as_at=as_at, members=listed
    )


def load_partnership(
    data: Path, known: pd.Series, *, as_at: datetime.date,
    members: Mapping[str, pd.DataFrame] | None = None,
) -> Partnership:  # fmt: skip
    """Read the register of a data folder.

    `known` gives the school of each URN (`Schools.known`); nothing may be dated after `as_at`, the
    day of the meeting. `members` are the evaluated programmes' schools (`Study.members`): a
    programme of the same id takes them from there, so that no list is kept twice. Raises
    `DesignError` naming file and row for a URN nobody knows, a school twice in one activity, an
    unknown activity, a date that is none or has not come; `reviews.csv`, `delivered.csv` and
    `warnings.csv` may be absent.
    """
    path = data / FOLDER / "register.yml"
    register = check_settings(Register, read_yaml(path), path)
    activities = {activity.id for activity in register.activities}
    part = _read_rows(data, "participation.csv", _PART, known, as_at, needed=True)
    _check_words(part, "participation.csv", "activity", sorted(activities))
    for slug, table in (members or {}).items():
        if slug in activities:
            if (part["activity"] == slug).any():
                raise DesignError(
                    f"{FOLDER}/participation.csv: `{slug}` is an evaluated programme; its schools "
                    f"are those of programmes/{slug}.yml. Remove its rows here."
                )
            own = pd.DataFrame({"school": table.index, "activity": slug, "joined": table["joined"]})
            own["joined"] = pd.to_datetime(own["joined"], format="mixed", errors="coerce")
            part = pd.concat([part, own.assign(row=0)], ignore_index=True)
    _refuse_twice(part, ["school", "activity"], "participation.csv")
    reviews = _read_rows(data, "reviews.csv", _REVIEWS, known, as_at)
    _check_words(reviews, "reviews.csv", "kind", list(REVIEW_KINDS))
    given = _read_rows(data, "delivered.csv", _DELIVERED, known, as_at)
    given["days"] = _numbers(given, "delivered.csv", "days")
    warned = None
    if (data / FOLDER / "warnings.csv").is_file():
        warned = _in_order(
            _read_rows(data, "warnings.csv", _WARNINGS, known, as_at), ["school", "date"]
        )
    return Partnership(
        register,
        _in_order(part, ["school", "activity", "joined"]),
        _in_order(reviews, ["school", "date", "kind", "by"]),
        _in_order(given, ["school", "date", "days", "provider"]),
        warned,
    )


def _in_order(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    return table[columns].sort_values(columns[:2], kind="stable", ignore_index=True)


def _read_rows(
    data: Path, name: str, columns: tuple[str, ...], known: pd.Series, as_at: datetime.date,
    *, needed: bool = False,
) -> pd.DataFrame:  # fmt: skip
    """Read one CSV of the register: its columns as text, its schools and dates checked."""
    file = f"{FOLDER}/{name}"
    if not needed and not (data / file).is_file():
        nothing = {c: pd.Series([], dtype="str") for c in columns}
        nothing |= {c: pd.Series([], dtype="datetime64[us]") for c in columns if c in DATES}
        return pd.DataFrame({"row": [], "school": pd.Series([], dtype="int64"), **nothing})
    raw = sources.read_text(sources.find_source("support", file, data=data)).frame()
    names = {column.strip().lower(): column for column in raw.columns}
    unknown = sorted(set(names) - set(columns))
    lacking = [c for c in columns if c not in names and c != "joined"]
    if unknown or lacking:
        told = [f"no column is called `{c}` here. {nearest(c, columns)}" for c in unknown]
        told += [f"the column `{c}` is missing." for c in lacking]
        raise DesignError(f"{file}, row 1: {' '.join(told)}")
    table = pd.DataFrame({c: raw[names[c]].fillna("").astype("str").str.strip()
                          if c in names else pd.Series("", index=raw.index, dtype="str")
                          for c in columns})  # fmt: skip
    table = table[(table != "").any(axis=1)]
    urn = pd.to_numeric(table["urn"], errors="coerce")
    school = known.reindex(urn.fillna(-1).astype("int64"))
    stranger = school.isna().to_numpy()
    problems = [f"row {row}: no school has had the URN `{urn}`."
                for row, urn in table.loc[stranger, "urn"].items()]  # fmt: skip
    for column in [c for c in DATES if c in columns]:
        table[column], wrong = _dates(table[column], as_at, needed=column == "date")
        problems += wrong
    if problems:
        raise DesignError(f"{file}, " + " ".join(problems))
    table["school"] = school.astype("int64").to_numpy()
    return table.rename_axis("row").reset_index()


def _dates(text: pd.Series, as_at: datetime.date, *, needed: bool) -> tuple[pd.Series, list[str]]:
    """Read dates (2018-04-01, or 2018-04 for its first day), and say what is wrong with any."""
    full = text.where(~text.str.fullmatch(r"\d{4}-\d{2}"), text + "-01")
    date = pd.to_datetime(full, format="%Y-%m-%d", errors="coerce")
    bad = date.isna() & ((text != "") | needed)
    told = [
        f"row {row}: `{cell}` is not a date such as 2018-04-01." for row, cell in text[bad].items()
    ]
    late = date > pd.Timestamp(as_at)
    told += [
        f"row {row}: {cell} has not come yet on {as_at:%Y-%m-%d}."
        for row, cell in text[late].items()
    ]
    return date, told


def _check_words(table: pd.DataFrame, name: str, column: str, known: list[str]) -> None:
    wrong = table[~table[column].isin(known)]
    if len(wrong):
        told = [f"row {r.row}: no {column} is called `{getattr(r, column)}`. "
                f"{nearest(getattr(r, column), known)}" for r in wrong.itertuples()]  # fmt: skip
        raise DesignError(f"{FOLDER}/{name}, " + " ".join(told))


def _refuse_twice(table: pd.DataFrame, key: list[str], name: str) -> None:
    twice = table[table.duplicated(key, keep=False)].sort_values(key)
    if len(twice):
        rows = ", ".join(str(row) for row in twice["row"])
        what = ", ".join(sorted(set(twice["activity"])))
        raise DesignError(
            f"{FOLDER}/{name}, rows {rows}: the same school twice in {what} (perhaps under two "
            "URNs). Keep one row."
        )


def _numbers(table: pd.DataFrame, name: str, column: str) -> pd.Series:
    number = pd.to_numeric(table[column], errors="coerce").astype(float)
    wrong = table[~((number >= 0) & (number <= 400)).to_numpy()]
    if len(wrong):
        told = [f"row {r.row}: `{getattr(r, column)}` is not a number of {column} from 0 to 400."
                for r in wrong.itertuples()]  # fmt: skip
        raise DesignError(f"{FOLDER}/{name}, " + " ".join(told))
    return number
