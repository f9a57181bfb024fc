"""The paper of a sweep: both answers first, nobody ranked in public, nothing early let out."""

import html
import re
from dataclasses import replace

import pytest

from pepstats.document.html import to_html
from pepstats.errors import DesignError
from pepstats.programmes import pool_sweep
from pepstats.report import SweepResults, refuse_unpublished, write_sweep_papers
from pepstats.settings import load_report
from tests.swept import OUTCOME, many_programmes
from tests.worlds import ROOT


def words_of(page: str) -> str:
    """What a reader sees of a page, in one line."""
    body = re.sub(r"<(style|script|svg)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


@pytest.fixture(scope="module")
def results() -> SweepResults:
    many = many_programmes()
    entered = [*many.drawn(8), many.enter("three", many.schools_in(9, 3))]
    entered.append(many.enter("rude", many.schools_in(10, 8)))
    entered[-1] = replace(entered[-1], title="<script>x</script>", programme=entered[
        -1].programme.model_copy(update={"title": "<script>x</script>"}))  # fmt: skip
    sweep = many.sweep(entered)
    report = load_report("autumn-2018-revised", ROOT / "data")
    return SweepResults(report, "list", sweep, {OUTCOME: pool_sweep(sweep, OUTCOME)})


@pytest.fixture(scope="module")
def pages(results: SweepResults) -> dict[str, str]:
    papers = write_sweep_papers(results, exempt_only=False)
    return {name: to_html(paper) for name, paper in papers.items()}


def test_both_answers_come_first_with_range_release_schools_and_whose_results(
    results: SweepResults, pages: dict[str, str]
) -> None:
    for page in pages.values():
        words = words_of(page)
        first = words.index("Did these programmes gain on average?")
        second = words.index("Do programmes of this kind gain?")
        assert first < second < words.rindex("Who was evaluated")
        for said in (words[first:second], words[second : second + 500]):
            assert "likely range: " in said and "final results for 2017/18" in said
            assert "72 schools in 9 programmes" in said and "all pupils" in said


def test_who_could_not_be_evaluated_is_counted_with_the_reason(pages: dict[str, str]) -> None:
    words = words_of(pages["sweep"])
    assert "Of 10 programmes entered, 9 were evaluated and 1 was not: too few schools" in words


def test_where_programmes_may_not_differ_the_largest_overstates_by_at_least_so_much(
    results: SweepResults,
) -> None:
    answers = results.lead.answers
    for low, said in ((0.0, "by at least about"), (0.4, "by about")):
        one = replace(results.lead, overstated=1.2, answers=answers.assign(tau_low=low))
        changed = replace(results, pooled={OUTCOME: one})
        words = words_of(to_html(write_sweep_papers(changed, exempt_only=True)["sweep-exempt"]))
        assert f"that programme's effect {said} 1.2 percentage" in words.replace("\xa0", " ")


def test_the_public_edition_ranks_nobody_and_the_exempt_one_says_how_unsure_a_place_is(
    results: SweepResults, pages: dict[str, str]
) -> None:
    public, exempt = words_of(pages["sweep"]), words_of(pages["sweep-exempt"])
    assert "Likely place" not in public and "Likely place" in exempt
    assert "They are not ranked" in public
    names = [results.titles[one.programme] for one in results.sweep.found]
    listed = re.findall(r"Drawn-\d", public[public.index("Each programme: ") :])
    assert listed[:8] == sorted(name for name in names if name.startswith("Drawn"))
    picture = results.draw(named=False)["caterpillar"]
    assert picture.table["name"].str.startswith("Place ").all()
    assert not any(name in picture.alt for name in names)
    assert "EXEMPT" in exempt and "EXEMPT" not in public


def test_no_school_is_named_and_no_text_of_others_is_run(
    results: SweepResults, pages: dict[str, str]
) -> None:
    members = {
        str(school) for one in results.sweep.found for school in one.standing[0].shares.index
    }
    for page in pages.values():
        assert "<script>x" not in page and "&lt;script&gt;x" in page
        assert not members & set(re.findall(r"\d{6}", words_of(page)))


def test_nothing_is_called_significant_or_said_to_work(pages: dict[str, str]) -> None:
    for page in pages.values():
        assert not re.search(
            r"\bsignifican|\bworks\b|\bworked for\b", words_of(page), re.IGNORECASE
        )
        assert "`" not in words_of(page)


def test_every_picture_has_its_words_and_its_figures(
    results: SweepResults, pages: dict[str, str]
) -> None:
    each = results.lead.each.set_index("programme")
    for page in pages.values():
        assert len(re.findall(r"<img[^>]+alt=\"[^\"]{40,}", page)) >= 2 or page.count("<svg") >= 2
        assert words_of(page).count("The numbers are in Table") == 2
    forest = results.draw(named=True)["forest"]
    drawn = forest.table[forest.table["part"] == "programme"].set_index("name")
    for slug, row in each.iterrows():
        assert drawn.loc[results.titles[str(slug)], "estimate"] == round(row["estimate"], 1)


def test_a_public_edition_of_results_that_are_not_published_is_refused(
    results: SweepResults,
) -> None:
    early = results.sweep.effects.assign(release="provisional")
    held = replace(results.sweep)
    held.__dict__["effects"] = early
    unpublished = replace(results, sweep=held)
    with pytest.raises(DesignError, match="published results only, and some are provisional"):
        write_sweep_papers(unpublished, exempt_only=False)
    assert set(write_sweep_papers(unpublished, exempt_only=True)) == {"sweep-exempt"}
    refuse_unpublished(["final", "revised"], "this")
    with pytest.raises(DesignError, match="--exempt"):
        refuse_unpublished(["final", "school-returned"], "this")


def test_what_the_paper_says_of_the_best_and_of_chance_is_what_was_found(
    results: SweepResults, pages: dict[str, str]
) -> None:
    words, lead = words_of(pages["sweep-exempt"]), results.lead
    assert f"overstate that programme's effect by at least about {lead.overstated:.1f}" in words
    out = int(lead.each["stands_out"].sum())
    said = "none stands out" if not out else f"{out} stand"
    assert said in words
