"""The pictures of a run: each is a figure, the table behind it and its alt text, together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from pepstats import codes, figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure


KIND = re.compile(
    r"\b(?:(?:CofE|CE|RC|Catholic|Primary|Junior|Infant|Nursery|Community|Secondary|High|and|&)\s+)*"
    r"(?:School|Academy)\b"
)
"""How a school's name ends that says what kind of school it is."""
SHORT_LABEL = 16  # letters that fit above a small picture, three in a row
MOST_IN_TWO = 14  # small pictures that are drawn two in a row; twice as many never are
TALLEST = 9.0  # inches, of a page


@dataclass(frozen=True)
class Picture:
    """A figure with the table it was drawn from and the words that stand for it."""

    figure: Figure = field(repr=False)
    data: pd.DataFrame = field(repr=False)
    alt: str


def picture_gaps(averages: pd.DataFrame, *, starts: int) -> dict[str, Picture]:
    """Draw, for each outcome, the programme's schools and their comparison schools by year.

    `averages` has one row per `outcome` and `year` (`gaps.average_lines`). Named `gap-<outcome>`.
    """
    return {
        f"gap-{outcome}": _picture_two_lines(lines, _level_unit(str(outcome)), starts)
        for outcome, lines in averages.groupby("outcome", sort=False)
    }


def _picture_two_lines(lines: pd.DataFrame, unit: str, starts: int) -> Picture:
    figure, ax = figures.new_axes()
    figures.draw_two_lines(lines, ax, starts=starts, unit=unit)
    return Picture(figure, lines, figures.describe_two_lines(lines, starts=starts, unit=unit))


def _level_unit(outcome: str) -> str:
    """The unit of a level, where `Measure.unit` is that of a difference."""
    measure = codes.MEASURES[outcome]
    return "% of pupils" if measure.percent else measure.unit


def picture_dots(placebo: pd.Series, effect: pd.Series) -> Picture:
    """Draw a hundred made-up programmes with the real one marked, for one row of the effects."""
    estimate, unit = float(effect["estimate"]), str(effect["unit"])
    dots = figures.choose_dots(placebo, estimate=estimate, p_placebo=float(effect["p_placebo"]))
    figure, ax = figures.new_axes()
    figures.draw_hundred_dots(dots, ax, estimate=estimate, unit=unit)
    return Picture(figure, dots, figures.describe_hundred_dots(dots, estimate=estimate, unit=unit))


def picture_checks(checks: pd.DataFrame, *, unit: str) -> Picture:
    """Draw the estimate under every other choice, the headline's first."""
    figure, ax = figures.new_axes(figures.height_of_checks(checks))
    figures.draw_check_rows(checks, ax, unit=unit)
    return Picture(figure, checks, figures.describe_check_rows(checks, unit=unit))


def picture_balance(balance: pd.DataFrame) -> Picture:
    """Draw how alike the schools were before and after comparison schools were chosen."""
    rows = balance.reset_index().rename(columns={"variable": "label"})
    rows["label"] = [_label(name) for name in rows["label"]]
    figure, ax = figures.new_axes(figures.height_of_balance(rows))
    figures.draw_love_plot(rows, ax)
    return Picture(figure, rows, figures.describe_love_plot(rows))


def _label(variable: str) -> str:
    measure, _, year = variable.rpartition(" ")
    return f"{codes.MEASURES[measure].label}, {year}" if measure in codes.MEASURES else variable


def picture_flow(flow: pd.DataFrame, pairs: pd.DataFrame) -> Picture:
    """Draw how schools were assessed, left out by which rule, and compared, as trials do (CONSORT).

    `flow` is a pool's, `pairs` those of the programme's schools.
    """
    rows = _consort_rows(flow, pairs)
    figure, ax = figures.new_axes(figures.height_of_consort(rows))
    figures.draw_consort(rows, ax)
    return Picture(figure, rows, figures.describe_consort(rows))


def _consort_rows(flow: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Set a pool's flow out by role; `members` are how many of the schools are the programme's."""
    first, last = flow.iloc[0], flow.iloc[-1]
    members = flow["members_kept"].astype(int)
    out = flow.assign(role="left out", words=flow["step"].map(_rule_words),
                      schools=flow["left_out"], members=members.shift() - members)  # fmt: skip
    out = out[["role", "words", "schools", "members"]]
    matched, others = pairs["school"].nunique(), pairs["comparison"].nunique()
    ends = [
        ("can be compared", "schools can be compared", last["kept"], last["members_kept"]),
        ("programme", "of the programme's schools are compared", matched, matched),
        ("comparison", "comparison schools elsewhere, in no known programme", others, 0),
    ]
    start = [("assessed", "schools in the register", first["kept"], first["members_kept"])]
    parts = [pd.DataFrame(part, columns=out.columns) for part in (start, ends)]
    rows = pd.concat([parts[0], out.iloc[1:], parts[1]], ignore_index=True)
    return rows.astype({"schools": int, "members": int})


def _rule_words(rule: str) -> str:
    """Give a rule of the pool as readers know it: a measure by its label."""
    rule = str(rule).replace("school_type", "kind of school")
    words = rule.removeprefix("no ")
    name = words.partition(":")[0]
    label = _label(name)
    return rule if label == name else f"no {label}{words.removeprefix(name)}"


def picture_members(
    lines: pd.DataFrame, order: Iterable[int], chosen: Iterable[int], *, starts: int, outcome: str
) -> dict[str, Picture]:
    """Draw every school of a programme, numbered in the order given, and the ones chosen."""
    numbers = {int(school): f"School {place}" for place, school in enumerate(order, start=1)}
    return _picture_both(
        lines, numbers, chosen, ("schools", "cases-picture"), starts=starts, outcome=outcome
    )


def picture_named(
    lines: pd.DataFrame,
    order: Iterable[int],
    chosen: Iterable[int],
    names: pd.Series,
    *,
    starts: int,
    outcome: str,
) -> dict[str, Picture]:
    """Draw the same with the schools' names, for the exempt edition only."""
    named = shorten_names(name_schools(order, names.to_dict()))
    return _picture_both(
        lines, named, chosen, ("schools-named", "cases-named"), starts=starts, outcome=outcome
    )


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


def _picture_both(
    lines: pd.DataFrame,
    labels: Mapping[int, str],
    chosen: Iterable[int],
    called: tuple[str, str],
    *,
    starts: int,
    outcome: str,
) -> dict[str, Picture]:
    groups = (labels, {int(school): labels[int(school)] for school in chosen})
    unit = _level_unit(outcome)
    return {
        name: picture_schools(lines, group, starts=starts, unit=unit)
        for name, group in zip(called, groups, strict=True)
        if lines["school"].isin(list(group)).any()
    }


def picture_schools(
    lines: pd.DataFrame, labels: Mapping[int, str], *, starts: int, unit: str
) -> Picture:
    """Draw one small line per school, in the order of its labels, none left out.

    `lines` is of one outcome, with `school`, `year`, `own` and `comparison`.
    """
    place = {school: number for number, school in enumerate(labels)}
    rows = lines[lines["school"].isin(place)]
    rows = rows.assign(label=rows["school"].map(dict(labels)), place=rows["school"].map(place))
    rows = rows.sort_values(["place", "year"]).drop(columns="place")
    short = max(map(len, labels.values())) <= SHORT_LABEL
    few = len(labels) <= MOST_IN_TWO
    columns = 3 if (short and not few) or len(labels) > 2 * MOST_IN_TWO or len(labels) == 3 else 2
    figure = figures.new_figure(min(figures.height_of_small_lines(len(labels), columns), TALLEST))
    figures.draw_small_lines(rows, figure, starts=starts, columns=columns)
    return Picture(figure, rows, figures.describe_small_lines(rows, unit=unit))


def picture_ratings(ratings: pd.DataFrame) -> Picture:
    """Draw how many schools have each priority rating, those without one counted too."""
    rows = ratings["rating"].value_counts().reindex([1, 2, 3], fill_value=0)
    table = rows.rename_axis("rating").rename("schools").reset_index()
    figure, ax = figures.new_axes(2.0)
    figures.draw_ratings(table, ax)
    return Picture(figure, table, figures.describe_ratings(table))


def picture_sources(
    coverage: pd.DataFrame, why: pd.DataFrame, measures: list[str]
) -> dict[str, Picture]:
    """Draw how much of some measures there is, and which size of cohort goes missing first."""
    outcomes = [m for m in measures if "." not in m]
    least = next((m for m in measures if m.endswith(".disadvantaged")), outcomes[0])
    return {
        "coverage-picture": picture_coverage(coverage, outcomes),
        "why-missing-picture": picture_reasons(why, least),
    }


def picture_coverage(coverage: pd.DataFrame, measures: list[str]) -> Picture:
    """Draw the share of listed schools that have a value, by year, for at most four measures."""
    rows = coverage[coverage["measure"].isin(measures[:4]) & (coverage["schools"] > 0)]
    shares = rows.pivot_table(index="year", columns="measure", values="share")[measures[:4]] * 100
    figure, ax = figures.new_axes()
    figures.draw_shares(shares.rename(columns=lambda m: codes.MEASURES[m].label), ax)
    said = [
        f"{codes.MEASURES[m].label}: from {shares[m].min():.0f}% to {shares[m].max():.0f}%"
        for m in shares
    ]
    alt = f"Share of the schools in each year's file that have a value. {'; '.join(said)}."
    return Picture(figure, rows, alt)


def picture_reasons(why: pd.DataFrame, measure: str) -> Picture:
    """Draw what share of schools have a value of a measure in its last year, by cohort size."""
    last = why[why["measure"] == measure]
    last = last[last["year"] == last["year"].max()]
    table = last.pivot_table(index="cohort", columns="reason", values="schools", aggfunc="sum")
    counts = table.fillna(0).astype(int)
    share = counts.div(counts.sum(axis=1), axis=0) * 100
    kept = share.get("has a value", pd.Series(0.0, index=share.index))
    figure, ax = figures.new_axes(0.9 + 0.45 * len(kept))
    figures.draw_bars(kept, ax, unit="% of schools with a value")
    lines = [f"{band}: {value:.0f}%" for band, value in kept.items()]
    label = codes.MEASURES[measure].label
    alt = f"{label}: share of schools that have a value, by size of cohort. {'; '.join(lines)}."
    return Picture(figure, counts.reset_index(), alt)
