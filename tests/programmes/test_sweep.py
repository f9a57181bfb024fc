"""Many programmes at once: each as if alone, on any executor, and every one accounted for."""

import multiprocessing
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pepstats.impact import design_comparison, evaluate_design
from pepstats.programmes import Sweep, evaluate_programmes, listed, sum_remarks
from pepstats.programmes.sweep import count_doses
from pepstats.runs import tabulate_sweep
from tests.swept import OUTCOME, Many, many_programmes


@pytest.fixture(scope="module")
def many() -> Many:
    return many_programmes()


@pytest.fixture(scope="module")
def swept(many: Many) -> Sweep:
    return many.sweep(many.drawn(6))


def bytes_of(sweep: Sweep) -> bytes:
    tables = [table.to_csv() for table in tabulate_sweep(sweep, {}).values()]
    draws = [one.chance.tobytes() for found in sweep.found for one in found.standing]
    return "\n".join(tables).encode() + b"".join(draws)


def test_every_effect_is_that_of_evaluating_each_programme_alone(many: Many, swept: Sweep) -> None:
    found = many.find(many.drawn(6))
    for one in found.programmes:
        design = design_comparison(
            one.programme, many.inputs.panel, many.inputs.register, one.schools, found.schools
        )
        inputs = replace(many.inputs, members=one.members.assign(also_in=0))
        alone = evaluate_design(one.programme, design, inputs).effects
        own = swept.effects[swept.effects["programme"] == one.programme.slug]
        pd.testing.assert_frame_equal(own.reset_index(drop=True), alone, check_exact=True)


class Backwards(Executor):
    """Does everything at once, the last first."""

    def map(self, fn, *iterables, timeout=None, chunksize=1):  # type-free: as any executor's
        work = list(zip(*iterables, strict=True))
        done = [fn(*one) for one in reversed(work)]
        return iter(done[::-1])

    def submit(self, fn, /, *args, **kwargs):
        future: Future = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def test_results_depend_on_no_executor_and_no_number_of_processes(
    many: Many, swept: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, wanted = many.find(many.drawn(6)), bytes_of(swept)
    spawned = multiprocessing.get_context("spawn")
    monkeypatch.setattr("pepstats.programmes.sweep.AT_A_TIME", 2)
    assert bytes_of(evaluate_programmes(found, many.inputs, executor=Backwards())) == wanted
    with ProcessPoolExecutor(2, mp_context=spawned) as executor:
        assert bytes_of(evaluate_programmes(found, many.inputs, executor=executor)) == wanted


def test_results_on_a_local_dask_cluster_are_the_same_bytes(many: Many, swept: Sweep) -> None:
    from distributed import Client, LocalCluster

    found = many.find(many.drawn(6))
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        made = evaluate_programmes(found, many.inputs, executor=client.get_executor())
    assert bytes_of(made) == bytes_of(swept)


def test_results_do_not_depend_on_the_order_of_the_list(many: Many, swept: Sweep) -> None:
    other = many.sweep(many.drawn(6)[::-1])
    by = ["programme", "outcome"]
    pd.testing.assert_frame_equal(
        other.effects.sort_values(by, ignore_index=True),
        swept.effects.sort_values(by, ignore_index=True), check_exact=True,
    )  # fmt: skip


def test_all_that_were_entered_are_evaluated_or_left_out_by_a_named_reason(many: Many) -> None:
    good = many.drawn(3)
    same = many.enter("same-again", many.schools_in(0, 8), "reading")
    few = many.enter("three-schools", many.schools_in(5, 3))
    spread = many.enter("anywhere", [many.schools_in(n, 9)[-1] for n in range(25)])
    unknown = replace(good[0], slug="nobody", programme=good[0].programme.model_copy(
        update={"slug": "nobody", "members": tuple(
            m.model_copy(update={"urn": 100_000 + n})
            for n, m in enumerate(good[0].programme.members))}))  # fmt: skip
    late = many.enter("too-early", many.schools_in(6, 8), starts=2030)
    torn = replace(good[0], slug="torn", programme=None, reason="its rows do not agree on `for`")
    entered = [*good, same, few, spread, unknown, late, torn]
    sweep = many.sweep(entered)
    account = sweep.account.set_index("programme")
    assert len(account) == len(entered)
    assert list(account.index[account["evaluated"]]) == [
        "drawn-0",
        "drawn-1",
        "drawn-2",
        "anywhere",
    ]
    reasons = account.loc[~account["evaluated"], "reason"]
    assert reasons["same-again"].startswith(listed.SAME) and "drawn-0" in reasons["same-again"]
    assert reasons["nobody"] == listed.NOBODY
    assert reasons["torn"] == "its rows do not agree on `for`"
    assert "at least 4 are needed" in reasons["three-schools"]
    assert "before `starts: 2030`" in reasons["too-early"]
    assert set(sweep.effects["programme"]) == set(account.index[account["evaluated"]])
    said = sum_remarks(sweep.remarks, sweep.account)
    assert len(said) == len(set(said)) == 6
    assert any(line.startswith("anywhere: ") and listed.SPREAD in line for line in said)


def test_a_thing_true_of_hundreds_of_programmes_is_said_once(many: Many) -> None:
    entered = [
        replace(one, slug=f"p-{n}", programme=one.programme.model_copy(update={"slug": f"p-{n}"}))
        for n in range(1000)
        for one in [many.enter("p", many.schools_in(n % 25, 3))]
    ]
    sweep = many.sweep(entered)
    assert len(sweep.account) == 1000 and not sweep.account["evaluated"].any()
    assert sweep.account["reason"].ne("").all()
    assert len(sum_remarks(sweep.remarks, sweep.account)) == 2
    assert sweep.outcomes == () and sweep.effects.empty


def test_where_no_school_is_left_to_compare_with_every_programme_says_so(many: Many) -> None:
    there = many.inputs.panel.wide(OUTCOME).dropna().index
    la = many.followed.register["la"].reindex(there)
    entered = [many.enter(f"la-{city}", [int(s) for s in la.index[la == city]])
               for city in sorted(la.unique())]  # fmt: skip
    sweep = many.sweep(entered)
    assert len(sweep.account) == len(entered)
    assert not sweep.account["evaluated"].any() and sweep.account["reason"].ne("").all()


def test_schools_that_are_unknown_or_listed_twice_are_left_out_of_their_programme(
    many: Many,
) -> None:
    one = many.drawn(1)[0]
    members = one.programme.members
    extra = (members[0], members[1].model_copy(update={"urn": 100_001}))
    entered = replace(one, programme=one.programme.model_copy(
        update={"members": (*members, *extra)}))  # fmt: skip
    sweep = many.sweep([entered])
    row = sweep.account.iloc[0]
    assert (row["listed"], row["found"], row["evaluated"]) == (10, 8, True)
    assert dict(zip(sweep.remarks["what"], sweep.remarks["detail"], strict=True)) == {
        listed.UNKNOWN: "100001", listed.TWICE: "1 of 10 rows",
    }  # fmt: skip


def test_a_school_in_five_programmes_is_said_and_counts_in_each(many: Many) -> None:
    shared = many.schools_in(0, 1)
    entered = [many.enter(f"five-{n}", shared + many.schools_in(n + 1, 6)) for n in range(5)]
    sweep = many.sweep(entered)
    assert sweep.account["evaluated"].all() and (sweep.account["found"] == 7).all()
    of = sweep.remarks[sweep.remarks["what"] == listed.SHARED]
    assert len(of) == 5 and set(of["detail"]) == {"1 of 7 schools"}


def test_networks_and_conferences_are_doses_of_the_programmes_whose_schools_take_part(
    many: Many,
) -> None:
    own = many.schools_in(0, 12)
    entered = [
        many.enter("main", own, "reading"),
        many.enter("maths-network", own[:6], "network"),
        many.enter("autumn", own[3:9], "Conference"),
        many.enter("spring", own[3:5], "conference"),
    ]
    counted = count_doses(many.find(entered).programmes)
    assert counted["conference"].reindex(own[:9]).tolist() == [0, 0, 0, 2, 2, 1, 1, 1, 1]
    assert counted.loc[own[4], "network"] == 1
    doses = many.sweep(entered).doses.set_index(["programme", "dose"])
    name = "number of each school's programmes of kind `{}`"
    assert np.isfinite(doses.loc[("main", name.format("conference")), "slope"])
    assert ("maths-network", name.format("network")) not in doses.index
