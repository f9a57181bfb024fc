"""The one gate: what a public paper may tell before results are published, and what it may not."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pepstats.document.blocks import Document, PaperPicture
from pepstats.document.html import to_html
from pepstats.document.workbook import write_workbook
from pepstats.errors import DesignError
from pepstats.report import gate
from pepstats.report.audit import Form, Left, Unknown, audit, choose_forms, may_show
from pepstats.report.disclosure import HELD
from pepstats.report.edition import Edition, ProgrammeResults, Told
from pepstats.report.paper import list_disclosure, list_effects
from pepstats.report.paper import write_paper as write_edition
from pepstats.settings.report import Disclosure
from tests.paper_made_up import SKETCH, make_city, make_results, make_study
from tests.reading import words_of

SLUG = "closing-the-gap"
LEAST = Left(0.9, 0.85, 0.1)


def unknown_of(n: int, seed: int = 0, **columns: object) -> Unknown:
    rng = np.random.default_rng(seed)
    at = pd.Index(range(n), name="school")
    table = pd.DataFrame({"school": at, "value": rng.uniform(20, 80, n), "low": 0.0, "high": 100.0},
                         index=at)  # fmt: skip
    spread = np.diag(rng.uniform(8, 16, n))
    return Unknown(table.assign(**columns), spread, pd.DataFrame(np.eye(n), index=at, columns=at))


def mean_of(schools: list[int], half: float = 0.005) -> Form:
    return Form(str(schools), pd.Series(1 / len(schools), index=schools), half)


# What is left to know -----------------------------------------------------------------------------


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.integers(6, 14), st.integers(0, 999))
def test_what_is_left_to_know_is_that_of_the_normal_distribution(n: int, seed: int) -> None:
    """By another road: the conditional covariance, written out by Schur's complement."""
    unknown, rng = unknown_of(n, seed), np.random.default_rng(seed + 1)
    sets = [sorted(rng.choice(n, size=rng.integers(3, n + 1), replace=False)) for _ in range(3)]
    forms = [mean_of([int(one) for one in chosen]) for chosen in sets]
    prior = unknown.prior @ unknown.prior.T
    matrix = np.array([form.parts.reindex(range(n)).fillna(0.0) for form in forms])
    noise = np.diag([(2 * 0.005) ** 2 / 12] * 3)
    gain = prior @ matrix.T @ np.linalg.inv(matrix @ prior @ matrix.T + noise)
    after = prior - gain @ matrix @ prior
    shares = np.sqrt(np.clip(np.diag(after), 0, None) / np.diag(prior))
    assert audit(forms, unknown).alone == pytest.approx(shares.min(), abs=1e-6)


def test_known_answers() -> None:
    """Of n alike schools a mean tells 1 part in n of each; one without a school, all of that."""
    n = 18
    unknown = dataclasses.replace(unknown_of(n), prior=np.eye(n) * 10.0)
    every = list(range(n))
    assert audit([mean_of(every)], unknown).alone == pytest.approx(np.sqrt(1 - 1 / n), abs=1e-4)
    halves = [mean_of(every[:9]), mean_of(every[9:])]
    assert audit(halves, unknown).alone == pytest.approx(np.sqrt(1 - 1 / 9), abs=1e-4)
    told = audit([mean_of(every), mean_of(every[1:])], unknown)
    assert told.alone < 0.05 and told.width < 0.05
    two = audit([mean_of(every), mean_of(every[2:])], unknown)
    assert two.alone == pytest.approx(np.sqrt(0.5), abs=0.01) and two.with_insider < 0.05


@settings(deadline=None, derandomize=True, max_examples=15)
@given(st.integers(0, 999))
def test_a_range_that_is_left_holds_the_truth_and_closes_when_all_is_told(seed: int) -> None:
    unknown = unknown_of(6, seed)
    alone = [mean_of([school]) for school in range(6)]
    assert 0 <= audit(alone, unknown).width == pytest.approx(0.0001, abs=2e-5)
    assert audit([mean_of(list(range(6)))], unknown).width > 0.3


def test_groups_are_added_only_while_enough_is_left_and_in_their_order() -> None:
    unknown, every = dataclasses.replace(unknown_of(40), prior=np.eye(40) * 10.0), list(range(40))
    pair = [mean_of(every[:20]), mean_of(every[20:])]
    single = [mean_of(every[1:])]
    kept = choose_forms([single, pair], [mean_of(every)], unknown, LEAST)
    assert kept == [mean_of(every), *pair]
    assert not may_show([*kept, *single], unknown, LEAST)


# A paper ------------------------------------------------------------------------------------------


def with_shares(found: ProgrammeResults) -> ProgrammeResults:
    """Say of the checks which schools each rests on, as notebook 05 does."""
    own = found.gaps_of("rwm_expected")
    schools = own.index[own["gap"].notna()]
    sets = {
        "as fixed in the programme's file": schools,
        "5 comparison schools each": schools,
        "20 comparison schools each": schools,
        "only schools that kept their number": schools[1:],
    }
    parts = [pd.DataFrame({"check": name, "school": some, "share": 1 / len(some)})
             for name, some in sets.items()]  # fmt: skip
    more = pd.DataFrame([
        ("schools", "one school left out, the lowest estimate", 3.1, -1.0, 7.2, 0.1, 16, ""),
        ("schools", "one school left out, the highest estimate", 5.3, 1.2, 9.4, 0.01, 16, ""),
    ], columns=["kind", "check", "estimate", "low", "high", "p", "n_schools", "note"])  # fmt: skip
    checks = pd.concat([found.checks, more.assign(outcome="rwm_expected", n_comparison=150)])
    return dataclasses.replace(found, shares=pd.concat(parts), checks=checks)


def edition_of(release: str = "provisional", **report: object) -> Edition:
    settings_, programmes, results = make_study(release=release, **report)
    results = {slug: with_shares(one) for slug, one in results.items()}
    return Edition(settings_, programmes, results, make_city())


def page_of(edition: Edition) -> Document:
    overview = PaperPicture(SKETCH.svg, SKETCH.png, SKETCH.alt, "The programmes", "programmes")
    return write_edition(edition, overview)


def test_before_results_are_published_only_what_the_audit_lets_stands_beside_the_headline() -> None:
    public = gate.protect(edition_of())
    checks = public.results[SLUG].checks.set_index("check")
    shown = set(checks.index[checks["estimate"].notna()])
    assert shown == {"as fixed in the programme's file", "5 comparison schools each",
                     "20 comparison schools each", "one year early"}  # fmt: skip
    gone = checks.loc[checks["note"] == f"cannot be made: {HELD}"]
    assert (gone["n_schools"] == 0).all() and len(gone) >= 4
    assert gone[["estimate", "low", "high", "p"]].isna().all().all()


def test_each_row_that_is_held_back_would_fail_the_audit_if_it_were_put_back() -> None:
    edition = edition_of()
    chapters = edition.chapters
    unknown = gate.find_unknown(chapters, "rwm_expected")
    kept, _ = gate.choose_shown(edition)
    shown = [form for one in chapters
             for form in [gate.headline_form(one, "rwm_expected", unknown)]]  # fmt: skip
    groups = [group for one in chapters for group in gate.check_forms(one, unknown)]
    for group in groups:
        for form in group:
            slug, _, name = form.name.partition(": ")
            assert may_show([*shown, form], unknown, LEAST) == (name in kept[slug])


def test_a_number_that_is_held_back_is_in_no_format_of_the_public_paper() -> None:
    edition = edition_of()
    secret = dict.fromkeys(("estimate", "low", "high"), 77.7) | {"p": 0.77}
    for slug, found in edition.results.items():
        checks = found.checks.copy()
        hidden = checks["check"].str.contains("kept their number|left out|the middle of")
        for name, value in secret.items():
            checks.loc[hidden, name] = value
        gaps = found.gaps.assign(own=77.7)
        results = {**edition.results, slug: dataclasses.replace(found, checks=checks, gaps=gaps)}
        edition = dataclasses.replace(edition, results=results)
    public = gate.protect(edition)
    paper = page_of(public)
    page = re.sub(r"<style>.*?</style>", "", to_html(paper), flags=re.DOTALL)
    assert "77.7" not in page
    assert b"77.7" not in write_workbook(paper)
    assert "77.7" not in list_effects(public).to_csv()
    assert "77.7" in to_html(page_of(edition.turn("exempt")))


def test_what_no_picture_may_show_is_not_there_to_be_drawn() -> None:
    found = gate.protect(edition_of()).results[SLUG]
    assert found.gaps.empty and found.lines.empty and found.shares.empty
    assert not {"schools", "cases", "schools-named", "cases-named"} & set(found.pictures)
    assert found.cases["gap"].isna().all()
    assert found.named == 18 and found.counts_of("rwm_expected").known == 17


def test_a_count_of_fewer_than_four_on_one_side_is_told_in_words() -> None:
    edition = edition_of()
    found = edition.results[SLUG]
    gaps = found.gaps.assign(gap=found.gaps["gap"].abs())
    few = dataclasses.replace(
        edition, results={**edition.results, SLUG: dataclasses.replace(found, gaps=gaps)}
    )
    assert "Of the 17 schools in the estimate, most did better" in words_of(
        page_of(gate.protect(few))
    )


def test_whether_one_school_decides_is_told_in_words_alone() -> None:
    said = to_html(page_of(gate.protect(edition_of())))
    assert "Leaving out one of the schools would change how clear the result is." in said
    assert "one school left out, the lowest estimate (to follow" in said


def test_a_later_release_with_one_school_fewer_tells_of_it_and_is_refused() -> None:
    edition = edition_of()
    first = gate.protect(edition)
    results = {}
    for slug, found in edition.results.items():
        gone = found.gaps["school"] == 900001
        gaps = found.gaps.assign(gap=found.gaps["gap"].mask(gone))
        shares = found.shares[found.shares["school"] != 900001]
        results[slug] = dataclasses.replace(found, gaps=gaps, shares=shares.iloc[:0])
    later = dataclasses.replace(edition, results=results)
    assert gate.protect(later).held is not None  # by itself it may
    with pytest.raises(DesignError, match="beside what was released before"):
        gate.protect(dataclasses.replace(later, told=Told(forms=first.forms)))
    again = gate.protect(dataclasses.replace(edition, told=Told(forms=first.forms)))
    pd.testing.assert_frame_equal(again.forms, first.forms)


def few_schools(edition: Edition, named: int) -> Edition:
    results = {}
    for slug, found in edition.results.items():
        kept = found.gaps[found.gaps["school"].isin([900004 + n for n in range(named)])]
        results[slug] = dataclasses.replace(found, gaps=kept)
    return dataclasses.replace(edition, results=results)


def test_of_few_schools_even_the_estimate_is_refused_in_one_message() -> None:
    few = few_schools(edition_of(), 5)
    with pytest.raises(DesignError, match="the public edition cannot be made before results"):
        gate.protect(few)
    exempt = gate.protect(dataclasses.replace(few, asked="exempt"))  # the exempt paper is made
    assert exempt.forms.empty
    assert gate.protect(few_schools(edition_of(), 8)).held is not None


def test_a_school_that_weighs_too_much_is_refused_by_the_policys_dominance() -> None:
    edition = edition_of(disclosure=Disclosure(safe_nk_k=0.3))
    found = edition.results[SLUG]
    gaps = found.gaps.assign(weight=np.where(found.gaps["school"] == 900001, 8.0, 1.0))
    heavy = dataclasses.replace(
        edition, results={**edition.results, SLUG: dataclasses.replace(found, gaps=gaps)}
    )
    public = gate.protect(heavy)
    assert HELD in words_of(page_of(public))
    checks = public.results[SLUG].checks
    assert checks.loc[checks["kind"] != "before", "estimate"].isna().all()
    assert SLUG not in set(public.forms["name"].str.partition(": ")[0])
    assert not {"two-lines", "hundred-dots"} & set(public.results[SLUG].pictures)
    assert "rwm_expected" in set(gate.protect(edition).results[SLUG].effects["outcome"])


def test_once_results_are_published_nothing_of_them_is_held_back() -> None:
    edition = edition_of("final")
    public = gate.protect(edition)
    for slug, found in edition.results.items():
        pd.testing.assert_frame_equal(public.results[slug].checks, found.checks)
        pd.testing.assert_frame_equal(public.results[slug].gaps, found.gaps)
    assert public.forms.empty and not public.city.names
    assert not {"school", "reasons"} & set(public.city.ratings)


def test_the_exempt_edition_and_what_the_gate_was_given_stay_as_they_were() -> None:
    edition = edition_of()
    before = edition.results[SLUG].checks.copy()
    gate.protect(edition)
    pd.testing.assert_frame_equal(edition.results[SLUG].checks, before)
    assert "+4.9" in to_html(page_of(edition.turn("exempt")))


def test_what_is_held_back_is_in_the_log_and_the_log_names_no_school() -> None:
    log = list_disclosure(gate.protect(edition_of()))
    held = log[log["table"] == f"{SLUG}.checks"]
    assert set(held["row"]) >= {"only schools that kept their number"}
    assert not log.astype(str).apply(lambda column: column.str.contains("9000")).any().any()


def gaps_of_a_group_and_all():
    """Give gaps of 18 schools; one of them has no result for the group."""
    rng = np.random.default_rng(5)
    schools = list(range(900000, 900018))
    rows = []
    for school in schools:
        own, less = rng.uniform(30, 70), rng.uniform(5, 20)
        lacking = school == 900003
        for outcome, value in (("rwm_expected", own),
                               ("rwm_expected.disadvantaged", np.nan if lacking else own - less),
                               ("rwm_expected.gap", np.nan if lacking else -2 * less)):  # fmt: skip
            weight = 0.006 if outcome == "rwm_expected" else 0.003
            weight = np.nan if np.isnan(value) else weight
            rows.append({"school": school, "outcome": outcome, "own": value, "comparison": 50.0,
                         "correction": 0.0, "gap": value - 50.0, "n_comparison": 50,
                         "reason": "", "weight": weight})  # fmt: skip
    return pd.DataFrame(rows)


def chapter_of(gaps):
    found = dataclasses.replace(make_results(), gaps=gaps)
    return dataclasses.replace(edition_of().chapters[0], found=found)


@pytest.mark.parametrize("later", ["rwm_expected", "rwm_expected.disadvantaged"])
def test_what_was_told_of_a_group_counts_where_a_later_report_has_no_such_group(later) -> None:
    """One school fewer is told by what an earlier release said, with the group or without."""
    gaps = gaps_of_a_group_and_all()
    before = chapter_of(gaps)
    both = gate.find_unknown([before], "rwm_expected")
    told = [gate.headline_form(before, name, both) for name in gaps["outcome"].unique()[:2]]
    for school, may in ((None, True), (900007, False)):
        left = chapter_of(gaps[gaps["outcome"].eq(later) & gaps["school"].ne(school)])
        unknown = gate.find_unknown([left], "rwm_expected", None, told)
        forms = [gate.as_now(form, unknown) for form in told]
        unknown = gate.with_told(unknown, forms)
        now = gate.headline_form(left, later, unknown)
        assert may_show([*forms, now], unknown, LEAST) == may


def test_what_was_told_of_all_pupils_counts_where_a_later_report_has_a_group_too() -> None:
    gaps = gaps_of_a_group_and_all()
    whole = gaps[gaps["outcome"] == "rwm_expected"]
    before = chapter_of(whole)
    told = [gate.headline_form(before, "rwm_expected", gate.find_unknown([before], "rwm_expected"))]
    for school, may in ((None, True), (900007, False)):
        now = chapter_of(gaps[gaps["school"] != school])
        unknown = gate.find_unknown([now], "rwm_expected", None, told)
        forms = [gate.as_now(form, unknown) for form in told]
        unknown = gate.with_told(unknown, forms)
        forms.append(gate.headline_form(now, "rwm_expected", unknown))
        assert may_show(forms, unknown, LEAST) == may


def test_a_group_and_all_pupils_are_reckoned_with_together() -> None:
    """A group of 17 schools beside all pupils of 18 tells of the one school between them."""
    chapter = chapter_of(gaps_of_a_group_and_all())
    unknown = gate.find_unknown([chapter], "rwm_expected")
    names = ("rwm_expected", "rwm_expected.disadvantaged", "rwm_expected.gap")
    forms = {name: gate.headline_form(chapter, name, unknown) for name in names}
    two = [forms["rwm_expected"], forms["rwm_expected.disadvantaged"]]
    assert may_show(two, unknown, LEAST)
    assert not may_show(list(forms.values()), unknown, LEAST)
