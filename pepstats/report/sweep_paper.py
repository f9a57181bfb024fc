"""The paper of a sweep: the pooled answer first, who was evaluated and who not, then the list."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

from pepstats.document import (
    DASH,
    Cell,
    Contents,
    Cover,
    Document,
    Entry,
    PaperPicture,
    PaperTable,
    compose_paper,
    figure,
    make_table,
    with_interval,
)
from pepstats.formatting import (
    count_words,
    format_number,
    join_words,
    long_date,
    per_hundred,
    reader_words,
    school_year,
)
from pepstats.impact import GAINED, LADDER, LOST, choose_verdict
from pepstats.measures import MEASURES, name_pupils, outcome_label
from pepstats.plots import Picture, capital, caterpillar_plot, forest_plot, to_png, to_svg
from pepstats.programmes import (
    EVERY_KIND,
    KIND,
    OTHERS,
    STANDS_OUT,
    THESE,
    Pooled,
    Sweep,
    short_reason,
)
from pepstats.report.disclosure import refuse_unpublished
from pepstats.report.paper import fill_template, list_marks
from pepstats.settings import Report

MOST_REASONS = 4
MOST_LEFT_OUT = 60
"""Rows of the paper's list of programmes that were not evaluated; the file has them all."""


@dataclass(frozen=True)
class SweepResults:
    """All that a sweep's paper is made from: what was found, each outcome pooled, main first."""

    report: Report
    name: str
    sweep: Sweep = field(repr=False)
    pooled: Mapping[str, Pooled] = field(repr=False)

    @property
    def lead(self) -> Pooled:
        """The outcome that most programmes are judged by."""
        return next(iter(self.pooled.values()))

    @property
    def release(self) -> str:
        """How final the results are, all of them where they differ."""
        return join_words(dict.fromkeys(map(str, self.sweep.effects["release"])))

    @property
    def titles(self) -> dict[str, str]:
        """Every programme's title, with its short name where two have the same."""
        account = self.sweep.account
        twice = account["title"].duplicated(keep=False)
        apart = account["title"] + " (" + account["programme"] + ")"
        shown = account["title"].where(~twice, apart)
        return dict(zip(account["programme"], shown, strict=True))

    @property
    def places(self) -> int:
        """The decimals that the main outcome is printed with."""
        return MEASURES[self.lead.outcome].decimals

    def answer(self, question: str, kind: str = EVERY_KIND) -> dict[Hashable, Any]:
        """Return the main outcome's answer to one of the two questions."""
        rows = self.lead.answers
        (one,) = rows[rows["question"].eq(question) & rows["kind"].eq(kind)].to_dict("records")
        return dict(one)

    def draw(self, *, named: bool) -> dict[str, Picture]:
        """Draw the forest plot and the caterpillar plot of the main outcome."""
        return {"forest": _draw_forest(self), "caterpillar": _draw_caterpillar(self, named=named)}


def write_sweep_papers(results: SweepResults, *, exempt_only: bool) -> dict[str, Document]:
    """Write a sweep's public and exempt papers, by the names of their files.

    The public one is made of published results alone: refused while any is not, unless only the
    exempt one is asked for.
    """
    papers = {"sweep-exempt": _write_paper(results, "exempt")}
    if not exempt_only:
        refuse_unpublished(results.sweep.effects["release"], f"the sweep `{results.name}`")
        papers["sweep"] = _write_paper(results, "public")
    return papers


def _write_paper(results: SweepResults, edition: Literal["public", "exempt"]) -> Document:
    report = results.report.model_copy(update={"edition": edition})
    named = edition == "exempt"
    pictures = results.draw(named=named)
    tables = _make_tables(results, named=named)
    tables |= {name: _table_behind(one, results) for name, one in pictures.items()}
    text = fill_template("sweep.md", later=len(results.sweep.cells) > 0,
                         rest=len(results.sweep.rest) > 0,
                         doses=len(results.sweep.doses) > 0)  # fmt: skip
    shown = {
        name: PaperPicture(to_svg(one.figure), to_png(one.figure), one.alt, one.caption, name)
        for name, one in pictures.items()
    }
    title = f"{count_words(len(results.sweep.found), 'programme')}, taken together"
    cover = Cover(title, report.meeting.date, report.meeting.report_by, list_marks(report))
    contents = Contents(_list_entries(results, title, named=named), tables, shown,
                        verdicts=tuple(LADDER))  # fmt: skip
    return compose_paper(text, "sweep.md", contents, cover)


# Sentences ---------------------------------------------------------------------------------------


def _list_entries(results: SweepResults, title: str, *, named: bool) -> dict[str, Entry]:
    meeting, account = results.report.meeting, results.sweep.account
    of = count_words(len(results.sweep.found), "programme")
    words = {
        "meeting.body": meeting.body,
        "meeting.date": long_date(meeting.date),
        "meeting.report_from": meeting.report_from,
        "meeting.report_by": meeting.report_by,
        "report.year": school_year(results.report.year),
        "sweep.subject": title,
        "sweep.programmes": of,
        "sweep.average": _average_sentence(results, THESE),
        "sweep.kind": _average_sentence(results, KIND),
        "sweep.differ": _differ_sentence(results),
        "sweep.chance": _chance_sentence(results),
        "sweep.counts": _count_sentence(account),
        "sweep.list": _list_sentence(named=named),
        "sweep.overstated": _overstated_sentence(results, named=named),
        "sweep.discovery": _discovery_sentence(results),
        "sweep.power": _power_sentence(results),
        "sweep.rest": _rest_sentence(results.sweep),
    }
    return {name: Entry(text, text, "pooled") for name, text in words.items()}


def _points(value: float, results: SweepResults, *, signed: bool = False) -> str:
    number = format_number(value, results.places, signed=signed)
    return f"{number} {results.lead.unit}"


def _range(row: Mapping[Hashable, Any], results: SweepResults) -> str:
    low, high = (format_number(row[end], results.places) for end in ("low", "high"))
    return f"{low} to {high}"


def _average_sentence(results: SweepResults, question: str) -> str:
    """Say the answer to one question: estimate, range, schools, whose results and how final."""
    row = results.answer(question)
    if row["reason"]:
        return f"Not answered: {row['reason']}."
    pupils = name_pupils(results.lead.outcome)
    label = outcome_label(results.lead.outcome).partition(": ")[0]
    said = (
        f"{_points(row['estimate'], results, signed=True)} beyond similar schools in {label} "
        f"(likely range: {_range(row, results)}; {count_words(row['schools'], 'school')} in "
        f"{count_words(row['programmes'], 'programme')}; {pupils}; {results.release} results for "
        f"{school_year(results.report.year)})."
    )
    verdict = choose_verdict(row["estimate"], row["p"])
    if question == THESE:
        means = {GAINED: "These programmes' schools gained on average: ",
                 LOST: "These programmes' schools lost ground on average: "}  # fmt: skip
        return means.get(verdict, f"{verdict.capitalize()}: ") + said
    ends = {
        GAINED: "So a programme of this kind that is not among these can be expected to gain.",
        LOST: "So a programme of this kind that is not among these can be expected to lose ground.",
    }
    unsure = "So nothing can be said of a programme that is not among these."
    return f"{verdict.capitalize()}: {said} {ends.get(verdict, unsure)}"


def _differ_sentence(results: SweepResults) -> str:
    row = results.answer(KIND)
    if row["reason"]:
        return ""
    low, high, tau = (row[name] for name in ("tau_low", "tau_high", "tau"))
    ends = f"{format_number(low, results.places)} to {format_number(high, results.places)}"
    alike = " They may not differ at all." if low == 0 else ""
    return (
        f"Beyond chance, programmes' effects differ from each other by about "
        f"{_points(tau, results)} (a standard deviation; likely range: {ends}).{alike}"
    )


def _chance_sentence(results: SweepResults) -> str:
    row = results.answer(THESE)
    if row["reason"]:
        return ""
    often = per_hundred(row["p"])
    share = f"about {often} in 100" if often else "fewer than 1 in 100"
    return (
        "To test whether the average could be chance, the calculation was repeated for as many "
        f"groups of schools elsewhere that were not in the programmes: {share} of such sets had an "
        "average as far from zero."
    )


def _count_sentence(account: pd.DataFrame) -> str:
    done = int(account["evaluated"].sum())
    left = len(account) - done
    if not left:
        whole = "was entered and" if done == 1 else "were entered and all were"
        were = "was " if done == 1 else ""
        return f"{count_words(done, 'programme')} {whole} {were}evaluated."
    reasons = account.loc[~account["evaluated"].astype(bool), "reason"].map(short_reason)
    counts = reasons.value_counts()
    why = [f"{reader_words(one)} ({count_words(n, 'programme')})" for one, n in counts.items()]
    more = "; and others" if len(why) > MOST_REASONS else ""
    were = "was" if left == 1 else "were"
    return (
        f"Of {count_words(len(account), 'programme')} entered, {done} were evaluated and {left} "
        f"{were} not: {'; '.join(why[:MOST_REASONS])}{more}."
    )


def _list_sentence(*, named: bool) -> str:
    if named:
        return (
            "Programmes are listed by their estimate moved towards the others. A place among them "
            "is as uncertain as the table says."
        )
    return (
        "Programmes are listed by name. They are not ranked: their estimates are too uncertain for "
        "an order to mean anything."
    )


def _overstated_sentence(results: SweepResults, *, named: bool) -> str:
    each, over = results.lead.each, results.lead.overstated
    if not over > 0:  # not known, or there is nothing to overstate
        return ""
    best = each[each["programme"] == results.lead.best].iloc[0]
    least = "" if results.answer(KIND)["tau_low"] > 0 else "at least "
    whose = f", of {results.titles[str(best['programme'])]}," if named else ""
    return (
        f"The largest of {len(each)} estimates{whose} is "
        f"{_points(float(best['estimate']), results, signed=True)}, and is likely to overstate "
        f"that programme's effect by {least}about {_points(over, results)}: the largest of many "
        "is also the luckiest. Estimates moved towards the others allow for this."
    )


def _discovery_sentence(results: SweepResults) -> str:
    each, (by_chance, most) = results.lead.each, results.lead.by_chance
    out = each[each["stands_out"]]
    among = f"Among {count_words(len(each), 'programme')}"
    if out.empty:
        return (
            f"{among}, none stands out: as many estimates as far from zero would be there by "
            "chance."
        )
    stand = "stands" if len(out) == 1 else "stand"
    return (
        f"{among}, {len(out)} {stand} out; by chance about {format_number(by_chance, 1)} would be "
        f"as far from zero, and in 95 of 100 cases no more than {int(most)}."
    )


def _power_sentence(results: SweepResults) -> str:
    one = results.lead.power.iloc[0]
    row, kind = results.answer(THESE), results.answer(KIND)
    said = [
        "One programme alone would need a true effect of about "
        f"{_points(float(one['these']), results)} to be found four times in five."
    ]
    if not row["reason"]:
        said.append(
            f"With these {row['programmes']} an average of {_points(row['smallest'], results)} "
            "would be found."
        )
    if not kind["reason"]:
        said.append(
            f"For programmes of this kind the average would have to be "
            f"{_points(kind['smallest'], results)}."
        )
    return " ".join(said)


def _rest_sentence(sweep: Sweep) -> str:
    if sweep.rest.empty:
        return ""
    rest = sweep.rest[sweep.rest["whose"].eq(OTHERS) & sweep.rest["reason"].eq("")]
    clear = rest["verdict"].isin([GAINED, LOST])
    return (
        f"In {int(clear.sum())} of {count_words(len(rest), 'programme')} the other schools gained "
        f"or lost ground; about {format_number(0.05 * len(rest), 1)} would by chance."
    )


# Tables ------------------------------------------------------------------------------------------


def _make_tables(results: SweepResults, *, named: bool) -> dict[str, PaperTable]:
    sweep = results.sweep
    return {
        "answers": _table_answers(results),
        "outcomes": _table_outcomes(results),
        "left-out": _table_left_out(results),
        "remarks": _table_remarks(results),
        "programmes": _table_programmes(results, named=named),
        "power": _table_power(results),
        "later": _table_later(results, sweep.cells),
        "rest": _table_rest(results, sweep.rest),
        "doses": _table_doses(results, sweep.doses),
    }


def _kind_words(kind: object) -> str:
    return "All programmes" if kind == EVERY_KIND else str(kind)


WOULD_BE_FOUND = (
    "Would be found: the average of these programmes that would be found four times in five. "
    "Differ by: the standard deviation of programmes' effects."
)


def _both_answers(answers: pd.DataFrame) -> list[Cell]:
    """Lay both answers of some programmes beside each other, or why there is none."""
    these, kind = (
        answers[answers["question"] == one].to_dict("records")[0] for one in (THESE, KIND)
    )
    places = MEASURES[str(these["outcome"])].decimals
    averages = [
        with_interval((one["estimate"], one["low"], one["high"]), places, none=str(one["reason"]))
        for one in (these, kind)
    ]
    return [figure(these["programmes"]), *averages, figure(these["smallest"], places),
            figure(kind["tau"], places)]  # fmt: skip


ANSWERED = {"Programmes": 0.9, "These, on average": 1.5, "Programmes of this kind": 1.5,
            "Would be found": 0.8, "Differ by": 0.7}  # fmt: skip


def _table_answers(results: SweepResults) -> PaperTable:
    answers = results.lead.answers
    rows = [(_kind_words(kind), *_both_answers(own))
            for kind, own in answers.groupby("kind", sort=False)]  # fmt: skip
    caption = f"The programmes taken together: {outcome_label(results.lead.outcome)}"
    return make_table(caption, {"Kind": 1.4, **ANSWERED}, rows, note=WOULD_BE_FOUND)


def _table_outcomes(results: SweepResults) -> PaperTable:
    rows = []
    for outcome, pooled in list(results.pooled.items())[1:]:
        own = pooled.answers[pooled.answers["kind"] == EVERY_KIND]
        rows.append((outcome_label(outcome), *_both_answers(own)))
    caption = "The programmes taken together, in other outcomes"
    return make_table(caption, {"Outcome": 1.8, **ANSWERED}, rows, note=WOULD_BE_FOUND)


def _table_left_out(results: SweepResults) -> PaperTable:
    account = results.sweep.account
    left = account[~account["evaluated"].astype(bool)]
    rows = [(results.titles[str(row["programme"])], figure(row["listed"]),
             reader_words(short_reason(row["reason"])))
            for row in left.head(MOST_LEFT_OUT).to_dict("records")]  # fmt: skip
    more = len(left) - len(rows)
    note = f"{count_words(more, 'more programme')} in the file programmes.csv." if more > 0 else ""
    columns = {"Programme": 2.0, "Schools listed": 0.8, "Why it was not evaluated": 3.0}
    return make_table("Programmes that were not evaluated", columns, rows, note=note,
                      empty="Every programme was evaluated.")  # fmt: skip


def _table_remarks(results: SweepResults) -> PaperTable:
    remarks = results.sweep.remarks
    rows = [
        (capital(str(what)), figure(own["programme"].nunique()))
        for what, own in remarks.groupby("what", sort=False)
    ]
    return make_table("What was found in the lists", {"What": 4.0, "Programmes": 1.0}, rows,
                      empty="Nothing had to be said of the lists.")  # fmt: skip


def _table_programmes(results: SweepResults, *, named: bool) -> PaperTable:
    each, places, titles = results.lead.each, results.places, results.titles
    kinds = dict(zip(results.sweep.account["programme"], results.sweep.account["kind"],
                     strict=True))  # fmt: skip
    each = each.assign(title=each["programme"].map(titles))
    by = (["shrunk", "title"], [False, True]) if named else (["title"], [True])
    rows = []
    for row in each.sort_values(by[0], ascending=by[1], kind="stable").to_dict("records"):
        place = ""
        if pd.notna(row["rank_low"]):
            place = f"{int(row['rank_low'])} to {int(row['rank_high'])}"
        rows.append((
            row["title"], kinds[row["programme"]] or DASH, figure(row["n_schools"]),
            with_interval((row["estimate"], row["low"], row["high"]), places),
            with_interval((row["shrunk"], row["shrunk_low"], row["shrunk_high"]), places),
            "yes" if row["stands_out"] else "no", *([place or DASH] if named else []),
        ))  # fmt: skip
    columns = {"Programme": 2.2, "Kind": 0.9, "Schools": 0.7, "Estimate (range)": 1.6,
               "Moved towards the others": 1.6, "Stands out": 0.7}  # fmt: skip
    columns |= {"Likely place": 0.9} if named else {}
    note = (
        f"In {results.lead.unit}; {results.release} results. A range allows for all of a "
        "programme's outcomes looked at together. Stands out: of the programmes as far from zero "
        f"at most {per_hundred(STANDS_OUT)} in 100 would be there by chance."
    )
    return make_table(f"Each programme: {outcome_label(results.lead.outcome)}", columns, rows,
                      note=note)  # fmt: skip


def _table_power(results: SweepResults) -> PaperTable:
    rows = [
        (str(row["programmes"]), figure(row["these"], results.places),
         figure(row["of_kind"], results.places))
        for row in results.lead.power.to_dict("records")
        if row["programmes"] in (1, 2, 3, 5, 8, 12, 16, 20, 30, 40)
    ]  # fmt: skip
    columns = {"Programmes": 1.0, "These, on average": 1.5, "Programmes of this kind": 1.5}
    note = (
        f"The average effect, in {results.lead.unit}, that would be found four times in five, for "
        "programmes of this size. Of fewer than five programmes nothing is said of their kind."
    )
    return make_table("What could be found, by how many programmes are taken together", columns,
                      rows, note=note)  # fmt: skip


def _table_later(results: SweepResults, cells: pd.DataFrame) -> PaperTable:
    rows = [
        (results.titles[str(row["programme"])],
         "all starts" if row["start"] == EVERY_KIND else school_year(int(row["start"])),
         school_year(int(row["year"])), figure(row["n_schools"]),
         with_interval((row["estimate"], row["low"], row["high"]),
                       MEASURES[row["outcome"]].decimals, none=reader_words(row["reason"]) or DASH))
        for row in cells.to_dict("records")
    ]  # fmt: skip
    columns = {"Programme": 2.0, "First year": 0.9, "Results of": 0.9, "Schools": 0.7,
               "Estimate (range)": 1.8}  # fmt: skip
    return make_table("Schools by their own first year", columns, rows)


def _table_rest(results: SweepResults, rest: pd.DataFrame) -> PaperTable:
    rows = [
        (results.titles[str(row["programme"])], row["whose"], figure(row["n_schools"]),
         with_interval((row["estimate"], row["low"], row["high"]),
                       MEASURES[row["outcome"]].decimals, none=row["reason"] or DASH),
         row["verdict"] or DASH)
        for row in rest.to_dict("records")
    ]  # fmt: skip
    columns = {"Programme": 2.0, "Whose": 1.4, "Schools": 0.7, "Estimate (range)": 1.6,
               "Verdict, alone": 1.2}  # fmt: skip
    return make_table("Each programme's schools and the other schools of their authority", columns,
                      rows)  # fmt: skip


def _table_doses(results: SweepResults, doses: pd.DataFrame) -> PaperTable:
    rows = [
        (results.titles[str(row["programme"])], str(row["dose"]).replace("`", ""),
         figure(row["n_schools"]),
         with_interval((row["slope"], row["low"], row["high"]), 2, none=row["reason"] or DASH))
        for row in doses.to_dict("records")
    ]  # fmt: skip
    columns = {"Programme": 2.0, "How much": 1.6, "Schools": 0.7, "Each one more": 1.6}
    note = "The difference in the gap that goes with each one more, beside the same in groups of "
    return make_table("How much each school had", columns, rows,
                      note=f"{note}schools without the programme.")  # fmt: skip


# Pictures ----------------------------------------------------------------------------------------


def _draw_forest(results: SweepResults) -> Picture:
    each = results.lead.each.assign(name=results.lead.each["programme"].map(results.titles))
    each = each.assign(part="programme").sort_values("name", kind="stable")
    answers = results.lead.answers
    kinds = answers[answers["estimate"].notna()]
    names = [
        f"{'On average' if row['question'] == THESE else 'Programmes of this kind'}: "
        f"{_kind_words(row['kind']).lower() if row['kind'] == EVERY_KIND else row['kind']}"
        for row in kinds.to_dict("records")
    ]
    rows = pd.concat([each, kinds.assign(name=names, part="together")], ignore_index=True)
    return forest_plot(rows, results.lead.outcome, unit=results.lead.unit, title=_title(results))


def _title(results: SweepResults) -> str:
    return f"{count_words(len(results.lead.each), 'programme')}, {school_year(results.report.year)}"


def _draw_caterpillar(results: SweepResults, *, named: bool) -> Picture:
    each = results.lead.each
    moved = each["shrunk"].notna()
    rows = pd.DataFrame({
        "name": each["programme"].map(results.titles), "estimate": each["estimate"],
        "shrunk": each["shrunk"].where(moved, each["estimate"]),
        "low": each["shrunk_low"].where(moved, each["low"]),
        "high": each["shrunk_high"].where(moved, each["high"]),
    })  # fmt: skip
    return caterpillar_plot(rows, results.lead.outcome, unit=results.lead.unit,
                            title=_title(results), named=named)  # fmt: skip


def _table_behind(picture: Picture, results: SweepResults) -> PaperTable:
    """Lay out the figures that a picture was drawn from."""
    rows, places = picture.table, results.places
    middle = "shrunk" if "shrunk" in rows else "estimate"
    found: Iterable[dict[Hashable, Any]] = rows.to_dict("records")
    cells = [(row["name"], with_interval((row[middle], row["low"], row["high"]), places),
              *([figure(row["estimate"], places, signed=True)] if middle == "shrunk" else []))
             for row in found]  # fmt: skip
    columns = {"Row": 3.0, "Drawn (range)": 1.6}
    columns |= {"As estimated": 1.0} if middle == "shrunk" else {}
    return make_table(picture.caption, columns, cells)
