"""Programmes of support as they are written down, one or many: YAML in, frozen settings out."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from pepstats.errors import DesignError, as_reason, nearest
from pepstats.measures import BREAKS, GROUPS, LOCAL_GROUPS, MEASURES
from pepstats.settings.yaml import Settings, check_settings, check_slug, one_of, read_yaml

PHASES = {"primary": ("primary", "all-through"), "secondary": ("secondary", "all-through")}
"""Each phase, and the phases of the schools that have its results."""

STAGES = {"primary": "ks2", "secondary": "ks4"}
"""Each phase, and the key stage whose results are its own."""

Phase = Literal["primary", "secondary", "all"]
Year = Annotated[int, Field(ge=2000, le=2100, strict=True)]
Authority = Annotated[int, Field(ge=100, le=999, strict=True)]
Urn = Annotated[int, Field(ge=100_000, le=9_999_999, strict=True)]
Measure = Annotated[str, one_of("measure", MEASURES)]
BreakWord = Annotated[str, one_of("change of definition", [one.word for one in BREAKS])]

_MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])(?:-\d\d)?")
_SCHOOL_YEAR = re.compile(r"(20\d\d)/(\d\d)")
_YEAR = re.compile(r"20\d\d")


def read_first_year(joined: object) -> int | None:
    """Return the year of the first results that could show a school that joined then.

    From September on they are those of the next summer: `2017-09`, `2017/18` and `2018` are all
    2018. None where nothing is given, or nothing that can be read.
    """
    text = str(joined).strip()
    if found := _MONTH.fullmatch(text):
        return int(found[1]) + (int(found[2]) >= 9)
    if found := _SCHOOL_YEAR.fullmatch(text):
        return int(found[1]) + 1
    return int(text) if _YEAR.fullmatch(text) else None


def _read_joined(joined: object) -> object:
    """Take a year or a day as YAML reads it too; refuse what says no time."""
    text = str(joined) if isinstance(joined, (int, datetime.date)) else joined
    if isinstance(text, str) and text.strip() and read_first_year(text) is None:
        raise ValueError(
            f"`{text[:40]}` is no time of joining: write it as 2017-09, 2017-09-04, 2017/18 or "
            "2018."
        )
    return text


class Member(Settings):
    """A school in a programme: since when, how much of it, how it was picked, what else changed.

    `authority` says of a school elsewhere that it is meant.
    """

    urn: Urn
    joined: Annotated[str | None, BeforeValidator(_read_joined)] = None
    dose: float | None = Field(default=None, ge=0, le=100_000)
    basis: str | None = None
    changed: str | None = None
    authority: Annotated[int, Field(ge=100, le=999)] | None = None


class MembersInAuthority(Settings):
    """Every school with results in one authority."""

    authority: Authority


class MembersInFile(Settings):
    """A CSV beside the study with the columns urn, joined, dose, basis, changed."""

    file: str


def _how_members_are_given(members: Any) -> str:
    if isinstance(members, dict):
        return "file" if "file" in members else "authority"
    return "list"


Members = Annotated[
    Annotated[MembersInAuthority, Tag("authority")]
    | Annotated[MembersInFile, Tag("file")]
    | Annotated[tuple[Member, ...], Tag("list"), Field(min_length=1)],
    Discriminator(_how_members_are_given),
]

ListName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 -]{0,39}$")]


class PoolRule(Settings):
    """Where comparison schools may come from. Members of known programmes never may.

    `neighbours` are the codes of the authority's statistical neighbours, which a check compares
    with; `true` says that `authorities`, which all comparison is held to, are these. `lists` are
    published lists of similar schools, each a file with the columns urn and similar_urn, which
    checks compare with.
    """

    outside: Literal["authority"] = "authority"
    authorities: tuple[Authority, ...] | None = None
    neighbours: Annotated[bool, Field(strict=True)] | tuple[Authority, ...] = False
    exclude: tuple[Urn, ...] = ()
    lists: dict[ListName, str] = Field(default_factory=dict, max_length=10)


class MatchRule(Settings):
    """How alike a comparison school must be: equal in some things, nearest in the others.

    `caliper` is the furthest a comparison school may be in all, in standard deviations; `calipers`
    the largest difference in single measures, each in its own unit and in every year matched on.
    """

    exact: tuple[Literal["phase", "school_type", "governance"], ...] = ("phase", "school_type")
    near: tuple[Measure, ...] = Field(min_length=1)
    k: int = Field(default=50, ge=1, le=200, strict=True)
    caliper: float | None = Field(default=None, gt=0)
    calipers: dict[Measure, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def calipers_are_of_what_is_matched(self) -> MatchRule:
        """A caliper on something that is not matched on would be kept by chance only."""
        strange = [name for name in self.calipers if name not in self.near]
        if strange:
            raise ValueError(f"`calipers`: {', '.join(strange)} is not in `near`")
        return self


class PlaceboRule(Settings):
    """How many placebo draws measure chance."""

    draws: int = Field(default=10_000, ge=99, le=1_000_000, strict=True)


class Cost(Settings):
    """What the programme cost in pounds, over how many years, and the pupils it was for.

    `all_pupils` are those on the roll of its schools, where no census is among the sources.
    """

    grant: float | None = Field(default=None, ge=0)
    pupils: int | None = Field(default=None, ge=1)
    all_pupils: int | None = Field(default=None, ge=1)
    years: int = Field(default=1, ge=1, le=10, strict=True)


class EvidenceRule(Settings):
    """What no file says of how strong the evidence is: taken into the self-assessed grade."""

    chosen: Literal["chosen", "random"] = "chosen"
    comparison_cleared: bool = False


class Programme(Settings):
    """One programme of support: its schools, its outcomes and how it is compared, all fixed.

    One whose `phase` is `all` has outcomes of both key stages; it is evaluated in two parts, each
    on its own pool (`split_phases`), and `part_of` is then the slug of the whole.
    """

    model_config = ConfigDict(validate_by_name=True)  # `for` is no name in Python: `whom`

    slug: str
    title: str = Field(min_length=1, max_length=200)
    summary: str = ""
    phase: Phase
    starts: Year
    baseline: tuple[Year, ...] = Field(min_length=1)
    outcomes: tuple[Measure, ...] = Field(min_length=1)
    whom: Annotated[str, one_of("group of pupils", ("all", *GROUPS))] = Field(
        default="all", alias="for"
    )
    must_not_move: tuple[Measure, ...] = ()
    members: Members
    pool: PoolRule = PoolRule()
    match: MatchRule
    compare_across: tuple[BreakWord, ...] = ()
    placebo: PlaceboRule = PlaceboRule()
    cost: Cost = Cost()
    months: str | None = None
    evidence: EvidenceRule = EvidenceRule()
    seed: int = Field(ge=0, strict=True)
    part_of: str = ""

    @model_validator(mode="after")
    def each_phase_has_its_own(self) -> Programme:
        """A phase without an outcome, or without anything to be matched on, cannot be compared."""
        for key, measures in (("outcomes", self.outcomes), ("match.near", self.match.near)):
            for phase in STAGES if self.phase == "all" else ():
                if not _of_phase(measures, phase):
                    raise ValueError(
                        f"`phase: all` needs a {STAGES[phase]} measure in `{key}`, for its {phase} "
                        "schools"
                    )
        return self

    @model_validator(mode="after")
    def baseline_comes_before(self) -> Programme:
        """A baseline year on or after the start would compare the programme with itself."""
        if max(self.baseline) >= self.starts:
            raise ValueError(f"baseline {max(self.baseline)} is not before starts {self.starts}")
        if any(len(set(one)) < len(one) for one in (self.baseline, self.outcomes)):
            raise ValueError("a baseline year or an outcome is listed twice")
        return self

    @model_validator(mode="after")
    def leads_with_whom_it_is_for(self) -> Programme:
        """A programme for a group that schools publish is judged by that group's results first."""
        first, whole = self.outcomes[0], self.outcomes[0].partition(".")[0]
        published = self.whom in GROUPS and self.whom not in LOCAL_GROUPS
        if published and first.partition(".")[2] != self.whom:
            raise ValueError(
                f"`outcomes`: a programme `for: {self.whom}` is judged first by the results of "
                f"{GROUPS[self.whom]}. Write `{whole}.{self.whom}` before `{first}`"
            )
        if first.partition(".")[2] in LOCAL_GROUPS:
            raise ValueError(
                f"`outcomes`: no school publishes results of {GROUPS[first.partition('.')[2]]}, so "
                f"a programme for them is judged by all pupils'. Write `{whole}` first"
            )
        if both := set(self.must_not_move) & set(self.outcomes):
            raise ValueError(f"`must_not_move`: {min(both)} is among `outcomes`, so it may move")
        return self

    @property
    def primary(self) -> str:
        """The outcome fixed beforehand as the one that answers the question."""
        return self.outcomes[0]

    @property
    def whole(self) -> str:
        """The slug of the programme as it is written down, of which this may be one phase."""
        return self.part_of or self.slug

    @property
    def file(self) -> str:
        """The file it is written down in, in the data folder."""
        return f"programmes/{self.whole}.yml"

    @property
    def files(self) -> tuple[str, ...]:
        """The files it is written down in: its own, and the lists of schools that it names."""
        members = self.members
        own = (members.file,) if isinstance(members, MembersInFile) else ()
        return (self.file, *own, *self.pool.lists.values())


def lead_with(programme: Programme, outcome: str) -> Programme:
    """Return a programme with one of its outcomes first, the others in their order."""
    rest = (one for one in programme.outcomes if one != outcome)
    return programme.model_copy(update={"outcomes": (outcome, *rest)})


def split_phases(programme: Programme) -> tuple[Programme, ...]:
    """Split a programme with outcomes of both key stages into a part for each phase.

    Each part has its own outcomes and is matched on its own measures; what is neither key stage's
    (absence, the roll) is in both. The cost stays that of the whole.
    """
    if programme.phase != "all":
        return (programme,)
    parts = []
    for phase in STAGES:
        near = _of_phase(programme.match.near, phase, also=True)
        parts.append(programme.model_copy(update={
            "slug": f"{programme.slug}-{phase}",
            "title": f"{programme.title}: {phase} schools",
            "phase": phase,
            "part_of": programme.slug,
            "outcomes": _of_phase(programme.outcomes, phase, also=True),
            "match": programme.match.model_copy(update={"near": near}),
        }))  # fmt: skip
    return tuple(parts)


def group_phases(programmes: Iterable[Programme]) -> dict[str, list[Programme]]:
    """Gather the parts of each programme of several phases that are there, by its own slug."""
    found: dict[str, list[Programme]] = {}
    for programme in programmes:
        if programme.part_of:
            found.setdefault(programme.part_of, []).append(programme)
    return {whole: parts for whole, parts in found.items() if len(parts) > 1}


def _of_phase(measures: tuple[str, ...], phase: str, *, also: bool = False) -> tuple[str, ...]:
    """Keep the measures of a phase's key stage, and `also` those of no key stage after them."""
    known = {name: MEASURES[name].kind for name in measures}
    first = [n for n in measures if known[n] == STAGES[phase]]
    return (*first, *(n for n in measures if also and known[n] not in STAGES.values()))


def load_programme(slug: str, data: Path) -> Programme:
    """Read `programmes/<slug>.yml` in a data folder, or one phase of a programme of several."""
    path = data / "programmes" / f"{check_slug(slug, 'programme')}.yml"
    whole, _, phase = slug.rpartition("-")
    if not path.is_file() and phase in STAGES and path.with_name(f"{whole}.yml").is_file():
        parts = {part.slug: part for part in split_phases(load_programme(whole, data))}
        if slug in parts:
            return parts[slug]
    content = read_yaml(path)
    for key in {"part_of", "whom"} & content.keys():
        raise DesignError(f"{path}: unknown key `{key}`. {nearest(key, ('for',))}")
    return check_settings(Programme, {**content, "slug": slug}, path)


def list_parts(slugs: Iterable[str], data: Path) -> tuple[str, ...]:
    """List programmes by what is evaluated: each phase of one that has both, else itself."""
    found: list[str] = []
    for slug in slugs:
        path = data / "programmes" / f"{check_slug(slug, 'programme')}.yml"
        both = path.is_file() and read_yaml(path).get("phase") == "all"
        found += [p.slug for p in split_phases(load_programme(slug, data))] if both else [slug]
    return tuple(found)


LONGEST_KIND = 40
"""Letters of a word for what kind of programme it is."""


@dataclass(frozen=True)
class Entered:
    """A programme as it was entered: `programme`, or the `reason` why nothing can be made of it.

    `kind` is a word for what kind of programme it is, to be pooled with others of it; `where` the
    file that it stands in.
    """

    slug: str
    title: str
    where: str
    programme: Programme | None = None
    kind: str = ""
    reason: str = ""


def load_sweep_folder(folder: Path) -> list[Entered]:
    """Read every programme's YAML of a folder, as of a report, with `kind` beside its keys.

    One that cannot be read is entered with the reason, so that the rest goes on.
    """
    files = sorted(folder.glob("*.yml"))
    if not files:
        raise DesignError(f"{folder}: no programme is in this folder (*.yml).")
    return [_load_one(path) for path in files]


def _load_one(path: Path) -> Entered:
    try:
        slug = check_slug(path.stem, "programme")
        content = read_yaml(path)
        kind = str(content.pop("kind", "") or "").strip()[:LONGEST_KIND]
        for key in {"part_of", "whom", "slug"} & content.keys():
            raise DesignError(f"{path}: unknown key `{key}`.")
        programme = check_settings(Programme, {**content, "slug": slug}, path)
    except DesignError as error:
        reason = as_reason(error).removeprefix(f"{path}: ")
        return Entered(path.stem, path.stem, path.name, reason=f"its file cannot be used: {reason}")
    return Entered(slug, programme.title, path.name, programme, kind)
