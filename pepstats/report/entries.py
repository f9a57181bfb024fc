"""Named entries: everything the paper may say, its value, its words and the table it came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pepstats.document import Entry, words_of
from pepstats.formatting import (
    count_words,
    format_number,
    join_words,
    label_variable,
    long_date,
    per_hundred,
    school_year,
    spell_number,
)
from pepstats.impact import FORECAST, MATCHED
from pepstats.measures import outcome_label
from pepstats.report.board_tables import make_provenance_entries
from pepstats.report.case_studies import LEAST, MOST, USUAL
from pepstats.report.city_tables import make_city_entries
from pepstats.report.disclosure import HELD
from pepstats.report.edition import NOT_YET_PUBLIC, Chapter, Edition, ProgrammeResults
from pepstats.report.group_sentences import (
    lost_sentence,
    national_gap_sentence,
    series_sentence,
    whose_sentence,
)
from pepstats.report.programme_tables import cost_words, scaled
from pepstats.report.quotes import ASKED_AGAIN, balance_sentence, may_count, quoted_sentence
from pepstats.report.sentences import (
    Result,
    chance_sentence,
    effect_sentence,
    interval_words,
    overstated_sentence,
    size_words,
    smallest_sentence,
    unequal_sentence,
    weighed_sentence,
)
from pepstats.schools import say_register_year
from pepstats.settings import Programme, Report

SAME_QUESTION = ("comparison", "sum")  # kinds of check that ask the headline's question again
ALONE = "only schools in no other programme"  # what `checks` calls those in this one alone
NOT_SCALED = "draws not scaled by their size"
YEAR_EARLY = r"one year early|from \d{4}/\d\d to .*"
"""What `checks` calls the years in which nothing should show."""


def list_entries(edition: Edition) -> dict[str, Entry]:
    """List everything the paper may say, by name: the only source of its numbers and verdicts."""
    return (
        make_report_entries(edition)
        | make_city_entries(edition.city, edition.view, edition.report.year)
        | make_provenance_entries(edition.made, edition.programmes)
    )


def make_report_entries(edition: Edition) -> dict[str, Entry]:
    """Write everything the paper may say of itself and of its programmes, by name."""
    report, meeting, chapters = edition.report, edition.report.meeting, edition.chapters
    found = [result for one in chapters for result in one.results.values()]
    releases = sorted({result.release for result in found if result.release})
    number = f"{spell_number(len(chapters))} programme{'' if len(chapters) == 1 else 's'}"
    settings, effects = f"reports/{report.slug}.yml", "04-estimate-effect/effects.csv"
    entries = {
        "report.title": Entry(report.title, report.title, settings),
        "report.year": Entry(report.year, school_year(report.year), settings),
        "report.programmes": Entry(len(chapters), number, settings),
        "meeting.body": Entry(meeting.body, meeting.body, settings),
        "meeting.date": Entry(meeting.date, long_date(meeting.date), settings),
        "meeting.report_from": Entry(meeting.report_from, meeting.report_from, settings),
        "meeting.report_by": Entry(meeting.report_by, meeting.report_by, settings),
        "report.releases": Entry(releases, join_words(releases), effects),
        "report.how": Entry(None, how_sentence([one.primary for one in chapters]), effects),
        "report.parts": Entry(None, parts_sentence([one.primary for one in chapters]), effects),
        "report.register": Entry(None, register_sentence(report), settings),
        "report.still_to_come": Entry(releases, still_to_come(releases, report.year), effects),
    }
    for one in chapters:
        own = describe_programme(one)
        entries |= {f"{one.programme.slug}.{name}": entry for name, entry in own.items()}
    return entries


def describe_programme(chapter: Chapter) -> dict[str, Entry]:
    """Write everything the paper may say of one programme, by name."""
    programme, found, primary = chapter.programme, chapter.found, chapter.primary
    slug, settings, named = programme.slug, programme.file, found.named
    folder, cases = f"04-estimate-effect/{slug}", f"06-case-studies/{slug}"
    effects, gaps, weighed = (f"{folder}/{name}.csv" for name in ("effects", "gaps", "weighed"))
    said, checks = found.statements, f"05-check-robustness/{slug}/checks.csv"
    before = join_words(school_year(year) for year in sorted(programme.baseline))
    alike = alike_sentence(found.balance, primary)
    headline = " ".join(filter(None, [effect_sentence(primary), whose_sentence(chapter)]))
    gap = national_gap_sentence(found.gap_to_national, primary)
    published = series_sentence(found.series, primary.year)
    entries = {
        "title": Entry(programme.title, programme.title, settings),
        "summary": Entry(programme.summary, programme.summary, settings),
        "starts": Entry(programme.starts, school_year(programme.starts), settings),
        "baseline": Entry(programme.baseline, before, settings),
        "cost": Entry(programme.cost.grant, cost_words(programme, named), settings),
        "k": Entry(programme.match.k, count_words(programme.match.k, "school"), settings),
        "members": Entry(named, count_words(named, "school"), gaps),
        "headline": Entry(primary.estimate, headline, effects),
        "verdict": Entry(primary.verdict, primary.verdict or "no estimate", effects),
        "chance": Entry(primary.p_placebo, chance_sentence(primary), effects),
        "overstated": Entry(primary.overstates, overstated_sentence(primary), weighed),
        "unequal": Entry(primary.unequal_odds, unequal_sentence(primary), weighed),
        "weighed": Entry(None, weighed_sentence(primary, found.weighed), weighed),
        "schools": Entry(None, schools_sentence(found, primary), gaps),
        "alike": Entry(None, alike, f"{folder}/balance.csv"),
        "start": Entry(None, start_sentence(found.balance), f"{folder}/balance.csv"),
        "checked": Entry(None, _checked(found, primary), checks),
        "overlap": Entry(None, overlap_sentence(found, primary), "01-clean-sources/members.csv"),
        "smallest": Entry(primary.smallest, smallest_sentence(primary), effects),
        "case_rule": Entry(None, cases_sentence(found), f"{cases}/cases.csv"),
        "statements": Entry(None, _answers(chapter), f"{cases}/statements.csv"),
        "quoted": Entry(None, quoted_sentence(said, slug), f"{cases}/statements.csv"),
        "lost": Entry(None, lost_sentence(found, primary), f"{folder}/lost.csv"),
        "gap": Entry(None, gap, f"{folder}/gap-to-national.csv"),
        "series": Entry(None, published, f"{folder}/series.csv"),
        "kept": Entry(primary.n_schools, kept_sentence(named, primary), gaps),
        "pairs": Entry(programme.match.k, pairs_sentence(found, primary, programme), gaps),
    }
    entries |= describe_value(slug, found.value, found.sizes, found.grades)
    for outcome, result in chapter.results.items():
        for name, (value, text) in describe_result(result).items():
            entries[f"{outcome}.{name}"] = Entry(value, text, effects)
    return entries


def describe_value(
    slug: str, value: pd.DataFrame, sizes: pd.DataFrame, grades: pd.DataFrame
) -> dict[str, Entry]:
    """Write everything the paper may say of an effect's worth, by name.

    Each answer of `value.csv` by its entry, the grade's sentence (`security`), and of each outcome
    its `size`, `months`, `smallest` and `g`, each with its interval.
    """
    folder = f"04-estimate-effect/{slug}"
    found = {
        str(row["entry"]): Entry(row["value"], str(row["answer"]), f"{folder}/value.csv")
        for row in value.to_dict("records")
        if "entry" in row
    }
    level, words = (grades["level"].iloc[0], grades["words"].iloc[0]) if len(grades) else (None, "")
    found["security"] = Entry(level, str(words), f"{folder}/grades.csv")
    for row in sizes.to_dict("records"):
        found |= {
            f"{row['outcome']}.{name}": Entry(
                row[name], words_of(scaled(row, name)), f"{folder}/sizes.csv"
            )
            for name in ("size", "months", "smallest", "g")
        }
    return found


def describe_result(result: Result) -> dict[str, tuple[object, str]]:
    """Write everything the paper may say of one outcome, by name: its value and its words."""
    places = result.places
    return {
        "estimate": (result.estimate, format_number(result.estimate, places, signed=True)),
        "low": (result.low, format_number(result.low, places)),
        "high": (result.high, format_number(result.high, places)),
        "unit": (result.unit, result.unit),
        "label": (result.outcome, outcome_label(result.outcome)),
        "n_schools": (result.n_schools, count_words(result.n_schools, "school")),
        "release": (result.release, result.release or "no results"),
        "year": (result.year, school_year(result.year)),
        "verdict": (result.verdict, result.verdict or "no estimate"),
        "sentence": (result.estimate, effect_sentence(result)),
        "chance": (result.p_placebo, chance_sentence(result)),
    }


def how_sentence(results: Sequence[Result]) -> str:
    """Write what the programmes' schools were compared with."""
    modes = {result.mode for result in results if result.known or result.reason == HELD}
    matched = (
        "Each school of a programme is compared with the schools most like it in other "
        "authorities: its own result, less the average of theirs, less what goes with the "
        "differences that are left between them."
    )
    if FORECAST not in modes:
        return matched
    year = school_year(max(result.year for result in results))
    words = (
        f"Results of other schools for {year} are not published yet. So each school is set against "
        "a forecast of its result, made from last year's results of all schools in England that "
        "were in no programme. It does not rest on the similar schools that the next paper uses."
    )
    return f"{words} Where others' results are published: {matched}" if MATCHED in modes else words


def parts_sentence(results: Sequence[Result]) -> str:
    """Write what is allowed for beside the comparison schools, or what a forecast is made from."""
    modes = {result.mode for result in results if result.known or result.reason == HELD}
    known = (
        "earlier results, numbers of pupils, the earlier results of their authority and, where the "
        "files have it, what their pupils brought with them"
    )
    said = []
    if FORECAST in modes:
        said.append(
            f"The forecast is by {known}, as results went with these a year before outside the "
            "programmes and outside the school's own authority; it is moved to this year's "
            "national level."
        )
    if MATCHED in modes or not modes:
        said.append(
            "Every comparison school counts in full. The differences that are left are in "
            f"{known}; what goes with them is taken out as it was seen in schools outside the "
            "programmes and outside the school's own authority."
        )
    return " ".join(said)


STARTS = {
    "prior_attainment": "what their pupils had attained before",
    "disadvantaged": "the share of pupils who are disadvantaged",
    "eal": "the share whose first language is not English",
}
"""What pupils brought with them, in words: see `measures.PUPILS_START`."""


def schools_sentence(found: ProgrammeResults, result: Result) -> str:
    """Write how many schools did better and how many worse than was expected of them."""
    if result.reason == HELD:
        return ""
    counts, against = found.counts_of(result.outcome), "forecast"
    if result.mode == MATCHED:
        against = "similar schools"
    schools = count_words(counts.known, "school")
    if counts.above is None:
        return f"Of the {schools} in the estimate, {counts.fared} did better than {against}."
    return (
        f"Of the {schools} in the estimate, {counts.above} did better than {against} and "
        f"{counts.below} did worse."
    )


def kept_sentence(named: int, result: Result) -> str:
    """Write how many of the programme's schools the estimate rests on."""
    if result.reason == HELD:
        return f"{count_words(named, 'school')} took part."
    left = named - result.n_schools
    if left <= 0:
        return f"All {count_words(named, 'school')} in the programme could be compared."
    return (
        f"{count_words(named, 'school')} took part; {result.n_schools} could be compared and "
        f"{left} could not."
    )


def pairs_sentence(found: ProgrammeResults, result: Result, programme: Programme) -> str:
    """Write how many comparison schools each school of the estimate has, and by what they are."""
    before = join_words(school_year(year) for year in sorted(programme.baseline))
    counts = found.counts_of(result.outcome)
    if result.mode == FORECAST or not counts.known or not result.known:
        return ""
    least, most = counts.least, counts.most
    each = str(most) if least == most else f"{least} to {most}"
    return (
        f"Each was compared with the {each} most similar schools, by results up to {before} "
        f"({result.n_comparison:,} comparison schools in all)."
    )


def alike_sentence(balance: pd.DataFrame, result: Result) -> str:
    """Write how alike the schools of the estimate and their comparison schools were beforehand."""
    rows = balance.reset_index()
    far = rows.loc[rows["smd_after"].abs() > 0.25, "variable"]
    when = "Before the start, the comparison schools"
    if result.mode == FORECAST:
        when = (
            "This estimate is a forecast and does not rest on comparison schools. Those chosen for "
            "when results are published"
        )
    if far.empty:
        return (
            f"{when} were like the programme's schools in everything we compared "
            f"({count_words(len(rows), 'thing')})."
        )
    names = join_words(label_variable(str(name)) for name in far)
    return (
        f"{when} were still unlike the programme's schools in some things: {names}. "
        "Read the result with that in mind."
    )


def start_sentence(balance: pd.DataFrame) -> str:
    """Write whether schools are alike in what their pupils brought with them, as files have it."""
    known = {str(name).rpartition(" ")[0] for name in balance.reset_index()["variable"]}
    start = {name.removesuffix("_ks4"): words for name, words in STARTS.items()}
    there = [words for name, words in start.items() if {name, f"{name}_ks4"} & known]
    absent = [words for words in start.values() if words not in there]
    if not absent:
        return f"Schools are also matched on {join_words(there)}."
    also = f"Schools are also matched on {join_words(there)}. " if there else ""
    return f"{also}This study's files do not have {join_words(absent)}, so these may still differ."


def _answers(chapter: Chapter) -> str:
    said, slug = chapter.found.statements, chapter.programme.slug
    if not may_count(said, slug, chapter.view):
        return ASKED_AGAIN
    return balance_sentence(said, slug, chapter.found.named)


def _checked(found: ProgrammeResults, result: Result) -> str:
    return " ".join(filter(None, [checks_sentence(found.checks, result), found.one_school]))


def checks_sentence(checks: pd.DataFrame, result: Result) -> str:
    """Write whether other choices would have told the same story."""
    rows = checks.loc[checks["outcome"] == result.outcome] if len(checks) else checks
    known = rows.loc[rows["estimate"].notna()] if len(rows) else rows
    others = known.loc[known["kind"].isin(SAME_QUESTION)] if len(known) else known
    if not result.known:
        return "No other way of making the comparison was tried."
    return " ".join([_same_question(rows, others, result), *_other_questions(known, result)])


def _same_question(rows: pd.DataFrame, others: pd.DataFrame, result: Result) -> str:
    """Write whether other ways of making the same comparison point the same way."""
    if not len(others):
        held = len(rows) and rows["note"].eq(f"cannot be made: {HELD}").any()
        return (
            "Other ways of making the comparison are held back until results are published."
            if held
            else "No other way of making the comparison was tried."
        )
    same = int((np.sign(others["estimate"]) == np.sign(result.estimate)).sum())
    how = (
        f"{'all' if same == len(others) else same or 'none'} of them "
        f"{'points' if same == 1 else 'point'} the same way as the main one"
        if len(others) > 1
        else f"it points {'the same' if same else 'the other'} way"
    )
    return f"We made the comparison in {count_words(len(others), 'other way')}: {how}."


def _other_questions(known: pd.DataFrame, result: Result) -> Iterator[str]:
    """Write what all ways say together, what scaling does, and what the year before shows."""
    if not len(known):
        return
    for row in known.loc[known["kind"] == "together"].to_dict("records"):
        yield f"Taken together, the middle one is {_check_result(row, result)})."
    for row in known.loc[known["check"] == NOT_SCALED].to_dict("records"):
        if abs(row["p"] - result.p_placebo) > 0.02:
            yield (
                f"How sure we are leans on allowing for the size of groups: without it, "
                f"{per_hundred(row['p'])} rather than {per_hundred(result.p_placebo)} in 100 "
                "groups without a programme changed as much."
            )
    for row in known.loc[known["check"].str.fullmatch(YEAR_EARLY)].to_dict("records"):
        when = f"{row['check'][0].upper()}{row['check'][1:]}"
        yield (
            f"{when}, when nothing had started and nothing should show, the same sum gives "
            f"{_check_result(row, result)})."
        )


def _check_result(row: Mapping[Any, Any], result: Result) -> str:
    """Write a check's estimate and, in a bracket left open, its interval."""
    size = size_words(row["estimate"], result)
    return f"{size} ({interval_words(row['low'], row['high'])}"


def overlap_sentence(found: ProgrammeResults, result: Result) -> str:
    """Write how many of a programme's schools are in another too, and what is seen without them.

    Nothing where the report knows of no school that is in two.
    """
    named, shared = len(found.also_in), int((found.also_in > 0).sum())
    if not shared:
        return ""
    those = "is" if shared == 1 else "are"
    words = (
        f"{shared} of its {count_words(named, 'school')} {those} in another programme too. For "
        "these, what came with one cannot be told from what came with the other."
    )
    checks = found.checks
    alone = checks.loc[checks["check"] == ALONE] if len(checks) else checks
    known = alone.loc[(alone["outcome"] == result.outcome) & alone["estimate"].notna()]
    for row in known.to_dict("records"):
        words += (
            f" Without them the estimate is {_check_result(row, result)}; "
            f"{count_words(int(row['n_schools']), 'school')}; {result.release} results)."
        )
    return words


def cases_sentence(found: ProgrammeResults) -> str:
    """Write by what rule the case studies were chosen."""
    if found.cases.empty:
        return "No case study has been chosen."
    if set(found.cases["why"]) & {MOST, USUAL, LEAST}:
        return (
            "Case studies are picked by a rule, so that they are not only successes. Until results "
            "are published it is how much support a school had: the one with the most, the one "
            "nearest the usual and the one with the least."
        )
    return (
        "Case studies are picked by a rule, so that they are not only successes: the school that "
        "rose most beyond its comparison schools, the one nearest the middle and the one that fell "
        "most."
    )


def register_sentence(report: Report) -> str:
    """Write that the register is of another year than the report; nothing where it is not."""
    years = [line.year for line in report.sources if line.kind == "register"]
    return say_register_year(years[-1], report.year) if years else ""


def still_to_come(releases: Sequence[str], year: int) -> str:
    """Write what becomes final before the board can be sure of these results."""
    early = [release for release in releases if release in NOT_YET_PUBLIC]
    if early:
        return (
            f"The results for {school_year(year)} are {join_words(early)}. They can still change. "
            "This paper should be run again when the Department publishes the revised results, and "
            "the Board told of any verdict that moves."
        )
    if "revised" in releases:
        return (
            f"The results for {school_year(year)} are revised. The final ones seldom differ much, "
            "but this paper should be run again when they are published."
        )
    return f"The results for {school_year(year)} are final and will not change."
