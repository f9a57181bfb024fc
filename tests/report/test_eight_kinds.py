"""Eight kinds of report: what the paper of each must say, and what it must not."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from pepstats.document.blocks import Document, text_of
from pepstats.report.edition import NO_PLAN, City, Provenance, list_results
from pepstats.report.entries import checks_sentence
from pepstats.settings.report import Report
from tests.paper_made_up import (
    make_city,
    make_programme,
    make_report,
    make_results,
    make_study,
    sketch,
    write_paper,
)
from tests.reading import words_of

Study = tuple[Report, list[Any], dict[str, Any]]
KINDS: dict[str, Callable[[], Document]] = {}


def kind(make: Callable[[], Document]) -> Callable[[], Document]:
    KINDS[make.__name__] = make
    return make


def with_effects(study: Study, **changed: object) -> Study:
    """Give a study whose effects, of all programmes and outcomes, have these columns changed."""
    settings, programmes, results = study
    found = {
        slug: dataclasses.replace(one, effects=one.effects.assign(**changed))
        for slug, one in results.items()
    }
    return settings, programmes, found


def plan(planned: str) -> Provenance:
    row = {"item": "plan", "planned": planned, "done": "", "followed": "yes"}
    frame = pd.DataFrame([row])
    return Provenance(plans={"closing-the-gap": frame, "send-in-mainstream": frame})


@kind
def one_programme() -> Document:
    return write_paper(*make_study(programmes=["closing-the-gap"]), city=make_city())


@kind
def whole_authority() -> Document:
    settings, [one], results = make_study(programmes=["closing-the-gap"], release="final")
    everyone = one.model_copy(update={"title": "Every school", "summary": ""})
    return write_paper(settings, [everyone], results, city=make_city())


@kind
def october() -> Document:
    return write_paper(*with_effects(make_study(), mode="forecast"), city=make_city())


@kind
def final() -> Document:
    return write_paper(*make_study(release="final"), city=make_city())


@kind
def county() -> Document:
    meeting = {
        "body": "Children and Young People Committee", "date": "2018-12-11",
        "report_from": "Director of Education, Loamshire County Council", "report_by": "An officer",
    }  # fmt: skip
    return write_paper(*make_study(meeting=meeting, release="final"), city=make_city())


@kind
def no_partnership_register() -> Document:
    return write_paper(*make_study(release="final"), city=make_city())


@kind
def no_plan() -> Document:
    return write_paper(*make_study(release="final"), city=make_city(), made=plan(NO_PLAN))


@kind
def with_a_plan() -> Document:
    made = plan("2018-09-03T09:00:00Z, 1a2b3c4d")
    return write_paper(*make_study(release="final"), city=make_city(), made=made)


@pytest.fixture(scope="module")
def papers() -> dict[str, str]:
    return {name: all_words(make()) for name, make in KINDS.items()}


def all_words(paper: Document) -> str:
    """Return everything that a paper prints, a line each."""
    said = [words_of(paper)]
    for block in paper.blocks:
        if block.kind == "heading":
            said.append(text_of(block.words))
        elif block.kind == "table" and block.name != "sources":  # the one that lists files
            table = block.table
            said += [table.caption, *table.columns, *sum(map(list, table.rows), []), table.note]
        elif block.kind == "figure":
            said.append(block.picture.caption)
    return "\n".join(said)


PLAN_WORDS = ("fixed beforehand", "the plan written on")
OCTOBER_WORDS = ("forecast", "not published yet", "can still change", "repeated when")
REGISTER_WORDS = ("The Partnership\n", "takes part in at least one activity", "The grants listed")

MUST = {
    "one_programme": ("the evaluation of one programme in 2017/18", "schools in this programme"),
    "whole_authority": ("Schools with low results tend to improve without support",),
    "october": ("forecast", "based on last year's results", "provisional"),
    "final": ("no later release of them is expected", "compared with the most similar schools"),
    "county": ("Children and Young People Committee", "final"),
    "no_partnership_register": ("have a priority rating",),
    "no_plan": ("no plan was written before results were read",),
    "with_a_plan": ("fixed beforehand", "followed the plan written on 3 September 2018"),
}
MUST_NOT = {
    "one_programme": ("programmes fared", "SEND in mainstream", *PLAN_WORDS),
    "whole_authority": ("results were low", "picked because", *OCTOBER_WORDS, *PLAN_WORDS),
    "october": (*PLAN_WORDS, "no later release of them is expected"),
    "final": (*OCTOBER_WORDS, "when the next results", *PLAN_WORDS),
    "county": ("the city", "City", *OCTOBER_WORDS),
    "no_partnership_register": REGISTER_WORDS,
    "no_plan": PLAN_WORDS,
    "with_a_plan": ("no plan was written",),
}


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_of_report_says_what_is_so_of_it(papers: dict[str, str], name: str) -> None:
    assert not [words for words in MUST[name] if words not in papers[name]]


@pytest.mark.parametrize("name", KINDS)
def test_no_kind_of_report_says_what_is_not_so_of_it(papers: dict[str, str], name: str) -> None:
    assert not [words for words in MUST_NOT[name] if words in papers[name]]


NEVER = (
    r"`", r"\.(csv|yml|yaml|json|md)\b", r"\bsettings?\b", r"\bmade[- ]up\b", r"\bnought\b",
    r"\bmoved\b(?! to a)", r"[Hh]eld back", r"\bfor want of\b", r"\bnone\n", r"[a-z]_[a-z]",
    r"\bNone is recorded\b", r"\bthe city\b", r"\bdose\b", r"\bnan\b", r"\bdraws?\b",
)  # fmt: skip
"""What no paper ever prints: keys, file names, and words that only we use."""


@pytest.mark.parametrize("name", KINDS)
def test_no_paper_prints_a_key_a_file_or_a_word_of_our_own(
    papers: dict[str, str], name: str
) -> None:
    found = [match.group() for words in NEVER for match in re.finditer(words, papers[name])]
    assert not found


@pytest.mark.parametrize("name", KINDS)
def test_no_sentence_begins_with_a_digit(name: str) -> None:
    sentences = re.split(r"(?<=[.?!])\s+|\n", words_of(KINDS[name]()))
    assert not [one for one in sentences if re.match(r"[\d−+£]", one)]


def test_the_first_finding_says_whose_results_the_verdict_and_the_range(
    papers: dict[str, str],
) -> None:
    assert (
        "Closing the gap. For all pupils, results gained on similar schools: the percentage "
        "reaching the expected standard in reading, writing and maths was about 4 percentage "
        "points higher than similar schools' results would lead us to expect (likely range: from "
        "just above zero to 8 points higher; final results for 2017/18, 17 schools)."
    ) in papers["final"]
    assert papers["final"].index("Closing the gap. For all pupils") < 400


def test_recommendations_follow_the_findings(papers: dict[str, str]) -> None:
    assert "Note the gains in Closing the gap" in papers["final"]
    assert "SEND in mainstream do not show whether there was an effect" in papers["final"]
    settings, programmes, _ = make_study(programmes=["closing-the-gap"])
    worse = make_results(estimate=-4.2, low=-8.1, high=-0.3, verdict="lost ground")
    said = all_words(write_paper(settings, programmes, {"closing-the-gap": sketch(worse)}))
    assert "results lost ground against similar schools" in said
    assert "ask officers to review the support" in said and "Note the gains" not in said


def test_a_recommendation_is_as_sure_as_its_verdict() -> None:
    settings, programmes, _ = make_study()
    found = {
        "closing-the-gap": make_results(estimate=-4.2, verdict="probably lost ground"),
        "send-in-mainstream": make_results(estimate=-6.2, verdict="lost ground", seed=8),
    }
    paper = write_paper(settings, programmes, {k: sketch(one) for k, one in found.items()})
    assert (
        "Note that results in SEND in mainstream lost ground and that results in Closing the gap "
        "probably lost ground, and ask officers to review the support with the schools"
    ) in all_words(paper)
    found = {slug: make_results(verdict="probably gained") for slug in found}
    said = all_words(write_paper(settings, programmes, {k: sketch(v) for k, v in found.items()}))
    assert "Note the probable gains in Closing the gap and SEND in mainstream, and ask" in said


CLUMSY = (
    "All 2 ", "within what chance gives", "for each school named", "The middle one of all is",
    "a change this large", "less that of other pupils", "Support follows", "to a lower one.",
    "has not been run", "could show it", "programme could show:",
    "Of 1 ", "count as they do in the estimate", "Left out for every school", "no programme, in",
    "how few authorities", "middle one of all", "fared beside", "a few schools, which",
    "files at hand", "next results are published", "seldom differ", "there was none before",
    "than we would expect for similar", "planned from last year's", "gave a similar result",
)  # fmt: skip
"""What readers who saw the papers for the first time would not have signed."""


@pytest.mark.parametrize("name", KINDS)
def test_no_paper_has_a_sentence_that_readers_would_not_sign(
    papers: dict[str, str], name: str
) -> None:
    assert not [words for words in CLUMSY if words in papers[name]]


def test_the_alternatives_are_said_in_words_and_nothing_of_a_direction_that_some_lack() -> None:
    results = make_results()
    primary = list_results(make_programme(), results, 2018)["rwm_expected"]
    rows = pd.concat([results.checks[results.checks["kind"] == "comparison"]] * 3)
    for signs, words in (
        ((1, 1), "Both alternative calculations gave a result in the same direction;"),
        ((1, -1), "Of two alternative calculations, one gave a result in the same direction and"),
        ((-1, -1), "Of two alternative calculations, none gave a result in the same direction."),
        (
            (1, 1, 1),
            "All three alternative calculations gave a result in the same direction;",
        ),
    ):
        checks = rows.iloc[: len(signs)].assign(estimate=[4.0 * sign for sign in signs])
        assert words in checks_sentence(checks, primary)


def test_actions_stand_only_where_they_are_recorded(papers: dict[str, str]) -> None:
    assert "What was asked of this evaluation" not in papers["final"]
    asked = [{"asked": "A summary", "by": "", "answer": "It is in section 2."}]
    assert make_report(actions=asked).actions
    said = all_words(write_paper(*make_study(actions=asked)))
    assert "What was asked of this evaluation" in said and "It is in section 2." in said


def test_the_register_is_told_where_there_is_one() -> None:
    city = make_city()
    register = {"participation": pd.DataFrame({"activities": [1, 2, 1]})}
    paper = write_paper(*make_study(), city=City(city.names, city.ratings, register))
    assert "Every one of the 3 schools takes part in at least one activity." in all_words(paper)
    assert "The Partnership\n" in all_words(paper)
