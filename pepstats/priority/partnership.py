"""The partnership register: who is in what, who has been reviewed, what it costs, what it promised.

Activities, grants and promises are written in `partnership/register.yml` of a data folder; who
takes part, who was reviewed and what support was given in the CSVs beside it, a row per school.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from pepstats.errors import DesignError, nearest
from pepstats.formatting import spell_number
from pepstats.priority.dashboard import Themes
from pepstats.settings import Settings, SourceLine, check_settings, read_yaml
from pepstats.sources import find_source, misspelt, read_text

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


class Activity(Settings):
    """A programme, subject network, leadership course or event that schools take part in."""

    id: Id
    title: Words
    kind: Literal["programme", "network", "course", "event"]
    theme: Themes
    lead: Words
    starts: datetime.date
    ends: datetime.date | None = None
    note: str = ""


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
    theme: Themes

    @model_validator(mode="after")
    def aims_somewhere(self) -> Promise:
        """A target equal to the baseline promises nothing, so nothing could be held to it."""
        if self.target == self.baseline:
            raise ValueError("target is the same as baseline.")
        return self


class Register(Settings):
    """`register.yml`: activities, grants, what was said of the money, and promises.

    `kept_to` is the last day it was kept up: a meeting after it has no register.
    """

    kept_to: datetime.date | None = None
    activities: tuple[Activity, ...] = Field(min_length=1)
    grants: tuple[Grant, ...] = ()
    claims: tuple[Claim, ...] = ()
    promises: tuple[Promise, ...] = ()

    @model_validator(mode="after")
    def holds_together(self) -> Register:
        """Each id once, and grants and promises of activities that are listed."""
        known = [one.id for one in self.activities]
        problems = [
            f"{what}: `{one}` is listed twice."
            for what, ids in (("activities", known), ("promises", [p.id for p in self.promises]))
            for one in sorted({one for one in ids if ids.count(one) > 1})
        ]
        problems += [
            f"{what}: no activity is called `{line.activity}`. {nearest(line.activity, known)}"
            for what, lines in (("grants", self.grants), ("promises", self.promises))
            for line in lines
            if line.activity not in known
        ]
        if problems:
            raise ValueError(" ".join(problems))
        return self


@dataclass(frozen=True)
class Partnership:
    """The register as read, every school by its stable identity; all tables are sorted.

    `taking_part` has `school`, `activity` and `joined` (missing where not given), each pair once;
    `reviews` has `school`, `date`, `kind` and `by`; `delivered`, support given, `school`, `date`,
    `days` and `provider`; `warnings`, of notices, `school` and `date`. It is None where no list was
    kept, which is not the same as a list with nothing in it.
    """

    register: Register
    taking_part: pd.DataFrame = field(repr=False)
    reviews: pd.DataFrame = field(repr=False)
    delivered: pd.DataFrame = field(repr=False)
    warnings: pd.DataFrame | None = field(default=None, repr=False)

    @property
    def activities(self) -> pd.DataFrame:
        """One row per `activity`: `title`, `kind`, `theme` and `lead`."""
        table = pd.DataFrame([activity.model_dump() for activity in self.register.activities])
        table = table.rename(columns={"id": "activity"}).set_index("activity")
        return table[["title", "kind", "theme", "lead"]]

    @property
    def programmes(self) -> list[str]:
        """The activities that are programmes."""
        return [one.id for one in self.register.activities if one.kind == "programme"]


REVIEW_KINDS = ("external review", "peer review", "inspection")

_COLUMNS = {
    "participation.csv": ("urn", "activity", "joined"),
    "reviews.csv": ("urn", "date", "kind", "by"),
    "delivered.csv": ("urn", "date", "days", "provider"),
    "warnings.csv": ("urn", "date"),
}

Checked = tuple[pd.Series, pd.Series]
"""A column as read, and what is wrong in which of its rows."""

Checks = dict[str, Callable[[pd.Series], Checked]]


def find_partnership(
    data: Path, schools: pd.DataFrame, members: pd.DataFrame, *, as_at: datetime.date
) -> Partnership | None:
    """Read the register of a data folder by the tables of step 01; None without one of the time.

    `schools` is the register of schools (`urns`, all a school has had); nothing may be dated after
    `as_at`, the day of the meeting. `members` are the evaluated programmes' schools (`programme`,
    `school`, `joined`): an activity of the same id takes them from there, so that no list is kept
    twice. Raises `DesignError` naming file and row for a URN nobody knows, a school twice in one
    activity, an unknown activity, a date that is none or has not come; `reviews.csv`,
    `delivered.csv` and `warnings.csv` may be absent.
    """
    path = data / FOLDER / "register.yml"
    if not path.is_file():
        return None
    register = check_settings(Register, read_yaml(path), path)
    if register.kept_to is not None and as_at > register.kept_to:
        return None
    activities = sorted(activity.id for activity in register.activities)
    urns = schools["urns"].astype("str").str.split().explode().astype("int64")
    known = pd.Series(urns.index, index=urns.to_numpy())
    checks: Checks = {
        "urn": partial(_find_schools, known[~known.index.duplicated(keep=False)]),
        "activity": partial(_check_words, "activity", activities),
        "kind": partial(_check_words, "kind", REVIEW_KINDS),
        "date": partial(_read_dates, as_at, needed=True),
        "joined": partial(_read_dates, as_at, needed=False),
        "days": _read_days,
    }
    own = members[members["programme"].isin(activities)]
    part = _join_members(
        _read_rows(data, "participation.csv", checks), own.rename(columns={"programme": "activity"})
    )
    reviews, given, warned = (
        _read_rows(data, name, checks) for name in ("reviews.csv", "delivered.csv", "warnings.csv")
    )
    kept = (data / FOLDER / "warnings.csv").is_file()
    return Partnership(register, part, reviews, given, warned if kept else None)


def _join_members(listed: pd.DataFrame, members: pd.DataFrame) -> pd.DataFrame:
    """Join who takes part by the register with the evaluated programmes' own schools."""
    file = f"{FOLDER}/participation.csv"
    for slug in sorted(set(listed["activity"]) & set(members["activity"])):
        raise DesignError(
            f"{file}: `{slug}` is an evaluated programme; its schools are those of "
            f"programmes/{slug}.yml. Remove its rows here."
        )
    twice = listed[listed.duplicated(["school", "activity"], keep=False)]
    if len(twice):
        rows, what = (", ".join(map(str, own)) for own in (twice.index, set(twice["activity"])))
        raise DesignError(
            f"{file}, rows {rows}: the same school twice in {what} (perhaps under two URNs). Keep "
            "one row."
        )
    joined = pd.to_datetime(members["joined"], format="mixed", errors="coerce")
    table = pd.concat([listed, members.assign(joined=joined)])[[*listed]]
    return table.sort_values(["school", "activity"], kind="stable", ignore_index=True)


def _read_rows(data: Path, name: str, checks: Checks) -> pd.DataFrame:
    """Read one CSV of the register, or no row where it is absent; the index is the file's rows."""
    file, columns = f"{FOLDER}/{name}", _COLUMNS[name]
    raw = pd.DataFrame(columns=list(columns), dtype="str")
    if name == "participation.csv" or (data / file).is_file():
        raw = read_text(find_source(SourceLine(kind="support", file=file), data)).frame()
    raw = raw.rename(columns=lambda column: column.strip().lower())
    strange = misspelt(sorted(raw), columns)
    told = [f"no column is called `{c}` here. {nearest(c, columns)}" for c in strange]
    told += [f"the column `{c}` is missing." for c in columns if c not in raw and c != "joined"]
    if told:
        raise DesignError(f"{file}, row 1: {' '.join(told)}")
    text = raw.reindex(columns=list(columns)).fillna("").map(str.strip).astype("str")
    read = text = text[(text != "").any(axis=1)]
    problems = []
    for column in [column for column in columns if column in checks]:
        values, wrong = checks[column](text[column])
        read = read.assign(**{column: values})
        problems += [f"row {row}: {fault}" for row, fault in wrong.items()]
    if problems:
        raise DesignError(f"{file}, " + " ".join(problems))
    read = read.rename(columns={"urn": "school"}).astype({"school": "int64"})
    return read.sort_values(["school", columns[1]], kind="stable")


def _find_schools(known: pd.Series, text: pd.Series) -> Checked:
    """Find the school that each URN is or was of."""
    urn = pd.to_numeric(text, errors="coerce").fillna(-1).astype("int64")
    strange = text[~urn.isin(known.index)]
    return urn.map(known), "no school has had the URN `" + strange + "`."


def _check_words(what: str, known: Sequence[str], text: pd.Series) -> Checked:
    """Check that every word is one of those known."""
    strange = text[~text.isin(known)]
    return text, strange.map(lambda w: f"no {what} is called `{w}`. {nearest(w, known)}")


def _read_dates(as_at: datetime.date, text: pd.Series, *, needed: bool) -> Checked:
    """Read dates (2018-04-01, or 2018-04 for its first day), none of which is still to come."""
    full = text.where(~text.str.fullmatch(r"\d{4}-\d{2}"), text + "-01")
    date = pd.to_datetime(full, format="%Y-%m-%d", errors="coerce")
    bad = "`" + text[date.isna() & ((text != "") | needed)] + "` is not a date such as 2018-04-01."
    late = text[date > pd.Timestamp(as_at)] + f" has not come yet on {as_at:%Y-%m-%d}."
    return date, pd.concat([bad, late])


def _read_days(text: pd.Series) -> Checked:
    """Read numbers of days."""
    number = pd.to_numeric(text, errors="coerce").astype(float)
    strange = text[~number.between(0, 400)]
    return number, "`" + strange + "` is not a number of days from 0 to 400."


def tabulate_register(
    partnership: Partnership | None, schools: pd.DataFrame, year: int, *,
    as_at: datetime.date, ofsted: pd.DataFrame | None = None,
) -> dict[str, pd.DataFrame]:  # fmt: skip
    """Tabulate everything the register answers, by name; nothing where there is no register.

    `participation` and `external-challenge` have a row per school; `programme-overlap`, `grants`,
    `claims`, `promises` and `themes` name no school.
    """
    if partnership is None:
        return {}
    matrix, activities = list_participation(partnership, schools), partnership.activities
    grants, claims = add_funding(partnership)
    return {
        "participation": matrix,
        "activities": activities.assign(taking_part=matrix[activities.index].sum()),
        "programme-overlap": count_overlap(partnership),
        "external-challenge": cover_challenge(partnership, schools, year, ofsted),
        "grants": grants,
        "claims": claims,
        "promises": hold_promises(partnership, as_at),
        "themes": count_themes(partnership, matrix),
    }


def say_register(tables: dict[str, pd.DataFrame], year: int) -> list[str]:
    """Write in sentences what the register answers, or that none was given."""
    if not tables:
        return ["No partnership register was given with this study."]
    return [
        participation_sentence(tables["participation"]),
        challenge_sentence(tables["external-challenge"], year),
        *funding_sentences(tables["grants"], tables["claims"]),
    ]


def list_participation(partnership: Partnership, schools: pd.DataFrame) -> pd.DataFrame:
    """Lay out schools by activity, true where the school takes part, and count them."""
    ids, part = partnership.activities.index, partnership.taking_part
    matrix = pd.crosstab(part["school"], part["activity"]).reindex(schools.index, columns=ids) > 0
    matrix.insert(0, "name", schools["name"])
    return matrix.assign(
        activities=matrix[ids].sum(axis=1), programmes=matrix[partnership.programmes].sum(axis=1)
    )


def count_overlap(partnership: Partnership) -> pd.DataFrame:
    """Count the schools that two programmes share, for every pair of programmes."""
    part = partnership.taking_part
    sets = {one: set(part.loc[part["activity"] == one, "school"]) for one in partnership.programmes}
    rows = [
        (one, other, len(a & b), len(a - b), len(b - a))
        for one, a in sets.items()
        for other, b in sets.items()
        if one < other
    ]
    return pd.DataFrame(rows, columns=["one", "other", "both", "only_one", "only_other"])


def cover_challenge(
    partnership: Partnership, schools: pd.DataFrame, year: int, ofsted: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return which schools had an external review or an inspection in a school year."""
    first, last = pd.Timestamp(year - 1, 9, 1), pd.Timestamp(year, 8, 31)
    listed = partnership.reviews[partnership.reviews["date"].between(first, last)]
    visits = listed["kind"] == "inspection"
    reviewed, inspected = (
        schools.index.isin(listed.loc[own, "school"]) for own in (~visits, visits)
    )
    if ofsted is not None:
        date = pd.to_datetime(ofsted["inspected"]).reindex(schools.index)
        inspected = inspected | date.between(first, last).to_numpy()
    return schools[["name", "governance"]].assign(
        reviewed=reviewed, inspected=inspected, challenged=reviewed | inspected
    )


def challenge_sentence(challenge: pd.DataFrame, year: int) -> str:
    """Write how far external challenge reached, as the minute did: all except so many.

    How many there are in all is not said: beside counts of ratings it could show a hidden one.
    """
    own = challenge[challenge["governance"] == "maintained"]
    without = int((~own["challenged"]).sum())
    had = f"had an external review or an inspection in {year - 1}/{year % 100:02d}"
    if not len(own):
        return "There are no maintained schools."
    if without == len(own):
        return f"None of the maintained schools {had}."
    reach = "All the" if not without else f"All but {spell_number(without)} of the"
    return f"{reach} maintained schools {had}."


def participation_sentence(matrix: pd.DataFrame) -> str:
    """Write whether every school is in at least one activity."""
    without = int((matrix["activities"] == 0).sum())
    if not without:
        return f"Every one of the {len(matrix)} schools takes part in at least one activity."
    return f"{without} of the {len(matrix)} schools take part in nothing that is listed."


def add_funding(partnership: Partnership) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List the grants, and every paper's claim with its `difference` from what they add up to."""
    grants, claims = (
        pd.DataFrame([line.model_dump() for line in lines], columns=list(model.model_fields))
        for model, lines in ((Grant, partnership.register.grants),
                             (Claim, partnership.register.claims))
    )  # fmt: skip
    return grants, claims.assign(difference=claims["amount"] - float(grants["amount"].sum()))


def funding_sentences(grants: pd.DataFrame, claims: pd.DataFrame) -> list[str]:
    """Write what the grants add up to, and where a paper has said otherwise."""
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
    reaching it. One that is met early is met.
    """
    rows = [
        {**promise.model_dump(), "promise": promise.id, "status": _hold(promise, as_at)}
        for promise in partnership.register.promises
    ]
    columns = ["promise", "activity", "measure", "group", "theme", "baseline", "target", "actual",
               "due", "status"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).set_index("promise")


def _hold(promise: Promise, as_at: datetime.date) -> str:
    sign = 1.0 if promise.target > promise.baseline else -1.0
    actual = np.nan if promise.actual is None else promise.actual
    if sign * (actual - promise.target) >= 0:
        return "met"
    if promise.due > as_at:
        return "not yet due"
    if promise.actual is None:
        return "no figure"
    return "partly met" if sign * (actual - promise.baseline) > 0 else "not met"


def count_themes(partnership: Partnership, matrix: pd.DataFrame) -> pd.DataFrame:
    """Count the activities, who takes part in them and the promises under each theme."""
    activities, rows = partnership.activities, []
    for theme, title in THEMES.items():
        ids = activities.index[activities["theme"] == theme]
        promises = sum(p.theme == theme for p in partnership.register.promises)
        rows.append((theme, title, len(ids), int(matrix[ids].any(axis=1).sum()), promises))
    columns = ["theme", "title", "activities", "taking_part", "promises"]
    return pd.DataFrame(rows, columns=columns).set_index("theme")
