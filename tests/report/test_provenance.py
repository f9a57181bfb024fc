"""What the paper says of its own making: what changed since, the plan, and the quality log."""

import dataclasses
import datetime
import re

import pandas as pd
import pytest

from pepstats.document import blocks, html
from pepstats.impact.effects import FORECAST, HOW, MATCHED
from pepstats.report import board_tables
from pepstats.report.edition import BLIND, FIRST, NOT_RUN, Provenance, is_planned
from pepstats.runs.revision import RESULT_COLUMNS, bridge_effects
from pepstats.settings.quality import say_sign_off
from tests.paper_made_up import make_effect, make_programme, make_study, write_paper
from tests.reading import words_of

OCTOBER = datetime.date(2018, 10, 2)
PROGRAMME = make_programme()


def effects(**changed: object) -> pd.DataFrame:
    rows = [make_effect("rwm_expected", **changed), make_effect("reading_progress")]
    return pd.DataFrame(rows)


def results() -> pd.DataFrame:
    rows = [
        ("rwm_expected", "percentage points", "provisional", "revised", 47, 47, 47, 30, 56.0, 56.5,
         0.5, 12.0),
        ("rwm_expected.girls", "percentage points", "provisional", "revised", 47, 47, 47, 30, 60.0,
         60.5, 0.5, 9.0),
        ("absence", "percent", "final", "final", 47, 47, 47, 0, 4.7, 4.7, 0.0, 0.0),
        ("cohort", "pupils", "provisional", "revised", 47, 47, 47, 20, 50.4, 49.6, -0.8, 3.0),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=RESULT_COLUMNS)


@pytest.fixture(scope="module")
def december() -> Provenance:
    then = effects(verdict="too uncertain to say", mode=FORECAST, release="provisional")
    now = effects(estimate=5.0, release="revised", mode=MATCHED)
    return Provenance(OCTOBER, results(), {PROGRAMME.slug: bridge_effects(then, now)})


def test_a_first_paper_has_nothing_to_say_of_an_earlier_one() -> None:
    entries = board_tables.make_provenance_entries(Provenance(), [PROGRAMME])
    assert entries["report.changed"].text == FIRST
    settings, programmes, found = make_study()
    words = words_of(write_paper(settings, programmes, found))
    assert "What changed since" not in words and "no plan was written" in words


def test_without_a_run_of_the_earlier_report_the_paper_says_so() -> None:
    nothing = Provenance(OCTOBER, results().iloc[:0], {PROGRAMME.slug: pd.DataFrame()})
    entries = board_tables.make_provenance_entries(nothing, [PROGRAMME])
    assert not entries[f"{PROGRAMME.slug}.changed"].text  # it is said once
    assert "cannot be shown, as its results are not at hand" in entries["report.changed"].text
    tables = board_tables.make_provenance_tables(nothing, [PROGRAMME])
    for name in ("report.results-changed", f"{PROGRAMME.slug}.changed"):
        assert not tables[name].rows and tables[name].empty == NOT_RUN


def test_a_release_without_single_schools_results_is_said_to_be_so(
    december: Provenance,
) -> None:
    bare = dataclasses.replace(december, results=results().iloc[:0])
    said = board_tables.table_results(bare).empty
    assert said == "The earlier report was released without the results of single schools."


@pytest.mark.parametrize(
    ("kept", "moved", "said"),
    [
        ([], [], "No estimate is in both papers."),
        ([4.0], [True], "The one estimate in both papers changed; no verdict changed."),
        ([4.0], [False], "The one estimate in both papers did not change; no verdict changed."),
        (
            [4.0, 1.0],
            [True, True],
            "Of the two estimates in both papers, both changed; no verdict changed.",
        ),
        (
            [4.0, 1.0],
            [False, False],
            "Of the two estimates in both papers, none changed; no verdict changed.",
        ),
        (
            [4.0] * 3,
            [True] * 3,
            "Of the three estimates in both papers, all changed; no verdict changed.",
        ),
    ],
)
def test_however_many_estimates_both_papers_have_the_sentence_is_english(
    december: Provenance, kept: list[float], moved: list[bool], said: str
) -> None:
    rows = pd.DataFrame({
        "estimate_before": kept, "estimate_after": kept, "moved": moved,
        "verdict_changed": False,
    })  # fmt: skip
    record = dataclasses.replace(december, effects={PROGRAMME.slug: rows})
    assert board_tables.changed_sentence(record).endswith(f" {said}")


def test_the_sum_of_it_counts_estimates_and_verdicts(december: Provenance) -> None:
    said = board_tables.make_provenance_entries(december, [PROGRAMME])["report.changed"].text
    assert "revises the one of 2 October 2018" in said
    assert "Of the two estimates in both papers, one changed; one verdict changed." in said


def test_a_programmes_change_is_said_with_how_it_was_found(
    december: Provenance,
) -> None:
    said = board_tables.make_provenance_entries(december, [PROGRAMME])[
        f"{PROGRAMME.slug}.changed"
    ].text
    assert re.search(
        r"changed from \+4\.2 \(likely range \S+ to \S+; \d+ schools; provisional results\) to "
        r"\+5\.0 percentage points \(likely range \S+ to \S+; \d+ schools; revised results\)\. "
        "Before, schools were compared with a forecast .*; now, compared with similar schools: the "
        "two are not alike", said)  # fmt: skip
    assert "The verdict changed from too uncertain to say to gained." in said
    table = board_tables.make_provenance_tables(december, [PROGRAMME])[f"{PROGRAMME.slug}.changed"]
    first = dict(zip(table.columns, table.rows[0], strict=True))
    assert first["On 2 October 2018"].startswith("+4.2 (") and first["Change"] == "+0.8"
    assert first["Verdict"] == "gained (was: too uncertain to say)"
    assert table.rows[1][-1].startswith("still ")
    assert f"Then: provisional results, {HOW[FORECAST]}" in table.note


def test_only_results_of_a_later_release_are_set_side_by_side(
    december: Provenance,
) -> None:
    """No group, no number of pupils, nothing that stayed as it was; and no single school's."""
    table = board_tables.table_results(december)
    assert [row[0] for row in table.rows] == [
        "% reaching the expected standard in reading, writing and maths: all pupils"
    ]
    assert table.rows[0][1:] == ("47", "56.0", "56.5", "+0.5", "provisional, now revised")
    assert "12" not in " ".join(table.rows[0])


def test_a_verdict_of_another_outcome_is_named_when_it_changed() -> None:
    now = effects()
    now.loc[1, "verdict"] = "lost ground"
    made = Provenance(OCTOBER, results(), {PROGRAMME.slug: bridge_effects(effects(), now)})
    said = board_tables.make_provenance_entries(made, [PROGRAMME])[f"{PROGRAMME.slug}.changed"].text
    assert (
        "progress score in reading" in said
        and "The verdict changed from gained to lost ground." in said
    )


PLAN = pd.DataFrame(
    [("plan", "2018-07-17T09:00:00Z, abcdef012345", "2018-07-17T09:00:00Z, abcdef012345", "yes"),
     (BLIND, "not at hand", "not at hand", "yes"),
     ("match", '{"k": 10}', '{"k": 5}', "no")],
    columns=["item", "planned", "done", "followed"],
)  # fmt: skip


def test_where_a_run_departs_from_its_plan_is_said_with_both() -> None:
    said = board_tables.say_plan(PLAN)
    assert said.startswith("The evaluation departs from the plan written on 17 July 2018")
    assert said.endswith("in: match.")
    table = board_tables.table_plan(PROGRAMME, PLAN)
    assert table.rows[1] == ("The year's results when it was planned", "Yes")
    assert table.rows[2] == ("Match", 'No: {"k": 10}; done: {"k": 5}')
    followed = board_tables.say_plan(PLAN.iloc[:2])
    assert followed.startswith("The evaluation followed the plan written on 17 July 2018")
    assert board_tables.say_plan(pd.DataFrame()).startswith("For this report no plan")


def test_a_plan_written_with_results_at_hand_is_not_said_to_be_written_before() -> None:
    late = PLAN.iloc[:2].assign(done=["x", "at hand already"], followed=["yes", "no"])
    said = board_tables.say_plan(late)
    assert said.startswith("The evaluation followed the plan written on 17 July 2018 with results")
    assert "before results were read" not in said
    assert is_planned(PLAN) and not is_planned(late)
    pool = pd.DataFrame([("schools in the pool", "14,393", "14,392", "no")], columns=PLAN.columns)
    table = board_tables.table_plan(PROGRAMME, pd.concat([PLAN.iloc[:2], pool]))
    assert "Files that came later say which numbers are one school" in table.note
    assert board_tables.table_plan(PROGRAMME, PLAN).note == ""


def test_the_quality_log_is_in_the_paper_and_its_absence_is_said() -> None:
    settings, programmes, found = make_study()
    bare = html.to_html(write_paper(settings, programmes, found))
    assert say_sign_off(None) in bare and "No assumption has been written down" in bare
    log = {"assumptions": pd.DataFrame([("A1", "Alike.", "Red", "Since.", "Then not.")], columns=[
        "Number", "We assume", "How sure", "Why", "If it is wrong"])}  # fmt: skip
    made = Provenance(quality=log, signed="Made by One; checked by Two on 2018-10-01.")
    full = html.to_html(write_paper(settings, programmes, found, made=made))
    assert "Made by One; checked by Two" in full and "Then not." in full


def test_a_paper_that_revises_another_has_a_topic_for_what_changed() -> None:
    settings, programmes, found = make_study(revises="autumn-2017")
    made = Provenance(OCTOBER, results(), {})
    paper = write_paper(settings, programmes, found, made=made)
    topics = [blocks.text_of(b.words) for b in paper.blocks if b.kind == "heading"]
    assert "What changed since the last paper" in topics
    assert "There is nothing to compare with" in words_of(paper)
