"""Named entries: everything the paper may say, its value, its words and the table it came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pepstats.document import DASH, Entry, words_of
from pepstats.formatting import (
    count_words,
    format_number,
    join_words,
    label_variable,
    long_date,
    per_hundred,
    round_half_up,
    school_year,
    spell_number,
)
from pepstats.impact import (
    FORECAST,
    GAINED,
    LOST,
    MATCHED,
    PROBABLY_GAINED,
    PROBABLY_LOST,
    UNCERTAIN,
    choose_verdict,
)
from pepstats.measures import name_pupils, outcome_label
from pepstats.report.board_tables import background_sentence, make_provenance_entries
from pepstats.report.case_tables import case_pointer, cases_sentence, write_accounts
from pepstats.report.city_tables import make_city_entries
from pepstats.report.disclosure import HELD, NOT_YET_PUBLIC
from pepstats.report.edition import Chapter, Edition, ProgrammeResults
from pepstats.report.group_sentences import (
    lost_sentence,
    national_gap_sentence,
    series_sentence,
    whose_sentence,
)
from pepstats.report.programme_tables import cost_words, scaled
from pepstats.report.quotes import ASKED_AGAIN, balance_sentence, may_count, quoted_sentence
from pepstats.report.sentences import (
    SAME,
    Result,
    about_words,
    chance_sentence,
    effect_sentence,
    interval_words,
    outcome_words,
    overstated_sentence,
    size_words,
    smallest_sentence,
    unequal_sentence,
    weighed_sentence,
)
from pepstats.schools import say_register_year
from pepstats.settings import MembersInAuthority, Programme, Report

SAME_QUESTION = ("comparison", "sum")  # kinds of check that ask the headline's question again
ALONE = "only schools in no other programme"  # what `checks` calls those in this one alone
NOT_SCALED = "groups of other sizes counted as they are"
SAME_ESTIMATE = (NOT_SCALED, "whole authorities, scaled by their size")
"""Checks of how sure the estimate is: theirs is the headline's, and points no other way."""
SIZES = ("size", "months", "smallest", "g")  # what each outcome's effect comes to
ANSWERS = ("months", "cost_per_pupil", "cost_per_target_pupil", "cost_per_month", "evidence")
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
        "report.caution": Entry(None, caution_sentence(chapters), effects),
        "report.background": Entry(None, background_sentence(report), settings),
        "report.still_to_come": Entry(releases, still_to_come(releases, report.year), effects),
    }
    for name, text in recommend(chapters, releases).items():
        entries[f"recommend.{name}"] = Entry(None, text, effects)
    for one in chapters:
        own = describe_programme(one)
        entries |= {f"{one.programme.slug}.{name}": entry for name, entry in own.items()}
    return entries


def describe_programme(chapter: Chapter) -> dict[str, Entry]:
    """Write everything the paper may say of one programme, by name."""
    programme, found, primary = chapter.programme, chapter.found, chapter.primary
    slug, named = programme.slug, found.named
    folder = f"04-estimate-effect/{slug}"
    effects, gaps, weighed = (f"{folder}/{name}.csv" for name in ("effects", "gaps", "weighed"))
    checks = f"05-check-robustness/{slug}/checks.csv"
    alike = alike_sentence(found.balance, primary)
    headline = " ".join(filter(None, [effect_sentence(primary), whose_sentence(chapter)]))
    gap = national_gap_sentence(found.gap_to_national, primary)
    published = series_sentence(found.series, primary.year)
    entries = {
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
        "worth": Entry(None, worth_sentence(primary, found.sizes), f"{folder}/sizes.csv"),
        "others": Entry(None, others_sentence(chapter), effects),
        "lost": Entry(None, lost_sentence(found, primary), f"{folder}/lost.csv"),
        "gap": Entry(None, gap, f"{folder}/gap-to-national.csv"),
        "series": Entry(None, published, f"{folder}/series.csv"),
        "kept": Entry(primary.n_schools, kept_sentence(named, primary), gaps),
        "pairs": Entry(programme.match.k, pairs_sentence(found, primary, programme), gaps),
    }
    entries |= describe_settings(chapter) | describe_case_studies(chapter)
    entries |= {f"{outcome}.{name}": Entry(None, DASH, f"{folder}/sizes.csv")
                for outcome in chapter.results for name in SIZES}  # fmt: skip
    entries |= describe_value(slug, found.value, found.sizes, found.grades)
    for outcome, result in chapter.results.items():
        for name, (value, text) in describe_result(result).items():
            entries[f"{outcome}.{name}"] = Entry(value, text, effects)
    return entries


def describe_settings(chapter: Chapter) -> dict[str, Entry]:
    """Write what the paper may say of a programme itself, as its file has it, by name."""
    programme, settings = chapter.programme, chapter.programme.file
    before = join_words(school_year(year) for year in sorted(programme.baseline))
    cost = cost_words(programme, chapter.found.named)
    return {
        "title": Entry(programme.title, programme.title, settings),
        "summary": Entry(programme.summary, programme.summary, settings),
        "starts": Entry(programme.starts, school_year(programme.starts), settings),
        "baseline": Entry(programme.baseline, before, settings),
        "cost": Entry(programme.cost.grant, cost, settings),
        "k": Entry(programme.match.k, count_words(programme.match.k, "school"), settings),
        "about": Entry(None, about_sentence(chapter), settings),
    }


def describe_case_studies(chapter: Chapter) -> dict[str, Entry]:
    """Write what the paper may say of single schools and of what schools say, by name."""
    slug = chapter.programme.slug
    cases, said = (f"06-case-studies/{slug}/{name}.csv" for name in ("cases", "statements"))
    told = may_count(chapter.found.statements, slug, chapter.view)
    quoted = quoted_sentence(chapter.found.statements, slug, counted_too=told)
    entries = {
        "case_pointer": Entry(None, case_pointer(chapter.found), cases),
        "case_rule": Entry(None, cases_sentence(chapter), cases),
        "statements": Entry(None, _answers(chapter), said),
        "quoted": Entry(None, quoted, said),
    }
    for name, text in write_accounts(chapter).items():
        entries[name] = Entry(None, text, cases)
    return entries


def about_sentence(chapter: Chapter) -> str:
    """Write what a programme did, for how many schools, when and at what cost."""
    programme, schools = chapter.programme, chapter.found.named
    who = count_words(schools, f"{programme.phase} school")
    left = schools - chapter.primary.n_schools if chapter.primary.known else 0
    each = "One school is" if left == 1 else f"{spell_number(left).capitalize()} schools are"
    said = [
        programme.summary.strip(),
        f"The programme had {who}; {school_year(programme.starts)} is the first year whose results "
        "could show an effect.",
        f"{each} not in the estimate; Appendix 1 gives the reasons." if left > 0 else "",
        f"The programme had {cost_words(programme, schools).replace('A grant', 'a grant', 1)}."
        if programme.cost.grant is not None
        else "",
    ]
    return " ".join(filter(None, said))


def worth_sentence(result: Result, sizes: pd.DataFrame) -> str:
    """Write a result in months of progress; nothing where it is too uncertain or there are none."""
    rows = sizes.loc[sizes["outcome"] == result.outcome] if len(sizes) else sizes
    if not result.known or result.verdict == UNCERTAIN or not len(rows):
        return ""
    row = rows.iloc[0]
    if pd.isna(row["months"]):
        return ""
    months, low, high = (
        round_half_up(row[name]) for name in ("months", "months_low", "months_high")
    )
    number = int(abs(months))
    unit, owned = ("month", "month's") if number == 1 else ("months", "months'")
    much = f"about {spell_number(number)} {unit} less"
    if months > 0:
        much = f"about {spell_number(number)} {owned} additional"
    elif not months:
        much = "less than one month's"
    return (
        f"Taken at face value, the estimate is equivalent to {much} progress (range "
        f"{format_number(float(low), 0)} to {format_number(float(high), 0)}), by the conversion "
        f"table \u201c{row['months_table']}\u201d."
    )


def others_sentence(chapter: Chapter) -> str:
    """Write the verdicts on all outcomes but the first, those of one verdict together."""
    by: dict[str, list[str]] = {}
    for result in list(chapter.results.values())[1:]:
        verdict = result.verdict if result.known else "no estimate"
        verdict = HELD if result.reason == HELD else verdict
        by.setdefault(verdict, []).append(
            f"{outcome_words(result.outcome)} ({name_pupils(result.outcome)})"
        )
    if not by:
        return ""
    later = by.pop(HELD, [])
    said = [f"{verdict} for {join_words(names)}" for verdict, names in by.items()]
    words = f"Verdicts on other outcomes: {'; '.join(said)}." if said else ""
    if not later:
        return words
    each = "is" if len(later) == 1 else "are"
    follow = f"{join_words(later)} {each} {HELD}."
    return f"{words} {follow[0].upper()}{follow[1:]}".strip()


def caution_sentence(chapters: Sequence[Chapter]) -> str:
    """Write what the findings are not: the cause of what was seen."""
    what = "this programme" if len(chapters) == 1 else "these programmes"
    modes = {one.primary.mode for one in chapters if one.primary.known} or {MATCHED}
    others = {MATCHED: "similar schools", FORECAST: "a forecast, which may itself be wrong"}
    against = " or ".join(others[mode] for mode in others if mode in modes)
    every = all(isinstance(one.programme.members, MembersInAuthority) for one in chapters)
    why = ["all schools took part" if every else "schools were not chosen at random",
           "other things changed in the same years"]  # fmt: skip
    if any((one.found.also_in > 0).any() for one in chapters):
        why.append("some schools are in more than one programme")
    return (
        "A likely range is wide enough to hold the true difference at least 95 times in 100, as "
        "far as chance goes. Ranges and verdicts allow for the number of outcomes in this paper; "
        f"Appendix 1 says how. The evaluation compares schools in {what} with {against}. Even a "
        f"clear difference would not show its cause: {join_words(why)}."
    )


def describe_value(
    slug: str, value: pd.DataFrame, sizes: pd.DataFrame, grades: pd.DataFrame
) -> dict[str, Entry]:
    """Write everything the paper may say of an effect's worth, by name.

    Each answer of `value.csv` by its entry, the grade's sentence (`security`), and of each outcome
    its `size`, `months`, `smallest` and `g`, each with its interval. What there is no answer to is
    a dash: a name that an officer may write does not come and go with what was found.
    """
    folder = f"04-estimate-effect/{slug}"
    found = {name: Entry(None, DASH, f"{folder}/value.csv") for name in ANSWERS}
    found |= {
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
            for name in SIZES
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
        "Each school is compared with the most similar schools in other authorities: its own "
        "result, less the average of theirs, after allowing for the differences that remain."
    )
    if FORECAST not in modes:
        return matched
    year = school_year(max(result.year for result in results))
    words = (
        f"Results of other schools for {year} are not published yet. Each school is therefore "
        "compared with a forecast of its result, based on last year's results of all schools in "
        "England that were in no programme. The comparison with similar schools follows when their "
        "results are published."
    )
    return f"{words} Where they are published already: {matched}" if MATCHED in modes else words


def parts_sentence(results: Sequence[Result]) -> str:
    """Write what is allowed for beside the comparison schools, or what a forecast is made from."""
    modes = {result.mode for result in results if result.known or result.reason == HELD}
    known = (
        "earlier results, numbers of pupils, the earlier results of their authority and, where the "
        "files have it, the pupils' starting points"
    )
    said = []
    if FORECAST in modes:
        said.append(
            f"The forecast uses {known}. How results depend on these was measured a year earlier, "
            "in schools outside the programmes and outside the school's own authority; the "
            "forecast is then adjusted to this year's national level."
        )
    if MATCHED in modes or not modes:
        said.append(
            f"All comparison schools count equally. The remaining differences are in {known}. What "
            "these account for is removed, as measured in schools outside the programmes and "
            "outside the school's own authority."
        )
    return " ".join(said)


STARTS = {
    "prior_attainment": "their pupils' earlier attainment",
    "disadvantaged": "the share of pupils who are disadvantaged",
    "eal": "the share whose first language is not English",
}
"""Pupils' starting points, in words: see `measures.PUPILS_START`."""


def schools_sentence(found: ProgrammeResults, result: Result) -> str:
    """Write how many schools did better and how many worse than was expected of them."""
    if result.reason == HELD:
        return ""
    counts, against = found.counts_of(result.outcome), "forecast"
    if result.mode == MATCHED:
        against = "expected from similar schools"
    schools = count_words(counts.known, "school")
    if counts.above is None:
        fared = f"{counts.fared} did better than {against}"
    else:
        fared = f"{counts.above} did better than {against} and {counts.below} did worse"
    return (
        f"Of the {schools} in the estimate, {fared}. Schools share good and bad years, so this "
        "alone shows little."
    )


def kept_sentence(named: int, result: Result) -> str:
    """Write how many of the programme's schools the estimate rests on."""
    if result.reason == HELD:
        return f"The programme had {count_words(named, 'school')}."
    left = named - result.n_schools
    if not result.known:
        return f"The programme had {count_words(named, 'school')}."
    if left <= 0:
        return f"All {count_words(named, 'school')} in the programme could be compared."
    return (
        f"Of the {count_words(named, 'school')} that took part, {result.n_schools} could be "
        f"compared and {left} could not."
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
    when = "Before the programme began, the comparison schools"
    if result.mode == FORECAST:
        when = (
            "This estimate is a forecast and does not rest on comparison schools. Those chosen for "
            "when results are published"
        )
    if far.empty:
        return (
            f"{when} were similar to the programme's schools in everything we compared "
            f"({count_words(len(rows), 'measure')})."
        )
    names = join_words(label_variable(str(name)) for name in far)
    return (
        f"{when} still differed from the programme's schools in some respects: {names}. The result "
        "should be read with that in mind."
    )


def start_sentence(balance: pd.DataFrame) -> str:
    """Write whether schools are alike in their pupils' starting points, as the files have them."""
    known = {str(name).rpartition(" ")[0] for name in balance.reset_index()["variable"]}
    start = {name.removesuffix("_ks4"): words for name, words in STARTS.items()}
    there = [words for name, words in start.items() if {name, f"{name}_ks4"} & known]
    absent = [words for words in start.values() if words not in there]
    if not absent:
        return f"Schools are also matched on {join_words(there)}."
    also = f"Schools are also matched on {join_words(there)}. " if there else ""
    return (
        f"{also}The files do not have {join_words(absent)}, so schools may still differ in these."
    )


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
    others = others.loc[~others["check"].isin(SAME_ESTIMATE)] if len(others) else others
    if not result.known:
        return ""
    if len(others) == 1:  # the middle of it and the main one says nothing more
        known = known.loc[known["kind"] != "together"]
    return " ".join([_same_question(rows, others, result), *_other_questions(known, result)])


def _same_question(rows: pd.DataFrame, others: pd.DataFrame, result: Result) -> str:
    """Write whether other ways of making the same comparison point the same way."""
    if not len(others):
        held = len(rows) and rows["note"].eq(f"cannot be made: {HELD}").any()
        return (
            "Alternative calculations will be reported when results are published."
            if held
            else "No alternative calculation was made."
        )
    same = int((np.sign(others["estimate"]) == np.sign(result.estimate)).sum())
    tried = f"{spell_number(len(others))} alternative calculations"
    if len(others) == 1:
        direction = "the same" if same else "the other"
        return f"One alternative calculation gave a result in {direction} direction."
    if about_words(result).startswith(SAME):  # as much: which direction, nobody can say
        low, high = (size_words(end, result) for end in (others["estimate"].min(),
                                                         others["estimate"].max()))  # fmt: skip
        return f"Of {tried}, the lowest gave {low} and the highest {high}."
    if same == len(others):
        which = "Both" if same == 2 else f"All {spell_number(same)}"
        agreed = f"{which} alternative calculations gave a result in the same direction"
        return f"{agreed}; they use the same results, so the estimate is no surer for that."
    left = f" and {spell_number(len(others) - same)} did not" if same else ""
    return f"Of {tried}, {spell_number(same)} gave a result in the same direction{left}."


def _other_questions(known: pd.DataFrame, result: Result) -> Iterator[str]:
    """Write what all ways say together, what scaling does, and what the year before shows."""
    if not len(known):
        return
    for row in known.loc[known["kind"] == "together"].to_dict("records"):
        yield (
            f"The median of all calculations, with the main one, is {_check_result(row, result)})."
        )
    for row in known.loc[known["check"] == NOT_SCALED].to_dict("records"):
        words = [choose_verdict(result.estimate, p) for p in (row["p"], result.p_placebo)]
        if words[0] != words[1]:
            yield (
                "How sure we are depends on an allowance for the size of each group of schools: "
                f"without it, {per_hundred(row['p'])} rather than "
                f"{per_hundred(result.p_placebo)} in 100 groups without the programme changed as "
                "much."
            )
    for row in known.loc[known["check"].str.fullmatch(YEAR_EARLY)].to_dict("records"):
        yield _year_early_sentence(row, result)


def _year_early_sentence(row: Mapping[Any, Any], result: Result) -> str:
    """Write what the same calculation gives for the year before, and whether chance gives it."""
    size = size_words(row["estimate"], result)
    apart = str(row["check"]).startswith("from ")
    when = row["check"] if apart else f"in {school_year(result.year - 1)}"
    words = (
        f"As a check we compared these schools with similar schools {when}, before the programme "
        f"could have had an effect: the difference was {size}"
    )
    if pd.isna(row["p"]):
        return f"{words}."
    if row["p"] < 0.1:
        return (
            f"{words}. So large a difference is seldom chance: these schools were already moving "
            "apart from others, and the result should be read with caution."
        )
    forecast = " That check does not test the forecast." if result.mode == FORECAST else ""
    return f"{words}, no more than chance alone could give.{forecast}"


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
    which = spell_number(shared).capitalize() if shared < named else "All"
    of = f" of its {count_words(named, 'school')}" if shared < named else " its schools"
    are, them = ("is", "this school") if shared == 1 else ("are", "these schools")
    words = (
        f"{which}{of} {are} also in another programme: for {them} the effects of the two cannot be "
        "separated."
    )
    checks = found.checks
    alone = checks.loc[checks["check"] == ALONE] if len(checks) else checks
    known = alone.loc[(alone["outcome"] == result.outcome) & alone["estimate"].notna()]
    for row in known.to_dict("records"):
        words += (
            f" Without them the estimate is {_check_result(row, result)}; "
            f"{count_words(int(row['n_schools']), 'school')}; {result.release} results)."
        )
        if result.verdict != UNCERTAIN and row["low"] <= 0 <= row["high"]:
            words += (
                " Those schools alone are too few to say whether results gained or lost ground."
            )
    return words


def register_sentence(report: Report) -> str:
    """Write that the register is of another year than the report; nothing where it is not."""
    years = [line.year for line in report.sources if line.kind == "register"]
    return say_register_year(years[-1], report.year) if years else ""


def still_to_come(releases: Sequence[str], year: int) -> str:
    """Write what becomes final before the board can be sure of these results."""
    early = [release for release in releases if release in NOT_YET_PUBLIC]
    if early:
        return (
            f"The results for {school_year(year)} are {join_words(early)} and can still change. "
            "The evaluation will be repeated when the revised results are published, and the Board "
            "told what changed."
        )
    if "revised" in releases:
        return (
            f"This paper uses the revised results for {school_year(year)}. The evaluation will be "
            "repeated when the final ones are published, and the Board told what changed."
        )
    if not releases:
        return ""
    return (
        f"The results for {school_year(year)} are the final ones: no later release of them is "
        "expected."
    )


def recommend(chapters: Sequence[Chapter], releases: Sequence[str]) -> dict[str, str]:
    """Write what the board is asked to do in the light of the findings, by name; some are empty."""
    named: dict[str, list[str]] = {}
    for one in chapters:
        if one.primary.reason == HELD:
            continue
        kind = one.primary.verdict if one.primary.known else ""
        close = " (borderline)" if one.primary.borderline else ""
        named.setdefault(kind, []).append(f"{one.programme.title}{close}")
    said = {
        "gained": {GAINED: "the gains in {}", PROBABLY_GAINED: "the probable gains in {}"},
        "lost": {LOST: "that results in {} lost ground",
                 PROBABLY_LOST: "that results in {} probably lost ground"},
        "unclear": {UNCERTAIN: "that the results of {} do not show whether there was an effect"},
        "none": {"": "that no effect of {} can be estimated from these results"},
    }  # fmt: skip
    then = {
        "gained": ", and ask officers to advise what may explain them before the support is kept "
        "or extended",
        "lost": ", and ask officers to review the support with the schools",
        "unclear": ", and that no decision should rest on them alone",
    }
    texts = {"again": ""}
    for kind, ways in said.items():
        noted = [way.format(join_words(named[one])) for one, way in ways.items() if one in named]
        texts[kind] = f"Note {' and '.join(noted)}{then.get(kind, '')}" if noted else ""
    if {*releases} - {"final"}:
        next_ = "revised" if {*releases} & set(NOT_YET_PUBLIC) else "final"
        texts["again"] = (
            f"Agree to receive this evaluation again when the {next_} results are published"
        )
    return texts
