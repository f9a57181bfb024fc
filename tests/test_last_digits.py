"""No last digit decides a word: inputs moved by a million-millionth give the same answers.

As another processor's sums would be, but in every number at once: the same schools are compared,
drawn, rated and chosen, in the same order, with the same words. Borders lie on the numbers that
are published, so without keys that are rounded, such a move tips many.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pepstats
from pepstats.formatting import (
    AGREED,
    format_number,
    format_signed,
    per_hundred,
    settle,
    settle_one,
)
from pepstats.impact.placebo import low_attaining
from pepstats.runs.files import as_csv, read_csv
from tests.whole_runs import LATER, REPORT


def answers(study: pepstats.Study) -> dict[str, pd.DataFrame]:
    """Every table of a study's programmes, checks, cases and ratings."""
    tables = {}
    for slug in study.programmes:
        found = pepstats.evaluate(study, slug)
        checked = pepstats.checks(found)
        tables |= {f"{slug}, {name}": table for name, table in found.tables().items()}
        tables |= {f"{slug}, checks": checked.table, f"{slug}, without": checked.without}
        tables |= {f"{slug}, cases": pepstats.cases(found), f"{slug}, pairs": found.design.pairs}
    rated = pepstats.rate(study)
    return tables | {"ratings": rated.ratings, "contributions": rated.contributions}


def moved(study: pepstats.Study, seed: int) -> pepstats.Study:
    values = study.panel.values
    noise = 1e-12 * np.random.default_rng(seed).uniform(-1, 1, size=values.shape)
    return replace(study, panel=replace(study.panel, values=values * (1 + noise)))


def differences(one: pd.DataFrame, other: pd.DataFrame) -> Iterator[str]:
    one, other = one.reset_index(), other.reset_index()
    assert list(one) == list(other) and len(one) == len(other)
    for name in one:
        a, b = one[name], other[name]
        if pd.api.types.is_float_dtype(a):
            scale = float(np.abs(np.nan_to_num(a)).max(initial=0.0)) or 1.0
            same = np.isclose(a, b, rtol=0, atol=1e-8 * scale, equal_nan=True)
        else:
            same = ((a == b) | (a.isna() & b.isna())).fillna(False).to_numpy(bool)
        if not same.all():
            yield f"{name}: {a[~same].iloc[0]}, then {b[~same].iloc[0]}"


@pytest.mark.parametrize("report", [REPORT, LATER])
def test_the_last_digits_of_inputs_decide_no_word_rank_pair_or_verdict(
    report: str, data: Path
) -> None:
    study = pepstats.load(report, data=data)
    before, after = answers(study), answers(moved(study, seed=1))
    found = {name: list(differences(before[name], after[name])) for name in before}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_a_number_that_is_a_half_but_for_its_last_digit_is_rounded_as_one() -> None:
    for half in (0.25, 0.15, 2.45, 100.05):
        said = {format_number(half * (1 + move)) for move in (0, 1e-13, -1e-13, 1e-12, -1e-12)}
        assert len(said) == 1, said
    assert format_number(0.15 - 1e-12) == "0.2" and format_signed(-0.35 + 1e-13) == "\u22120.4"
    assert per_hundred(0.125 - 1e-13) == 13
    assert format_number(0.15 - 2 * 10.0**-AGREED) == "0.1"


def test_schools_in_the_middle_stay_in_their_half_whatever_their_last_digits() -> None:
    years = pd.DataFrame({2016: [0.1, 0.3, 0.2, 0.7], 2017: [0.5, 0.3, 0.4, 0.1]})
    for seed in range(20):
        noise = 1e-13 * np.random.default_rng(seed).uniform(-1, 1, years.shape)
        assert low_attaining(years * (1 + noise)).tolist() == low_attaining(years).tolist()


def test_tables_are_written_at_digits_that_machines_agree_on(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    table = pd.DataFrame({"n": rng.normal(size=400) * 10.0 ** rng.integers(-6, 6, 400)})
    table["thing"] = pd.Series([0.1 + 0.2, "word", None, 3] * 100, dtype=object)
    again = table.assign(n=table["n"] * (1 + 1e-13 * rng.uniform(-1, 1, 400)))
    one, other = (set(enumerate(as_csv(each).splitlines())) for each in (table, again))
    assert len(one - other) <= 2  # at a border of its last digit, about one in a thousand
    assert all(len(cell) <= 17 for cell in as_csv(table).decode().replace("\n", ",").split(","))
    (tmp_path / "t.csv").write_bytes(as_csv(table))
    back = read_csv(tmp_path / "t.csv")["n"]
    assert np.allclose(back, table["n"], rtol=1e-9, atol=1e-11 * table["n"].abs().max())
    assert as_csv(read_csv(tmp_path / "t.csv")) == as_csv(table)
    assert as_csv(table, exact=True) == table.to_csv(index=False, lineterminator="\n").encode()


def test_what_is_zero_but_for_rounding_is_written_as_zero() -> None:
    assert settle([5.0, 3e-17, -2e-16, -0.0]).tolist() == [5.0, 0.0, 0.0, 0.0]
    assert not np.signbit(settle([5.0, -2e-16, -0.0])).any()
    assert settle([3e-17]).tolist() == [3e-17]
    found = settle([np.nan, np.inf, 1.0])
    assert np.isnan(found[0]) and found[1:].tolist() == [np.inf, 1.0]
    assert settle_one(1 / 3) == 0.3333333333 and settle_one(7) == 7 and settle_one("x") == "x"
