from __future__ import annotations

import dataclasses
import datetime
import io
import re

import docx
import numpy as np
import pandas as pd
import pytest

from pepstats.document import blocks as document_blocks
from pepstats.document.blocks import text_of
from pepstats.document.compose import find_typed_results, read_officers_text
from pepstats.document.html import to_html
from pepstats.document.word import write_docx
from pepstats.errors import DesignError, RunError
from pepstats.report import disclosure, programme_tables
from pepstats.report import paper as report_paper
from pepstats.report.board_tables import background_sentence
from pepstats.report.city_tables import (
    TOTAL,
    changes_sentence,
    protect_city,
    ratings_sentence,
)
from pepstats.report.disclosure import View
from pepstats.report.edition import (
    Edition,
    Told,
    _only_ranges,
    breaks_sentence,
    collect_results,
    list_results,
    years_sentence,
)
from pepstats.report.entries import (
    NOT_SCALED,
    caution_sentence,
    checks_sentence,
    list_entries,
    worth_sentence,
)
from pepstats.report.figures import picture_overview
from pepstats.report.gate import protect
from pepstats.report.paper import (
    EXEMPT,
    INVENTED,
    built_in_text,
    list_disclosure,
    list_marks,
    list_shown_counts,
    list_to_do,
    make_tables,
    write_editions,
)
from pepstats.report.programme_tables import list_from_memory, scaled
from pepstats.report.sentences import Result
from pepstats.settings.report import Disclosure, ListedSource
from tests.paper_made_up import (
    make_city,
    make_effect,
    make_programme,
    make_report,
    make_results,
    make_study,
    sketch,
    write_paper,
)
from tests.reading import reading_age, words_of

CITY = make_city()
NAMES = {n: name for n, name in CITY.names.items() if n < 900018}


@pytest.fixture(scope="module")
def study():
    return make_study()


@pytest.fixture(scope="module")
def paper():
    """The whole paper, every picture drawn."""
    edition = Edition(*make_study(drawn=True), CITY)
    return report_paper.write_paper(edition, picture_overview(edition))


def test_the_paper_follows_the_seeds_own_order(paper) -> None:
    assert [label for label, _ in paper.facts] == [
        "Meeting",
        "Subject",
        "Date",
        "Report from",
        "Report by",
    ]
    topics = [text_of(b.words) for b in paper.blocks if b.kind == "heading" and b.level == 2]
    assert topics == [
        "Purpose of report",
        "What the evaluation found",
        "Recommendations",
        "Closing the gap",
        "SEND in mainstream",
        "Priority ratings",
        "What becomes final, and when",
        "Equality impact assessment",
        "Legal implications",
        "Finance comments",
        "Appendices",
        "Background list of documents",
        "Appendix 1: How the comparison was made",
        "Appendix 1a: Case studies, data and graphs: Closing the gap",
        "Appendix 1b: Case studies, data and graphs: SEND in mainstream",
        "Appendix 2: Priority ratings of schools",
        "Appendix 3: Assumptions, decisions and checks",
        "Tables and pictures that are not shown",
    ]


def test_every_result_is_said_in_full(paper) -> None:
    text = words_of(paper)
    assert (
        "For all pupils, results gained on similar schools: the percentage reaching the expected "
        "standard in reading, writing and maths was about 4 percentage points higher than similar "
        "schools' results would lead us to expect (likely range: from just above zero to 8 points "
        "higher; provisional results for 2017/18, 17 schools)"
    ) in text
    assert (
        "we repeated the calculation for 10,000 groups of schools elsewhere that were not in the "
        "programme, in 40 authorities. About 3 in 100 showed a difference at least as large "
        "(between 2 and 5, depending on which authorities are compared)."
    ) in text


def test_the_paper_never_says_significant_or_works(paper) -> None:
    html = to_html(paper)
    visible = re.sub(r"<style>.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL)
    assert not re.search(r"\bsignifican|\bworks\b|\bproves?\b", visible, re.IGNORECASE)


def test_legal_and_finance_comments_are_left_to_be_completed(paper) -> None:
    assert "To be completed by the council's legal adviser." in paper.to_complete
    assert "To be completed by the chief finance officer." in paper.to_complete


def test_the_built_in_text_keeps_its_own_rule_and_uses_only_entries_that_exist(study) -> None:
    settings, programmes, results = study
    text = built_in_text(settings, programmes)
    officers = read_officers_text(text, "built-in")
    assert find_typed_results(officers.text) == []
    entries = list_entries(Edition(settings, programmes, results))
    used = {hole.name for hole in officers.holes if hole.kind == "entry"}
    assert used <= set(entries)
    assert {"closing-the-gap.headline", "closing-the-gap.chance", "meeting.date"} <= used


def test_the_built_in_text_reads_at_fourteen_or_younger(paper) -> None:
    own_words = [b for b in words_of(paper).splitlines() if "likely range" not in b]
    assert reading_age("\n".join(own_words)) <= 14
    assert reading_age(words_of(paper)) <= 14


def test_moving_one_number_of_a_run_moves_the_paper(study) -> None:
    settings, programmes, results = study
    before = words_of(write_paper(settings, programmes, results))
    for name, value, shown in (
        ("estimate", 5.6, "about 6 percentage points"),
        ("low", 0.7, "from 1 point higher to"),
        ("high", 9.9, "to 10 points higher"),
        ("n_schools", 16, "16 schools"),
        ("release", "revised", "revised results"),
        ("p_placebo", 0.02, "2 in 100"),
        ("n_placebo", 4999, "4,999 groups"),
        ("p_adjusted", 0.12, "the figure is about 12 in 100"),
        ("borderline", True, "This result is borderline"),
        ("n_authorities", 31, "in 31 authorities"),
        ("verdict", "probably gained", "probably gained"),
    ):
        moved = {**results, "closing-the-gap": sketch(make_results(**{name: value}))}
        after = words_of(write_paper(settings, programmes, moved))
        assert shown in after, name
        assert after != before, name


def test_officers_own_text_is_used_and_held_to_the_rule(study) -> None:
    own = "Subject: Ours\n\n# Ours\n\nIt says {closing-the-gap.verdict}.\n"
    assert "It says gained." in words_of(write_paper(*study, text=own))
    with pytest.raises(
        DesignError, match=r"reports/autumn-2018.md: line 3, column 9: `4.2` looks like"
    ):
        write_paper(*study, text="# Ours\n\nIt rose 4.2 points.\n")
    with pytest.raises(DesignError, match="Did you mean `closing-the-gap.headline`"):
        write_paper(*study, text="# Ours\n\n{closing-the-gap.headlin}\n")


def test_every_entry_says_where_it_came_from(study) -> None:
    for name, entry in list_entries(Edition(*study)).items():
        assert entry.source, name
        assert isinstance(entry.text, str), name
        assert "nan" not in entry.text.casefold().split(), name


def test_every_page_says_what_it_is() -> None:
    assert list_marks(make_report(edition="exempt")) == (EXEMPT, INVENTED)
    assert list_marks(make_report(invented=False)) == ()
    settings, programmes, results = make_study(edition="exempt")
    html = to_html(write_paper(settings, programmes, results, city=CITY))
    assert html.count("EXEMPT: not for publication") >= 2
    assert "@top-left" in html


def test_the_public_edition_names_no_school_and_hides_lines_that_could_tell(study) -> None:
    html = to_html(write_paper(*study, city=CITY))
    assert not any(name in html for name in NAMES.values())
    assert "Not published until results are" in html
    settings, programmes, results = make_study(edition="exempt")
    exempt = to_html(write_paper(settings, programmes, results, city=CITY))
    assert all(name in exempt for name in NAMES.values())


def test_an_outcome_without_an_estimate_says_so(study) -> None:
    settings, programmes, results = study
    one = results["closing-the-gap"]
    gone = dataclasses.replace(
        one,
        effects=one.effects.iloc[:1],
        gaps=one.gaps.assign(gap=one.gaps["gap"].where(one.gaps["outcome"] == "rwm_expected")),
    )
    entries = list_entries(Edition(settings, programmes, {**results, "closing-the-gap": gone}))
    said = entries["closing-the-gap.reading_progress.sentence"].text
    assert said.startswith(
        "For all pupils, no estimate can be given of the progress score in reading"
    )
    write_paper(settings, programmes, {**results, "closing-the-gap": gone})


def test_a_run_without_checks_still_makes_a_paper(study) -> None:
    settings, programmes, results = study
    bare = {
        slug: dataclasses.replace(one, checks=one.checks.iloc[:0]) for slug, one in results.items()
    }
    assert "No alternative calculation was made." in words_of(
        write_paper(settings, programmes, bare)
    )


@pytest.mark.parametrize(
    ("months", "low", "high", "said"),
    [(2.2, 0.1, 4.6, "about two months' additional progress (range 0 to 5)"),
     (1.0, 0.2, 2.0, "about one month's additional progress (range 0 to 2)"),
     (0.4, 0.1, 0.9, "less than one month's progress (range 0 to 1)"),
     (-1.1, -2.0, -0.4, "about one month less progress (range \u22122 to 0)")],
)  # fmt: skip
def test_months_are_said_only_of_a_verdict_and_never_as_zero_months_less(
    months: float, low: float, high: float, said: str
) -> None:
    found = Edition(*make_study()).chapters[0].primary
    sizes = pd.DataFrame({"outcome": [found.outcome], "months": [months], "months_low": [low],
                          "months_high": [high], "months_table": ["EEF"]})  # fmt: skip
    sure = dataclasses.replace(found, verdict="gained")
    assert said in worth_sentence(sure, sizes)
    assert worth_sentence(dataclasses.replace(found, verdict="too uncertain to say"), sizes) == ""


def test_a_year_early_without_a_probability_is_not_said_to_be_within_chance() -> None:
    settings, programmes, results = make_study(release="final")
    slug = "closing-the-gap"
    for p, said in (
        (float("nan"), "points."),
        (0.05, "seldom chance"),
        (0.5, "no more than chance"),
    ):
        checks = results[slug].checks.copy()
        checks.loc[checks["check"] == "one year early", "p"] = p
        found = {**results, slug: dataclasses.replace(results[slug], checks=checks)}
        (words,) = re.findall(r"As a check we compared.*", words_of(
            write_paper(settings, programmes[:1], {slug: found[slug]})))  # fmt: skip
        assert said in words and ("chance" in words) == (p == p)


def test_the_year_in_which_nothing_should_show_is_told_apart() -> None:
    paper = write_paper(*make_study(release="final"))
    assert (
        "As a check we compared these schools with similar schools in 2016/17, before the "
        "programme could have had an effect: the difference was −0.4 percentage points, no more "
        "than chance alone could give." in words_of(paper)
    )
    assert (
        "Both alternative calculations gave a result in the same direction; they use the same "
        "results, so the estimate is no surer for that. The median of all calculations, with the "
        "main one, is +4.2 percentage points (likely range 0.4 to 8.0)."
    ) in words_of(paper)


@pytest.mark.parametrize(
    ("p", "unscaled", "said"),
    [(0.03, 0.08, True), (0.08, 0.03, True), (0.58, 0.61, False), (0.012, 0.045, False)],
)
def test_allowing_for_size_is_said_to_matter_only_where_the_words_would_change(p, unscaled, said):
    result = Result(
        outcome="rwm_expected", unit="percentage points", estimate=3.0, low=-1.0, high=7.0,
        p_placebo=p, n_schools=18, n_placebo=10_000, year=2018, release="final", verdict="",
    )  # fmt: skip
    row = {"outcome": "rwm_expected", "check": NOT_SCALED, "kind": "chance", "estimate": 3.0,
           "low": -1.0, "high": 7.0, "p": unscaled, "n_schools": 18, "note": "",
           "detail": ""}  # fmt: skip
    words = checks_sentence(pd.DataFrame([row]), result)
    assert ("depends on an allowance for the size" in words) == said


def test_names_of_measures_are_never_shown_to_readers(paper) -> None:
    visible = re.sub(r"<style>.*?</style>|<[^>]+>", " ", to_html(paper), flags=re.DOTALL)
    assert not re.search(r"\b(rwm_expected|reading_progress|p_placebo|smd_)", visible)


def test_collecting_reads_each_programmes_tables_by_name() -> None:
    read = []

    class Step:
        def read_table(self, step, name, programme=None):
            read.append((step, name, programme))
            if name in ("statements", "value", "calibration"):
                raise RunError("not there")
            if name == "members":
                slugs = ["closing-the-gap", "closing-the-gap", "send-in-mainstream"]
                return pd.DataFrame({"school": [2, 1, 2], "programme": slugs})
            return make_results().effects

        def read_file(self, step, name, programme=None):
            if step == "06-case-studies":
                raise RunError("not there")
            return name.encode()

    _, programmes, _ = make_study()
    found = collect_results(Step(), programmes)
    assert ("04-estimate-effect", "effects", "send-in-mainstream") in read
    assert len(read) == 2 * (20 + 6) + 1
    drawn = found["closing-the-gap"].pictures
    assert set(drawn) == {"two-lines", "hundred-dots", "checks", "balance", "flow", "series"}
    assert drawn["two-lines"].svg == b"gap-rwm_expected.svg"
    assert drawn["two-lines"].caption == "gap-rwm_expected.caption.txt"
    assert ("04-estimate-effect", "gap-rwm_expected", "closing-the-gap") in read


def test_an_unknown_verdict_stops_the_paper(study) -> None:
    settings, programmes, results = study
    odd = make_results(verdict="significant")
    assert make_effect()["verdict"] == "gained" and np.isfinite(odd.effects["estimate"]).all()
    with pytest.raises(DesignError, match="is not a verdict"):
        write_paper(settings, programmes, {**results, "closing-the-gap": odd})


def test_both_editions_come_from_one_call_and_only_the_exempt_one_names_schools() -> None:
    settings, programmes, results = make_study(release="final")
    whole = Edition(settings, programmes, results, CITY)
    editions = write_editions(whole, protect(whole))
    assert list(editions) == ["report", "report-exempt"]
    public, exempt = (to_html(paper) for paper in editions.values())
    assert not any(name in public for name in CITY.names.values())
    assert all(name in exempt for name in CITY.names.values())
    assert EXEMPT in exempt and EXEMPT not in public


def test_what_the_public_edition_holds_back_is_in_the_log_with_its_reason() -> None:
    settings, programmes, results = make_study()
    log = list_disclosure(protect(Edition(settings, programmes, results, CITY)))
    assert list(log.columns) == disclosure.LOG_COLUMNS
    assert log["reason"].str.len().gt(0).all()
    tables = set(log["table"])
    assert {"closing-the-gap.schools", "closing-the-gap.statements", "ratings-named"} <= tables
    html = to_html(write_paper(settings, programmes, results, city=CITY))
    shown = html.count('<td class="numeric">[c]</td>')
    assert shown == (log["table"] == "ratings").sum()


def test_a_count_hidden_in_the_ratings_is_not_told_in_a_sentence() -> None:
    hidden = protect_city(CITY, View())["ratings"]
    assert hidden.shown.isna().any().any()
    said = ratings_sentence(hidden).replace("from 1 (most in need) to 3", "")
    assert not any(letter.isdigit() for letter in said)
    open_ = protect_city(CITY, View(exempt=True))["ratings"]
    assert (
        "In all, 43 schools have a priority rating, from 1 (most in need) to 3. Two could not be "
        "rated, because they are special schools or have too few results."
    ) in ratings_sentence(open_)


def test_statements_are_counted_in_balance_and_quoted_by_role(paper) -> None:
    text = words_of(paper)
    assert "Of the 6 schools asked for a statement, 5 answered: 3 positive, 1 mixed" in text
    quotes = [q for block in paper.blocks if block.kind == "quotes" for q in block.quotes]
    assert {q.role for q in quotes} == {"Head teacher"}
    assert not any("Callum" in q.text or "do it again" in q.text for q in quotes)


def test_what_still_needs_a_person_is_listed(study, paper) -> None:
    needed = list_to_do(Edition(*study), paper)
    assert any("legal adviser" in line for line in needed)
    assert any(line.startswith("statement in row 6") for line in needed)


@pytest.mark.parametrize(
    ("release", "date", "asked"),
    [("final", "2018-10-02", True), ("revised", "2018-11-30", True), ("final", "2018-12-01", False),
     ("provisional", "2018-10-02", False)],
)  # fmt: skip
def test_a_paper_dated_before_its_results_were_published_is_asked_for_its_date(
    release: str, date: str, asked: bool, study, paper
) -> None:
    _, programmes, results = study
    made = make_report()
    sources = [one.model_copy(update={"release": release}) for one in made.sources]
    meeting = made.meeting.model_copy(update={"date": datetime.date.fromisoformat(date)})
    made = made.model_copy(update={"sources": tuple(sources), "meeting": meeting})
    needed = list_to_do(Edition(made, programmes, results), paper)
    early = [line for line in needed if "not published before December 2018" in line]
    assert len(early) == asked and all("of 2017/18" in line for line in early)


def test_case_studies_say_by_what_rule_they_were_picked(paper) -> None:
    assert "chosen by a rule, not for their success" in words_of(paper)
    assert "whose results rose most against similar schools." in words_of(paper)


def test_what_it_is_worth_and_how_often_the_method_errs_are_shown_where_known(study) -> None:
    settings, programmes, results = study
    value = pd.DataFrame({"question": ["Months of progress"], "answer": ["2 months (-1 to +4)"]})
    rates = pd.DataFrame({
        "estimator": ["before and after", "placebo cities"] * 2, "outcome": "rwm_expected",
        "selection": ["at random"] * 2 + ["low attaining, in one city"] * 2,
        "mean": [0.0, 0.0, 7.8, 0.1], "mean_se": 0.17, "spread": [2.0, 2.0, 3.4, 3.0],
        "spread_se": 0.08, "false_alarm_rate": [0.05, 0.05, 0.66, 0.05], "false_alarm_se": 0.012,
        "judged_by": "a t-test of its schools",
    })  # fmt: skip
    one = dataclasses.replace(results["closing-the-gap"], value=value, calibration=rates)
    tables = make_tables(Edition(settings, programmes, {**results, "closing-the-gap": one}))
    assert ("Months of progress", "2 months (-1 to +4)") in tables["closing-the-gap.summary"].rows
    assert tables["closing-the-gap.calibration"].rows[0] == (
        "before and after",
        "a t-test of its schools",
        "66 (1)",
        "+7.80 (0.17)",
        "3.40 (0.08)",
    )
    assert tables["send-in-mainstream.calibration"].rows == ()


def test_appendices_are_lettered_past_z() -> None:
    settings = make_report()
    many = [make_programme(f"p{n}") for n in range(28)]
    text = built_in_text(settings, many)
    assert "# Appendix 1z: " in text and "# Appendix 1ab: " in text
    read_officers_text(text, "built-in")


def test_pictures_have_meaningful_words_and_their_tables_are_in_the_paper(paper) -> None:
    numbers = {block.number for block in paper.blocks if block.kind == "table"}
    shown = [block for block in paper.blocks if block.kind == "figure"]
    assert len(shown) == 11  # those of single schools are withheld
    for block in shown:
        assert len(block.picture.alt.split()) > 8
        assert block.table_number in numbers


def test_a_school_that_could_be_known_by_its_results_is_not_tied_to_its_words(study) -> None:
    settings, programmes, results = make_study(release="final")
    public, exempt = (
        list_entries(Edition(settings, programmes, results).turn(edition))
        for edition in ("public", "exempt")
    )
    name = "closing-the-gap.case-1.says"
    assert public[name].text == ""
    assert exempt[name].text == "Its statement is among those quoted in the paper."


def test_a_change_of_definition_is_said_beside_what_it_touches(paper) -> None:
    programme = make_programme(starts=2018, baseline=(2016, 2017))
    said = breaks_sentence(programme, ["rwm_expected", "reading_progress"], 2018)
    assert ": a new framework for assessing writing from 2017/18; " in said
    assert "extremely low progress scores are limited from 2017/18." in said
    assert breaks_sentence(programme, ["maths_expected"], 2018) == ""
    later = programme.model_copy(update={"baseline": (2019, 2023)})
    said = breaks_sentence(later, ["rwm_expected"], 2024)
    assert "two years of disrupted schooling" in said and "definition" not in said
    assert "a new framework" in to_html(paper)


@pytest.mark.parametrize(
    ("baseline", "year", "said"),
    [
        ((2016, 2017), 2018, ""),
        ((2019, 2023), 2024, "The years compared, 2018/19, 2022/23 and 2023/24, are not in a row: "
         "there is nothing of 2019/20 and 2020/21 (no tests held) and 2021/22 (not published by "
         "school)."),
        ((2016, 2018), 2019, "The years compared, 2015/16, 2017/18 and 2018/19, are not in a row: "
         "there is nothing of 2016/17 (not among the years compared)."),
    ],
)  # fmt: skip
def test_years_that_are_not_in_a_row_are_said_with_the_reason(baseline, year, said):
    programme = make_programme(starts=year, baseline=baseline)
    assert years_sentence(programme, year) == said


def test_what_the_last_meeting_asked_for_is_answered_or_left_to_be_completed(study) -> None:
    settings, programmes, results = study
    asked = [{"asked": "Case studies", "by": "A councillor", "answer": "They are in section 4."},
             {"asked": "What schools say"}]  # fmt: skip
    settings = make_report(actions=asked)
    paper = write_paper(settings, programmes, results)
    rows = next(b.table.rows for b in paper.blocks if b.kind == "table" and b.name == "actions")
    assert rows == (
        ("Case studies (A councillor)", "They are in section 4."),
        ("What schools say", "To be completed"),
    )
    needed = list_to_do(Edition(settings, programmes, results), paper)
    assert "an answer to what the last meeting asked for: What schools say" in needed


def test_a_result_typed_by_hand_in_an_answer_is_refused(study) -> None:
    _, programmes, results = study
    settings = make_report(actions=[{"asked": "x", "answer": "Results rose by 5%."}])
    with pytest.raises(DesignError, match=r"`actions`, no. 1: `5%` looks like a result"):
        write_paper(settings, programmes, results)


def test_schools_in_two_programmes_are_said_beside_the_estimate() -> None:
    settings, programmes, results = study = make_study(release="final")
    checks = results["closing-the-gap"].checks
    alone = checks["check"] == "only schools in no other programme"
    known = {"estimate": 3.0, "low": -1.0, "high": 7.0, "n_schools": 16, "note": ""}
    both = dataclasses.replace(
        results["closing-the-gap"],
        also_in=pd.Series([1, 1] + [0] * 16, index=range(900000, 900018)),
        checks=checks.assign(**{n: checks[n].where(~alone, v) for n, v in known.items()}),
    )
    text = words_of(write_paper(settings, programmes, {**results, "closing-the-gap": both}))
    assert (
        "Two of its 18 schools are also in another programme: for these schools the effects of the "
        "two cannot be separated. Without them the estimate is +3.0 percentage points (likely "
        "range −1.0 to 7.0; 16 schools; final results)."
    ) in text
    assert "in another programme" not in words_of(write_paper(*study))


def accounts(edition: Edition) -> list[dict[str, str]]:
    """Give the parts of each case study of the first programme."""
    said = {name: entry.text for name, entry in list_entries(edition).items()}
    parts = ("name", "kind", "support", "changed", "result", "says")
    return [{p: said[f"closing-the-gap.case-{n}.{p}"] for p in parts} for n in (1, 2, 3)]


def test_case_studies_tell_in_october_all_that_is_public_and_name_no_school(study) -> None:
    settings, programmes, results = study
    public = accounts(Edition(settings, programmes, results, CITY))
    assert all(one["kind"] and one["support"] for one in public)
    assert {(one["result"], one["says"]) for one in public} == {("", "")}
    assert public[0]["name"].startswith("School ")
    final = accounts(Edition(*make_study(release="final"), CITY))
    assert final[2]["result"] == (
        "In 2017/18 its result was about 6 percentage points lower than similar schools' results "
        "would lead us to expect."
    )


def test_case_studies_say_in_the_exempt_edition_what_became_of_each_statement(study) -> None:
    _, programmes, results = study
    told = accounts(Edition(make_report(edition="exempt"), programmes, results, CITY))
    assert [one["says"] for one in told] == [
        "Its statement is among those quoted in the paper.",
        "It gave a statement, without consent to publish it.",
        "It gave a statement, with consent of 14 September 2018, whose words are still to be "
        "checked.",
    ]
    assert all(one["name"].split(",")[0] in CITY.names.values() for one in told)


def test_the_counts_that_the_public_edition_shows_are_listed_for_the_next_release() -> None:
    settings, programmes, results = make_study(edition="exempt")
    shown = list_shown_counts(protect(Edition(settings, programmes, results, CITY)))
    assert list(shown.columns) == disclosure.SHOWN_COLUMNS
    ratings = shown[shown["table"] == "ratings"]
    log = list_disclosure(protect(Edition(settings, programmes, results, CITY)))
    assert ratings["count"].isna().sum() == (log["table"] == "ratings").sum() > 0


def test_the_public_edition_heeds_what_the_last_release_showed() -> None:
    settings, programmes, results = make_study()
    wide = settings.model_copy(update={"disclosure": Disclosure(safe_threshold=2)})
    last = list_shown_counts(protect(Edition(wide, programmes, results, CITY))).astype(
        {"count": float}
    )
    row = last.index[last["count"] > 9][0]
    last.loc[row, "count"] -= 1
    told = Told(counts=last.assign(release="last"))
    log = list_disclosure(protect(Edition(wide, programmes, results, CITY, told=told)))
    assert disclosure.DIFFERS in set(log["reason"])
    assert disclosure.DIFFERS not in set(
        list_disclosure(protect(Edition(wide, programmes, results, CITY)))["reason"]
    )
    note = make_tables(Edition(wide, programmes, results, CITY, told=told))["ratings"].note
    assert "differs by so few from what was shown before" in note


def test_every_word_of_a_result_comes_from_a_named_entry(study, monkeypatch) -> None:
    listed = list_entries
    monkeypatch.setattr(
        report_paper, "list_entries",
        lambda *these, **those: {
            name: dataclasses.replace(entry, text=f"[{name}]")
            for name, entry in listed(*these, **those).items()
        },
    )  # fmt: skip
    paper = write_paper(*study, city=CITY)
    html = to_html(paper)
    used = {word for word in paper.used if not word.startswith(("table ", "figure ", "quotes "))}
    assert len(used) > 30
    assert [name for name in used if f"[{name}]" not in html] == []
    typed = [span.text for b in paper.blocks for span in getattr(b, "words", ()) if not span.entry]
    assert find_typed_results("\n".join(typed)) == []


def test_the_findings_and_recommendations_read_at_fourteen_or_younger() -> None:
    expected = {"mode": "forecast", "release": "provisional"}
    for study in (make_study(), make_study(release="final")):
        settings, programmes, results = study
        october = {s: sketch(make_results(**expected)) for s in results}
        for found in (results, october):
            blocks = list(write_paper(settings, programmes, found).blocks)
            tops = [n for n, b in enumerate(blocks) if b.kind == "heading" and b.level == 2]
            first = next(n for n in tops if text_of(blocks[n].words).startswith("What the eval"))
            page = blocks[first : tops[tops.index(first) + 2]]
            words = "\n".join(text_of(b.words) for b in page if b.kind == "paragraph")
            assert reading_age(words) <= 14


def test_headings_of_the_whole_paper_are_in_order_and_every_table_has_headers(paper) -> None:
    html = to_html(paper)
    levels = [int(level) for level in re.findall(r"<h([1-6])", html)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))
    assert html.count("<table") == html.count("<caption") == html.count("<thead>")
    assert re.findall(r"<th(?! scope=)", html.replace("<thead", "")) == []
    alts = re.findall(r'<img src="[^"]*" alt="([^"]*)"', html)
    assert len(alts) == html.count("<img") and all(len(alt.split()) > 8 for alt in alts)


def test_odd_words_of_a_register_or_a_settings_file_are_shown_and_never_obeyed() -> None:
    odd = "=cmd|'/c calc'!A1 <b>\u202eevil\u202c</b> {hole} \U0001f600"
    settings, programmes, results = make_study(edition="exempt")
    named = dataclasses.replace(CITY, names=dict.fromkeys(CITY.names, odd))
    programmes = [p.model_copy(update={"title": odd, "summary": odd}) for p in programmes]
    settings = settings.model_copy(update={"title": odd})
    paper = write_paper(settings, programmes, results, city=named)
    html = to_html(paper)
    assert "<b>" not in html and "\u202e" not in html and "\U0001f600" in html
    word = docx.Document(io.BytesIO(write_docx(paper)))
    assert any("<b>evil</b> {hole}" in line.text for line in word.paragraphs)


def test_officers_text_of_ten_thousand_words_is_laid_out_whole(study) -> None:
    settings, programmes, results = study
    text = "# Ours\n\n" + "\n\n".join(["It went on and on as papers do " * 20] * 60)
    paper = write_paper(settings, programmes, results, text=text)
    assert words_of(paper).count("It went on") == 1200
    assert write_docx(paper) and "60" in [b.number.split(".")[-1] for b in paper.blocks[1:]]


def test_the_table_of_checks_says_how_often_chance_goes_as_far_but_not_for_other_methods(
    study,
) -> None:
    _, programmes, results = study
    checks = results["closing-the-gap"].checks
    often = [
        document_blocks.words_of(programme_tables.how_often(row))
        for row in checks.to_dict("records")
    ]
    by_kind = dict(zip(checks["kind"], often, strict=True))
    assert by_kind["headline"] == "3" and by_kind["method"] == document_blocks.DASH
    rare = {"p": 0.001, "kind": "sum"}
    assert programme_tables.how_often(rare) == "fewer than 1"
    notes = checks.loc[checks["estimate"].isna(), "note"]
    assert programme_tables.not_made_words(notes) == (
        "1 check could not be made: 1 because none left."
    )


@pytest.mark.parametrize(
    ("year", "said"),
    [(2016, "is of 2015/16, two years older than"), (2019, "is of 2018/19, one year newer than"),
     (2018, "")],
)  # fmt: skip
def test_a_register_of_another_year_is_said_in_the_paper(study, year: int, said: str) -> None:
    settings, *rest = study
    line = ListedSource(kind="register", file="spine.csv", year=year)
    dated = settings.model_copy(update={"sources": (*settings.sources, line)})
    words = words_of(write_paper(dated, *rest))
    assert ("The register of schools is of" in words) == bool(said)
    assert said in words


def test_the_files_that_a_paper_rests_on_are_named_once_by_kind_and_year(study) -> None:
    settings, *_ = study
    twice = (*settings.sources, settings.sources[-1], settings.sources[0])
    said = background_sentence(settings.model_copy(update={"sources": twice}))
    assert said == background_sentence(settings)
    assert said.startswith("Key stage 2 performance tables 2016/17 and 2017/18; Links")


def test_what_holds_exempt_information_is_not_listed_for_inspection(study) -> None:
    settings, *_ = study
    said = ListedSource(kind="statements", file="statements.csv")
    told = background_sentence(settings.model_copy(update={"sources": (*settings.sources, said)}))
    listed, _, rest = told.partition(". Appendix 3 lists each file. ")
    assert "tatements" not in listed and rest == (
        "Schools' statements were also relied upon. They hold exempt information, so they are not "
        "open to inspection."
    )


@pytest.mark.parametrize(
    ("moved", "said"),
    [
        ({"Raised": 9.0, "Lowered": float("nan")},
         "9 schools moved to a higher priority; how many moved to a lower one is not shown, "
         "to protect single schools."),
        ({"Raised": float("nan"), "Lowered": 6.0},
         "6 schools moved to a lower priority; how many moved to a higher one is not shown, "
         "to protect single schools."),
        ({"Raised": 9.0}, "9 schools moved to a higher priority and none to a lower one."),
        ({"Lowered": 1.0}, "no school moved to a higher priority and 1 to a lower one."),
        ({}, "no school moved to a higher priority and none to a lower one."),
    ],
)  # fmt: skip
def test_changes_are_told_both_ways_and_none_is_not_hidden(moved, said) -> None:
    table = pd.DataFrame({TOTAL: {**moved, "Same": 30.0}})
    shown = dataclasses.replace(protect_city(CITY, View())["ratings"], shown=table)
    assert changes_sentence(shown) == f"Since last year, on the same criteria, {said}"


def test_where_nothing_moved_the_alternatives_are_told_by_their_ends(study) -> None:
    results = sketch(make_results(estimate=-0.1, low=-8.1, high=8.0,
                                  verdict="too uncertain to say"))  # fmt: skip
    primary = list_results(study[1][0], results, 2018)["rwm_expected"]
    rows = pd.concat([results.checks[results.checks["kind"] == "comparison"]] * 2)
    checks = rows.iloc[:2].assign(estimate=[-1.2, 0.9])
    assert checks_sentence(checks, primary).startswith(
        "Of two alternative calculations, the lowest gave −1.2 percentage points and the "
        "highest +0.9 percentage points."
    )


@pytest.mark.parametrize(
    ("mode", "said", "never"),
    [("matched", "compares schools in this programme with similar schools", "a forecast"),
     ("forecast", "compares schools in this programme with a forecast", "similar schools")],
)  # fmt: skip
def test_what_the_schools_are_set_against_is_what_they_were_set_against(study, mode, said, never):
    settings, programmes, results = study
    slug = programmes[0].slug
    found = {slug: sketch(make_results(mode=mode))}
    text = caution_sentence(Edition(settings, programmes[:1], found).chapters)
    assert said in text and never not in text and "not chosen at random" in text


def test_a_check_that_has_the_headlines_own_estimate_is_no_other_calculation() -> None:
    result = Result(
        outcome="rwm_expected", unit="percentage points", estimate=3.0, low=-1.0, high=7.0,
        p_placebo=0.2, n_schools=18, n_placebo=10_000, year=2018, release="final", verdict="",
    )  # fmt: skip
    row = {"outcome": "rwm_expected", "check": NOT_SCALED, "kind": "sum", "estimate": 3.0,
           "low": -1.0, "high": 7.0, "p": 0.3, "n_schools": 18, "note": "",
           "detail": ""}  # fmt: skip
    assert "No alternative calculation was made." in checks_sentence(pd.DataFrame([row]), result)
    other = {**row, "check": "the line alone", "estimate": -0.4}
    said = checks_sentence(pd.DataFrame([row, other]), result)
    assert "One alternative calculation gave a result in the other direction." in said


def test_months_of_what_is_too_uncertain_to_say_are_a_range_without_a_point() -> None:
    sizes = pd.DataFrame({"outcome": ["a", "b"], "months": [2.0, 3.0], "months_low": [-2.0, 1.0],
                          "months_high": [5.0, 6.0]})  # fmt: skip
    effects = pd.DataFrame({"outcome": ["a", "b"], "verdict": ["too uncertain to say", "gained"]})
    unsure, sure = _only_ranges(sizes, effects).to_dict("records")
    assert scaled(unsure, "months") == "range \u22122\u00a0to\u00a05"
    assert getattr(scaled(sure, "months"), "text", "").startswith("+3 (1")
    unread = _only_ranges(sizes.assign(months_table="a table", months_mark="M"), effects)
    assert len(list_from_memory([unread.head(1)])) == 1  # its range is printed all the same
