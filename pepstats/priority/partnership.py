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

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from pepstats.errors import DesignError, nearest
from pepstats.settings import Settings, SourceLine, check_settings, read_yaml
from pepstats.sources import find_source, read_text

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
    raw = read_text(find_source(SourceLine(kind="support", file=file), data)).frame()
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


def tabulate_register(
    partnership: Partnership | None,
    schools: pd.DataFrame,
    year: int,
    *,
    as_at: datetime.date,
    ofsted: pd.DataFrame | None = None,
) -> dict[str, pd.DataFrame]:
    """Give everything the register answers as tables, by name; none where there is no register.

    `participation` and `external-challenge` have a row per school; `programme-overlap`, `grants`,
    `claims`, `promises` and `themes` name no school.
    """
    if partnership is None:
        return {}
    matrix = list_participation(partnership, schools)
    grants, claims = add_funding(partnership)
    return {
        "participation": matrix,
        "activities": list_activities(partnership, matrix),
        "programme-overlap": count_overlap(partnership),
        "external-challenge": cover_challenge(partnership, schools, year, ofsted=ofsted),
        "grants": grants,
        "claims": claims,
        "promises": hold_promises(partnership, as_at),
        "themes": count_themes(partnership, matrix),
    }


def say_register(tables: dict[str, pd.DataFrame], year: int) -> list[str]:
    """Say in sentences what the register answers, or that none was given."""
    if not tables:
        return ["No partnership register was given with this study."]
    return [
        participation_sentence(tables["participation"]),
        challenge_sentence(tables["external-challenge"], year),
        *funding_sentences(tables["grants"], tables["claims"]),
    ]


def list_activities(partnership: Partnership, matrix: pd.DataFrame) -> pd.DataFrame:
    """List the activities with how many of the partnership's schools take part in each.

    Keyed `activity`: `title`, `kind`, `theme`, `lead`, `taking_part` (schools).
    """
    rows = [
        (a.id, a.title, a.kind, a.theme, a.lead, int(matrix[a.id].sum()))
        for a in partnership.register.activities
    ]
    columns = ["activity", "title", "kind", "theme", "lead", "taking_part"]
    return pd.DataFrame(rows, columns=columns).set_index("activity")


def list_participation(partnership: Partnership, schools: pd.DataFrame) -> pd.DataFrame:
    """Give the participation matrix: schools by activity, true where the school takes part.

    `schools` is the register of the partnership's own schools. Keyed `school`: `name`, a column
    per activity in the register's order, `activities` (how many) and `programmes` (how many of
    them are programmes).
    """
    ids = [activity.id for activity in partnership.register.activities]
    part = partnership.taking_part
    own = part[part["school"].isin(schools.index)].assign(there=True)
    matrix = own.pivot(index="school", columns="activity", values="there")
    matrix = matrix.reindex(index=schools.index, columns=ids).eq(True)
    programmes = [a.id for a in partnership.register.activities if a.kind == "programme"]
    counts = {"activities": matrix.sum(axis=1), "programmes": matrix[programmes].sum(axis=1)}
    return matrix.assign(**counts).assign(name=schools["name"])[["name", *ids, *counts]]


def count_overlap(partnership: Partnership) -> pd.DataFrame:
    """Count the schools that two programmes share, for every pair of programmes.

    Columns `one`, `other`, `both`, `only_one`, `only_other` (schools).
    """
    part = partnership.taking_part
    sets = {
        a.id: set(part.loc[part["activity"] == a.id, "school"])
        for a in partnership.register.activities
        if a.kind == "programme"
    }
    rows = [
        (one, other, len(sets[one] & sets[other]), len(sets[one] - sets[other]),
         len(sets[other] - sets[one]))
        for one in sets for other in sets if one < other
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["one", "other", "both", "only_one", "only_other"])


def cover_challenge(
    partnership: Partnership,
    schools: pd.DataFrame,
    year: int,
    *,
    ofsted: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Say which schools had an external review or an inspection in a school year.

    `ofsted` is keyed `school` with `inspected`; inspections in `reviews.csv` count as well. Keyed
    `school`: `name`, `governance`, `reviewed`, `inspected`, `challenged` (either).
    """
    first, last = pd.Timestamp(year - 1, 9, 1), pd.Timestamp(year, 8, 31)
    listed = partnership.reviews
    listed = listed[(listed["date"] >= first) & (listed["date"] <= last)]
    visits = listed["kind"] == "inspection"
    inspected = schools.index.isin(listed.loc[visits, "school"])
    if ofsted is not None:
        date = pd.to_datetime(ofsted["inspected"]).reindex(schools.index)
        inspected = inspected | ((date >= first) & (date <= last)).to_numpy()
    table = schools[["name", "governance"]].copy()
    table["reviewed"] = schools.index.isin(listed.loc[~visits, "school"])
    table["inspected"] = inspected
    table["challenged"] = table["reviewed"] | table["inspected"]
    return table


def challenge_sentence(challenge: pd.DataFrame, year: int) -> str:
    """Say how far external challenge reached, as the minute did: all except so many.

    How many there are in all is not said: beside counts of ratings it could show a hidden one.
    """
    own = challenge[challenge["governance"] == "maintained"]
    without = int((~own["challenged"]).sum())
    had = f"had an external review or an inspection in {year - 1}/{year % 100:02d}"
    if not len(own):
        return "There are no maintained schools."
    if without == len(own):
        return f"None of the maintained schools {had}."
    reach = "All the" if not without else f"All but {without} of the"
    return f"{reach} maintained schools {had}."


def participation_sentence(matrix: pd.DataFrame) -> str:
    """Say whether every school is in at least one activity."""
    without = int((matrix["activities"] == 0).sum())
    if not without:
        return f"Every one of the {len(matrix)} schools takes part in at least one activity."
    return f"{without} of the {len(matrix)} schools take part in nothing that is listed."


def add_funding(partnership: Partnership) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List the grants, and every paper's claim with its `difference` from what they add up to."""
    register = partnership.register
    grants = pd.DataFrame([g.model_dump() for g in register.grants],
                          columns=["activity", "amount", "source"])  # fmt: skip
    claims = pd.DataFrame([c.model_dump() for c in register.claims],
                          columns=["said", "amount", "source"])  # fmt: skip
    claims["difference"] = claims["amount"] - float(grants["amount"].sum())
    return grants, claims


def funding_sentences(grants: pd.DataFrame, claims: pd.DataFrame) -> list[str]:
    """Say what the grants add up to, and where a paper has said otherwise."""
    sentences = [f"The grants listed add up to £{grants['amount'].sum():,.0f}."]
    for claim in claims[claims["difference"] != 0].to_dict("records"):
        more = "more" if claim["difference"] > 0 else "less"
        sentences.append(
            f"{claim['source']} says “{claim['said']}” (£{claim['amount']:,.0f}), "
            f"£{abs(claim['difference']):,.0f} {more} than the grants listed: the two do not "
            "agree, and which is right has to be asked."
        )
    return sentences


def hold_promises(partnership: Partnership, as_at: datetime.date) -> pd.DataFrame:
    """Hold each promise to its target: met, partly met, not met, not yet due, or no figure.

    A promise is partly met when the figure has moved from the baseline towards the target without
    reaching it. One that is met early is met. Keyed `promise`: `activity`, `measure`, `group`,
    `theme`, `baseline`, `target`, `actual`, `due`, `status`.
    """
    rows = []
    for promise in partnership.register.promises:
        sign = 1.0 if promise.target > promise.baseline else -1.0
        actual = np.nan if promise.actual is None else promise.actual
        if sign * (actual - promise.target) >= 0:
            status = "met"
        elif promise.due > as_at:
            status = "not yet due"
        elif promise.actual is None:
            status = "no figure"
        else:
            status = "partly met" if sign * (actual - promise.baseline) > 0 else "not met"
        rows.append((promise.id, promise.activity, promise.measure, promise.group, promise.theme,
                     promise.baseline, promise.target, actual, promise.due, status))  # fmt: skip
    columns = ["promise", "activity", "measure", "group", "theme", "baseline", "target", "actual",
               "due", "status"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).set_index("promise")


def count_themes(partnership: Partnership, matrix: pd.DataFrame) -> pd.DataFrame:
    """Count activities and who takes part in them under each theme of the Education Strategy.

    Keyed `theme`: `title`, `activities`, `taking_part` (schools), `promises`.
    """
    rows = []
    for theme, title in THEMES.items():
        ids = [a.id for a in partnership.register.activities if a.theme == theme]
        schools = int(matrix[ids].any(axis=1).sum()) if ids else 0
        promises = sum(p.theme == theme for p in partnership.register.promises)
        rows.append((theme, title, len(ids), schools, promises))
    columns = ["theme", "title", "activities", "taking_part", "promises"]
    return pd.DataFrame(rows, columns=columns).set_index("theme")
