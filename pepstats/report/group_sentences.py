"""Whose results a programme's are, in sentences: its group, the gap to others, the unknown."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pepstats.formatting import (
    count_words,
    format_number,
    join_words,
    reader_words,
    school_year,
)
from pepstats.impact import FORECAST, LEFT_OUT
from pepstats.measures import GROUPS, LOCAL_GROUPS, find_measure, name_pupils, whole_of
from pepstats.report.edition import Chapter, ProgrammeResults
from pepstats.report.sentences import Result, outcome_words


def whose_sentence(chapter: Chapter) -> str:
    """Write whose results stand in the headline, where they are not those the programme is for.

    Nothing where the headline is of the pupils that were named first.
    """
    whom, named_first = chapter.programme.whom, chapter.found.named_first
    if whom in LOCAL_GROUPS:
        pupils = chapter.programme.cost.pupils
        count = f"{pupils:,} " if pupils else ""
        return (
            f"The programme was for {count}{GROUPS[whom]}, whose results are not published by "
            "school: no effect on them is estimated, and results of all pupils say little of "
            "theirs."
        )
    if not named_first or named_first == chapter.primary.outcome:
        return ""
    refused = chapter.found.refused
    why = refused.loc[refused["outcome"] == named_first, "reason"] if len(refused) else refused
    reason = str(why.iloc[0]) if len(why) else "too few schools have their results"
    return (
        f"Results of {name_pupils(named_first)} were named first, but no effect on them can be "
        f"given: {reason}. So the result is that of {name_pupils(chapter.primary.outcome)}."
    )


def lost_sentence(found: ProgrammeResults, result: Result) -> str:
    """Write how many schools have a group's figure, why others lack it, and how those differ."""
    lost = found.lost
    if lost.empty or not lost.loc[lost["which"] == LEFT_OUT, "n_schools"].any():
        return ""
    kept, gone = lost.to_dict("records")
    reasons = found.counts_of(result.outcome).lost
    said = [f"{n} ({reader_words(one)})" for one, n in reasons]
    if outside := int(gone["n_schools"] - sum(n for _, n in reasons)):
        said.append(f"{outside} (not among the schools that can be compared)")
    words = (
        f"Results of {name_pupils(result.outcome)} can be compared in {kept['n_schools']} of the "
        f"schools. Left out: {join_words(said)}."
    )
    differ = [
        said
        for name, places, said in (
            ("group_pupils", 0, "{} of these pupils each, against {}"),
            ("all_pupils_result", 1, "a result of all pupils of {}, against {}"),
        )
        if pd.notna(kept[name]) and pd.notna(gone[name])
        for said in [said.format(*(format_number(one[name], places) for one in (gone, kept)))]
    ]
    if not differ:
        return words
    year = school_year(int(kept["year"]))
    return f"{words} In {year} the schools left out had on average {' and '.join(differ)}."


def national_gap_sentence(table: pd.DataFrame, result: Result) -> str:
    """Write how far a programme's disadvantaged pupils were behind England's others, each year."""
    known = table[table["gap"].notna()] if len(table) else table
    if known.empty:
        return ""
    rows = known.to_dict("records")
    measure = find_measure(str(rows[0]["outcome"]))
    said = join_words(
        f"{format_number(row['gap'], measure.decimals, signed=True)} in "
        f"{school_year(int(row['year']))}"
        for row in rows
    )
    last, gone = table.iloc[-1], table[table["gap"].isna()]
    words = (
        f"In {outcome_words(str(last['outcome']))}, the gap between disadvantaged pupils of "
        f"{count_words(int(last['n_schools']), 'school')} and England's other pupils was {said}, "
        f"in {measure.unit} (each pupil counting equally; "
        f"{count_words(int(rows[-1]['n_pupils']), 'pupil')} in the last of these years, "
        f"{rows[-1]['release']} results)."
    )
    for reason, some in gone.groupby("reason", sort=False):
        years = join_words(school_year(int(year)) for year in some["year"])
        words += f" There is none for {years}: {reader_words(str(reason))}."
    if (
        result.mode == FORECAST
        and result.outcome == last["outcome"]
        and pd.isna(last["england_own"])
    ):
        words += (
            " England's figure for disadvantaged pupils is in no source either: the forecast takes "
            "it to have changed as that of all pupils did."
        )
    return (
        f"{words} Set against comparison schools, the effect on this gap is the same number as the "
        "effect on these pupils' own results, since England's other pupils are the same for both."
    )


def series_sentence(series: pd.DataFrame, year: int) -> str:
    """Write what authorities publish of a group that schools do not, and why there is no effect."""
    known = series[series["here"].notna()] if len(series) else series
    if known.empty:
        return ""
    by_year = {int(row["year"]): row for row in series.to_dict("records")}
    last = max((one for one in known["year"] if one <= year), default=int(known["year"].max()))
    row, measure = by_year[int(last)], str(series["measure"].iloc[0])
    group, what = name_pupils(measure), outcome_words(whole_of(measure))
    before = [by_year[y] for y in (last - 2, last - 1) if y in by_year]
    words = (
        f"Results of {group} are not published by school. In the whole authority {what} was "
        f"{_share(row['here'])} for them in {school_year(int(last))}{_earlier(before, 'here')}; in "
        f"England {_share(row['england'])}{_earlier(before, 'england')}."
    )
    if last < year:
        words += f" The authority's figure for {school_year(year)} is not in the sources yet."
    if pd.isna(row["change"]) or pd.isna(row["spread"]):
        return f"{words} No change is worked out: {row['reason']}. We give no estimate."
    unit = find_measure(measure).unit
    change, spread, smallest = (
        format_number(row[one], 1, signed=one == "change")
        for one in ("change", "spread", "smallest")
    )
    return (
        f"{words} Set against the mean of the two years before, the authority's changed by "
        f"{change} {unit}. Such a figure changes by {spread} between years by chance alone (the "
        "standard deviation over other authorities), and the programme's schools teach only part "
        f"of these pupils. Only a change of about {smallest} or more could be told from such "
        "changes four times in five, and even that would not show that the programme caused it. "
        "We therefore give no estimate."
    )


def _share(value: float) -> str:
    return "not known" if pd.isna(value) else f"{format_number(value, 0)}%"


def _earlier(rows: list[dict[Any, Any]], name: str) -> str:
    """Write the figures of the years before, where there are any."""
    said = [f"{_share(row[name])} in {school_year(int(row['year']))}" for row in rows
            if pd.notna(row[name])]  # fmt: skip
    return f", after {join_words(said)}" if said else ""
