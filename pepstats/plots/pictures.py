"""The pictures of a run: figure, table, alt text and caption, together and of the same numbers."""

from __future__ import annotations

import html
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from pepstats.errors import DesignError
from pepstats.formatting import label_variable, reader_words, round_half_up
from pepstats.measures import GAP, MEASURES, outcome_label
from pepstats.plots.bars import (
    describe_consort,
    describe_ratings,
    draw_consort,
    draw_ratings,
    height_of_consort,
)
from pepstats.plots.dots import choose_dots, describe_hundred_dots, draw_hundred_dots
from pepstats.plots.lines import (
    OTHERS,
    describe_band_lines,
    describe_small_lines,
    describe_two_lines,
    draw_band_lines,
    draw_small_lines,
    draw_two_lines,
    height_of_small_lines,
)
from pepstats.plots.ranges import (
    describe_check_rows,
    describe_love_plot,
    describe_school_dots,
    draw_check_rows,
    draw_love_plot,
    draw_school_dots,
    height_of_balance,
    height_of_checks,
    height_of_school_dots,
)
from pepstats.plots.style import new_axes, new_figure, to_png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KIND = re.compile(
    r"\b(?:(?:CofE|CE|RC|Catholic|Primary|Junior|Infant|Nursery|Community|Secondary|High|and|&)\s+)*"
    r"(?:School|Academy)\b"
)
"""How a school's name ends that says what kind of school it is."""

IN_A_ROW = 3  # small pictures of schools
TALLEST = 9.0  # inches, of a page


@dataclass(frozen=True)
class Picture:
    """A figure with the table it was drawn from, the words that stand for it and its caption."""

    figure: Figure = field(repr=False)
    table: pd.DataFrame = field(repr=False)
    alt: str
    caption: str

    def _repr_html_(self) -> str:
        """Return the figure under its caption, with its alt text, as a notebook shows it."""
        png = b64encode(to_png(self.figure)).decode("ascii")
        return (
            f'<p>{html.escape(self.caption)}<br><img alt="{html.escape(self.alt)}" width="640" '
            f'src="data:image/png;base64,{png}"></p>'
        )


@dataclass(frozen=True)
class LineNote:
    """What the caption of two lines says after its first sentences, and what the dashed one is."""

    words: str = ""
    others: str = OTHERS

    @property
    def forecast(self) -> bool:
        """Whether the dashed line ends in a forecast."""
        return self.others != OTHERS


def picture_gaps(
    averages: pd.DataFrame, notes: Mapping[str, LineNote], *, title: str, starts: int
) -> dict[str, Picture]:
    """Draw, for each outcome, the programme's schools and their comparison schools by year.

    `averages` has one row per `outcome` and `year` (`average_lines`); `notes` has, by outcome, what
    a caption says after its first sentences, and what the dashed line is of. Named `gap-<outcome>`.
    """
    return {
        f"gap-{outcome}": two_lines(
            lines,
            str(outcome),
            title=title,
            starts=starts,
            note=notes.get(str(outcome), LineNote()),
        )
        for outcome, lines in averages.groupby("outcome", sort=False)
        if lines["n_schools"].any()
    }


def two_lines(
    lines: pd.DataFrame, outcome: str, *, title: str, starts: int, note: LineNote | None = None
) -> Picture:
    """Draw the programme's schools and their comparison schools in one outcome, year by year.

    `lines` has `year`, `members` and `comparison`, and `outcome` where it is of several; `note`
    follows in the caption.
    """
    if "outcome" in lines:
        lines = lines[lines["outcome"] == outcome]
    if lines.empty:
        raise DesignError(f"there is no line of `{outcome}` to draw: it has no estimate.")
    unit, lines = _level_unit(outcome), round_columns(lines, outcome, "members", "comparison")
    figure, ax = new_axes(2.5)
    note = note or LineNote()
    draw_two_lines(lines, ax, starts=starts, unit=unit, others=note.others)
    said = [
        f"{title}: {outcome_label(outcome)}, by year",
        "Averages are weighted as in the estimate",
    ]
    alt = describe_two_lines(lines, starts=starts, unit=unit, forecast=note.forecast)
    return Picture(figure, lines, alt, _sentences(*said, note.words))


def picture_series(series: pd.DataFrame, *, title: str, starts: int) -> dict[str, Picture]:
    """Draw the series of a group that only authorities publish: see `describe_series`.

    Named `series-picture`; none where nothing is published.
    """
    if series["here"].isna().all():
        return {}
    outcome = str(series["measure"].iloc[0])
    series = round_columns(series, outcome, "here", "england", "low", "high")
    figure, ax = new_axes()
    draw_band_lines(series, ax, starts=starts, unit=_level_unit(outcome))
    caption = _sentences(
        f"{title}: {outcome_label(outcome)}, the whole authority and England",
        "The band is the middle half of authorities. Results of these pupils are not published "
        "by school, so it shows no effect of the programme",
    )
    alt = describe_band_lines(series, unit=_level_unit(outcome))
    return {"series-picture": Picture(figure, series, alt, caption)}


def round_columns(table: pd.DataFrame, outcome: str, *columns: str) -> pd.DataFrame:
    """Round columns as an outcome's figures are printed, so that nothing finer is drawn."""
    places = MEASURES[outcome].decimals
    rounded = {
        name: [float(round_half_up(n, places)) if pd.notna(n) else n for n in table[name]]
        for name in columns
    }
    return table.assign(**rounded)


def _sentences(*parts: str) -> str:
    """Join the sentences of a caption, which has no full stop at its end."""
    return ". ".join(part for part in parts if part)


def _level_unit(outcome: str) -> str:
    """The unit of a level, where `Measure.unit` is that of a difference."""
    measure = MEASURES[outcome]
    return "% of pupils" if measure.percent and not outcome.endswith(GAP) else measure.unit


def placebo_dots(placebo: pd.Series, effect: pd.Series, title: str) -> Picture:
    """Draw a hundred placebo programmes with the real one marked, for one row of the effects."""
    outcome, unit = str(effect["outcome"]), str(effect["unit"])
    estimate = float(round_half_up(float(effect["estimate"]), MEASURES[outcome].decimals))
    dots = choose_dots(placebo, estimate=estimate, p_placebo=float(effect["p_placebo"]))
    figure, ax = new_axes()
    draw_hundred_dots(dots, ax, estimate=estimate, unit=unit)
    caption = (
        f"{title}: {outcome_label(outcome)}. The hundred dots stand for "
        f"{int(effect['n_placebo']):,} groups of schools without the programme"
    )
    alt = describe_hundred_dots(dots, estimate=estimate, unit=unit)
    return Picture(figure, dots, alt, caption)


def check_rows(checks: pd.DataFrame, title: str, *, unit: str) -> Picture:
    """Draw the estimate under every other choice, the headline's first.

    What the programme cannot have moved is in units of its own, so it is not drawn.
    """
    outcome = str(checks["outcome"].iloc[0])
    checks = checks[checks["kind"] != "untouched"].reset_index(drop=True)
    checks = round_columns(checks, outcome, "estimate", "low", "high")
    rows = checks.assign(
        check=checks["check"].map(reader_words),
        note=checks["note"].map(reader_words, na_action="ignore"),
        detail=checks["detail"].map(reader_words, na_action="ignore"),
    )
    figure, ax = new_axes(height_of_checks(rows))
    draw_check_rows(rows, ax, unit=unit)
    what = "The estimate under other choices, with its likely range"
    caption = f"{title}: {outcome_label(outcome)}. {what}"
    return Picture(figure, rows, describe_check_rows(rows, unit=unit), caption)


def love_plot(balance: pd.DataFrame, title: str) -> Picture:
    """Draw how alike the schools were before and after comparison schools were chosen."""
    rows = balance.reset_index().rename(columns={"variable": "label"})
    rows["label"] = [label_variable(str(name)) for name in rows["label"]]
    figure, ax = new_axes(height_of_balance(rows))
    draw_love_plot(rows, ax)
    caption = f"{title}: how similar the schools were before the start"
    return Picture(figure, rows, describe_love_plot(rows), caption)


def picture_flow(flow: pd.DataFrame, effect: pd.Series, title: str) -> Picture:
    """Draw how schools were assessed, left out by which rule, and compared, as trials do (CONSORT).

    `flow` is a pool's, `effect` the row of the estimate whose schools are counted last.
    """
    rows = _consort_rows(flow, effect)
    figure, ax = new_axes(height_of_consort(rows))
    draw_consort(rows, ax)
    caption = f"{title}: which schools could be compared, and who was left out"
    return Picture(figure, rows, describe_consort(rows), caption)


def _consort_rows(flow: pd.DataFrame, effect: pd.Series) -> pd.DataFrame:
    """Set a pool's flow out by role; `members` are how many of the schools are the programme's."""
    first, last = flow.iloc[0], flow.iloc[-1]
    members = flow["members_kept"].astype(int)
    out = flow.assign(role="left out", words=flow["step"].map(reader_words),
                      schools=flow["left_out"], members=members.shift() - members)  # fmt: skip
    out = out[["role", "words", "schools", "members"]]
    matched, others = int(effect["n_schools"]), int(effect["n_comparison"])
    elsewhere = {
        "matched": "comparison schools elsewhere, in no known programme",
        "forecast": "schools in no programme, whose results of last year the forecast rests on",
    }[effect["mode"]]
    ends = [
        ("can be compared", "schools can be compared", last["kept"], last["members_kept"]),
        ("programme", "of the programme's schools are in the estimate", matched, matched),
        ("comparison", elsewhere, others, 0),
    ]
    start = [("assessed", "schools in the register", first["kept"], first["members_kept"])]
    parts = [pd.DataFrame(part, columns=out.columns) for part in (start, ends)]
    rows = pd.concat([parts[0], out.iloc[1:], parts[1]], ignore_index=True)
    return rows.astype({"schools": int, "members": int})


@dataclass(frozen=True)
class SchoolLines:
    """What lines of single schools are of: the programme, its start, the outcome, and a note."""

    title: str
    starts: int
    outcome: str
    note: str = ""


def picture_members(
    lines: pd.DataFrame,
    gaps: pd.Series,
    chosen: Iterable[int],
    drawn: SchoolLines,
    names: pd.Series | None = None,
) -> dict[str, Picture]:
    """Draw a dot for every school of a programme, and the lines of the ones chosen.

    Schools are numbered in the order of `gaps` (index `school`); with `names` (index `school`)
    they stand under their own names, for the exempt edition only.
    """
    order = [int(school) for school in gaps.index]
    if names is None:
        called = ("schools", "cases-picture")
        labels = {int(school): f"School {place}" for place, school in enumerate(order, start=1)}
    else:
        called = ("schools-named", "cases-named")
        labels = shorten_names(name_schools(order, names.to_dict()))
    found = {called[0]: school_dots(gaps, labels, drawn)} if gaps.notna().any() else {}
    cases = {int(school): labels[int(school)] for school in chosen}
    if lines["school"].isin(list(cases)).any():
        what = f"{drawn.title}: {outcome_label(drawn.outcome)}"
        found[called[1]] = school_lines(
            round_columns(lines, drawn.outcome, "own", "comparison"), cases,
            starts=drawn.starts, unit=_level_unit(drawn.outcome),
            others="forecast" if drawn.note else OTHERS,
            caption=_sentences(
                what, "The case studies against their own comparison schools", drawn.note
            ),
        )  # fmt: skip
    return found


def school_dots(gaps: pd.Series, labels: Mapping[int, str], drawn: SchoolLines) -> Picture:
    """Draw one dot for each school, in the order of its labels, none left out.

    `gaps` is of one outcome (index `school`): each school's result less that of its comparison
    schools, corrected; missing where there is none.
    """
    rows = pd.DataFrame({"label": list(labels.values()), "gap": gaps.reindex(list(labels))})
    rows = round_columns(rows.rename_axis("school").reset_index(), drawn.outcome, "gap")
    unit = MEASURES[drawn.outcome].unit
    others = "the forecast" if drawn.note else OTHERS
    figure, ax = new_axes(height_of_school_dots(rows))
    figure.set_layout_engine("constrained", w_pad=0.1)  # names are wider in Word than laid out
    draw_school_dots(rows, ax, unit=unit, others=others)
    against = "the forecast of its result" if drawn.note else "its own comparison schools"
    caption = _sentences(
        f"{drawn.title}: {outcome_label(drawn.outcome)}",
        f"Each school's difference from {against}, after correction, the largest gain first",
    )
    alt = describe_school_dots(rows, unit=unit, others=others)
    return Picture(figure, rows, alt, caption)


def name_schools(order: Iterable[int], names: Mapping[int, str]) -> dict[int, str]:
    """Name schools, each apart: of two with one name both carry their number too."""
    named = {int(school): str(names.get(int(school), f"School {school}")) for school in order}
    said = list(named.values())
    return {
        school: f"{name} ({school})" if said.count(name) > 1 else name
        for school, name in named.items()
    }


def shorten_names(named: Mapping[int, str]) -> dict[int, str]:
    """Leave out of names what kind of school it is, where they are still apart without it."""
    short = {
        school: " ".join(KIND.sub("", name).split()).replace(" ,", ",")
        for school, name in named.items()
    }
    said = list(short.values())
    return {
        school: short[school] if short[school] and said.count(short[school]) == 1 else name
        for school, name in named.items()
    }


def school_lines(
    lines: pd.DataFrame, labels: Mapping[int, str], *, starts: int, unit: str, caption: str,
    others: str = OTHERS,
) -> Picture:  # fmt: skip
    """Draw one small line per school, in the order of its labels, none left out.

    `lines` is of one outcome, with `school`, `year`, `own` and `comparison`.
    """
    place = {school: number for number, school in enumerate(labels)}
    rows = lines[lines["school"].isin(place)]
    rows = rows.assign(label=rows["school"].map(dict(labels)), place=rows["school"].map(place))
    rows = rows.sort_values(["place", "year"]).drop(columns="place")
    columns = min(IN_A_ROW, len(labels))
    figure = new_figure(min(height_of_small_lines(len(labels), columns), TALLEST))
    draw_small_lines(rows, figure, starts=starts, columns=columns, others=others)
    return Picture(figure, rows, describe_small_lines(rows, unit=unit), caption)


def picture_ratings(ratings: pd.DataFrame) -> Picture:
    """Draw how many schools have each priority rating, those without one counted too."""
    rows = ratings["rating"].value_counts().reindex([1, 2, 3], fill_value=0)
    table = rows.rename_axis("rating").rename("schools").reset_index()
    figure, ax = new_axes(2.0)
    draw_ratings(table, ax)
    return Picture(figure, table, describe_ratings(table), "Schools by priority rating")
