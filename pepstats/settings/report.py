"""A report as it is written down: its meeting, sources and programmes, and its paper's terms."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from pepstats.errors import DesignError
from pepstats.measures import reason_named
from pepstats.settings.programme import (
    Authority,
    Measure,
    Programme,
    Year,
    list_parts,
    load_programme,
)
from pepstats.settings.yaml import Settings, check_settings, check_slug, one_of, read_yaml

Format = Literal["word", "workbook", "pdf"]
FORMATS: tuple[str, ...] = get_args(Format)

Said = Annotated[str, Field(min_length=1, max_length=200)]


class Action(Settings):
    """What the last meeting asked for, by whom, and how it is answered; in the officers' words.

    An action without an answer stays in the paper as a place to be completed.
    """

    asked: str = Field(min_length=1, max_length=600)
    by: str = Field(default="", max_length=200)
    answer: str = Field(default="", max_length=2000)


class Disclosure(Settings):
    """What may leave in public: the policy that the gate keeps to.

    The keys that begin with `safe_`, and `rounding_base`, are those of the disclosure checker ACRO
    where they mean the same. `safe_threshold`: the fewest schools that a count may be of.
    `safe_threshold_pupils`: the fewest pupils. `safe_dof_threshold`: how many more schools than
    numbers shown of the same results. `safe_nk_n` schools may not have more than the share
    `safe_nk_k` of an estimate. `rounding_base`: counts of pupils are rounded to it.

    While results are not published, each school must keep the share `least_left` of what was
    uncertain of it before, `least_left_insider` where another school knows its own results, and
    `least_width` points in 100 of the range that its result can be in. `criteria` says whether a
    release carries the dashboard's criteria: with these, ratings can be recomputed once results
    are out.
    """

    safe_threshold: int = Field(default=3, ge=2, le=20, strict=True)
    safe_threshold_pupils: int = Field(default=10, ge=1, le=100, strict=True)
    safe_dof_threshold: int = Field(default=5, ge=1, le=100, strict=True)
    safe_nk_n: int = Field(default=2, ge=1, le=10, strict=True)
    safe_nk_k: float = Field(default=0.9, gt=0, le=1)
    rounding_base: int = Field(default=1, ge=1, le=100, strict=True)
    least_left: float = Field(default=0.9, ge=0.5, le=1)
    least_left_insider: float = Field(default=0.85, ge=0.5, le=1)
    least_width: float = Field(default=10.0, ge=1, le=100)
    criteria: Literal["exempt", "public"] = "exempt"


class Meeting(Settings):
    """The meeting a paper is for, and whose paper it is."""

    body: Said
    date: datetime.date
    report_from: Said
    report_by: Said


Kind = Literal[
    "ks2", "ks4", "census", "absence", "register", "links", "trusts", "ofsted", "la_series",
    "national", "local_results", "members", "statements", "support",
]  # fmt: skip

Release = Literal["school-returned", "provisional", "revised", "final"]
RELEASES: tuple[str, ...] = get_args(Release)

Reason = Annotated[str, AfterValidator(reason_named)]
Codes = dict[Annotated[str, Field(min_length=1, max_length=20)], Reason]


class SourceLine(Settings):
    """One published file; its kind, and its year where it can be, else come from its header.

    `codes` are what its own codes mean (`"*": suppressed`); `shares` says of columns of which the
    file does not tell whether they hold percentages or fractions; `page` is where it was published,
    where that is not the page that its kind is published on.
    """

    kind: Kind | None = None
    file: str = Field(min_length=1)
    year: Year | None = None
    release: Release | None = None
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    licence: str | None = None
    page: str | None = Field(default=None, pattern=r"^https?://\S+$")
    codes: Codes = Field(default_factory=dict)
    shares: dict[str, Literal["fraction", "percent"]] = Field(default_factory=dict)


class ListedSource(SourceLine):
    """One published file as a study lists it: what kind it is has to be said."""

    kind: Kind


class Report(Settings):
    """One autumn's study: its meeting, authority, year, sources, programmes and its paper's terms.

    One that `revises` an earlier report takes from it all that it does not say itself; its source
    lines stand in the place of the earlier report's of the same kind and year. `planted` says what
    each programme of an invented study really added, by outcome; nothing but the paper's last page
    reads it. `codes` are what the files' own codes mean, in all of them.
    """

    actions: tuple[Action, ...] = ()
    disclosure: Disclosure = Disclosure()
    formats: tuple[Annotated[Format, one_of("format", FORMATS)], ...] = ("word", "workbook")
    template: str | None = Field(default=None, pattern=r"(?i)\.docx$")
    slug: str
    title: str = Field(min_length=1, max_length=200)
    meeting: Meeting
    authority: Authority
    year: Year
    edition: Literal["public", "exempt"] = "public"
    invented: bool = False
    planted: dict[str, dict[Measure, float]] = Field(default_factory=dict)
    revises: str | None = None
    sources: tuple[ListedSource, ...] = Field(min_length=1)
    codes: Codes = Field(default_factory=dict)
    programmes: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def each_once(self) -> Report:
        """A programme listed twice would be run and counted twice."""
        if len(set(self.programmes)) < len(self.programmes):
            raise ValueError("a programme is listed twice")
        if self.planted and not self.invented:
            raise ValueError("`planted` is for invented data: nobody knows it of real schools")
        return self


def load_report(slug: str, data: Path) -> Report:
    """Read `reports/<slug>.yml` in a data folder, and the earlier report that it revises."""
    path = data / "reports" / f"{check_slug(slug, 'report')}.yml"
    report = check_settings(Report, {**_read_revised(slug, data, ()), "slug": slug}, path)
    parts = list_parts(report.programmes, data)
    if len(set(parts)) < len(parts):
        raise DesignError(f"{path}: `programmes`: a programme and a phase of it are both listed.")
    lines = [
        line.model_copy(update={"codes": {**report.codes, **line.codes}}) for line in report.sources
    ]
    return report.model_copy(update={"programmes": parts, "sources": tuple(lines)})


def _read_revised(slug: str, data: Path, later: tuple[str, ...]) -> dict[str, Any]:
    path = data / "reports" / f"{check_slug(slug, 'report')}.yml"
    own = read_yaml(path)
    earlier = own.get("revises")
    if not isinstance(earlier, str):
        return own
    if earlier in (*later, slug):
        raise DesignError(f"{path}: `revises`: {earlier} cannot come before itself.")
    before = _read_revised(earlier, data, (*later, slug))
    lines, new = before.get("sources"), own.get("sources", [])
    if isinstance(lines, list) and isinstance(new, list):
        replaced = {_what(line) for line in new}
        own = {**own, "sources": [*(old for old in lines if _what(old) not in replaced), *new]}
    return {**before, **own}


def load_newest(data: Path, slug: str) -> Report | None:
    """Load the report that a new one follows: of the latest year and meeting there are.

    Of an earlier year, where the new one's name ends in a year; nothing where there is none.
    """
    named = re.search(r"(\d{4})$", slug)
    before = int(named[1]) if named else 9999
    there = sorted(path.stem for path in (data / "reports").glob("*.yml"))
    reports = [one for name in there if (one := load_report(name, data)).year < before]
    return max(reports, key=lambda one: (one.year, one.meeting.date, one.slug), default=None)


def list_revised(slug: str, data: Path) -> list[str]:
    """List a report and those that it revises, the latest first; only itself where it has none."""
    found: list[str] = []
    later: str | None = slug
    while later is not None and later not in found:
        found.append(check_slug(later, "report"))
        path = data / "reports" / f"{later}.yml"
        earlier = read_yaml(path).get("revises") if path.is_file() else None
        later = earlier if isinstance(earlier, str) else None
    return found


def _what(line: Any) -> tuple[str, str]:
    """Return what a source line is a file of: its kind and year."""
    known = line if isinstance(line, dict) else {}
    return str(known.get("kind")), str(known.get("year"))


def check_named_files(report: Report, data: Path) -> None:
    """Refuse a report whose Word template is not there, before it runs."""
    if report.template and not (data / report.template).is_file():
        raise DesignError(
            f"{data / 'reports' / report.slug}.yml: there is no such file: `template`: "
            f"{report.template}. Paths are relative to the data folder."
        )


def load_programmes(report: Report, data: Path) -> list[Programme]:
    """Read the programmes of a report, in its order."""
    found = [load_programme(slug, data) for slug in report.programmes]
    for one in found:
        if one.placebo.draws != found[0].placebo.draws:
            raise DesignError(
                f"{one.file}: `placebo.draws` is {one.placebo.draws:,}, and that of "
                f"{found[0].file} {found[0].placebo.draws:,}. All programmes of a report are "
                "judged together, by as many placebo programmes each: write the same in both."
            )
    return found
