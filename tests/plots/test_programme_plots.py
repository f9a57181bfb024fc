"""The forest plot and the caterpillar plot: every programme, its range, and words for them."""

import numpy as np
import pandas as pd
import pytest

from pepstats.plots import caterpillar_plot, forest_plot, to_svg


def rows_of(count: int) -> pd.DataFrame:
    estimate = np.linspace(-6.04, 9.16, count)
    return pd.DataFrame({
        "name": [f"Programme {n} of many letters, so that it would be too long for one row"
                 for n in range(count)],
        "part": "programme", "estimate": estimate, "low": estimate - 5, "high": estimate + 5,
        "shrunk": estimate / 4,
    })  # fmt: skip


TOGETHER = pd.DataFrame({"name": ["On average: all"], "part": "together", "estimate": [1.26],
                         "low": [0.1], "high": [2.4]})  # fmt: skip


@pytest.mark.parametrize("count", [1, 12, 171])
def test_every_programme_is_in_the_table_and_so_many_are_drawn_as_can_be_read(count: int) -> None:
    rows = pd.concat([rows_of(count), TOGETHER], ignore_index=True)
    forest = forest_plot(rows, "rwm_expected", unit="percentage points", title="Many")
    assert len(forest.table) == count + 1
    axis = forest.figure.axes[0]
    assert len([t for t in axis.texts if t.get_fontweight() == "bold"]) == 2  # name and value
    drawn = [t.get_text() for t in axis.texts if t.get_text().startswith("Programme")]
    assert len(drawn) == (count if count <= 20 else 0)
    assert ("in the table" in forest.caption) == (count > 20)
    assert "On average: all: +1.3 (0.1 to 2.4)" in forest.alt
    assert to_svg(forest.figure) == to_svg(
        forest_plot(rows, "rwm_expected", unit="percentage points", title="Many").figure
    )


def test_a_row_lies_where_the_table_says_and_no_word_lies_over_another() -> None:
    rows = pd.concat([rows_of(12), TOGETHER], ignore_index=True)
    forest = forest_plot(rows, "rwm_expected", unit="percentage points", title="Many")
    axis = forest.figure.axes[0]
    bars = [line for line in axis.lines if len(set(line.get_ydata())) == 1 and
            len(line.get_xdata()) == 2]  # fmt: skip
    ends = sorted(tuple(bar.get_xdata()) for bar in bars)
    assert ends == sorted(zip(forest.table["low"], forest.table["high"], strict=True))
    heights = sorted(text.xy[1] for text in axis.texts if text.get_ha() == "left")
    assert min(np.diff(heights)) > 0.2


@pytest.mark.parametrize(("count", "named"), [(12, True), (12, False), (171, True), (171, False)])
def test_a_caterpillar_has_all_in_order_and_names_nobody_where_it_may_not(
    count: int, named: bool
) -> None:
    rows = rows_of(count).assign(low=lambda t: t["shrunk"] - 2, high=lambda t: t["shrunk"] + 2)
    plot = caterpillar_plot(
        rows, "rwm_expected", unit="percentage points", title="Many", named=named
    )
    assert len(plot.table) == count and plot.table["shrunk"].is_monotonic_decreasing
    words = plot.alt + plot.caption + "".join(t.get_text() for t in plot.figure.axes[0].texts)
    assert ("Programme 3" in words + "".join(plot.table["name"])) == named
    assert plot.figure.get_figheight() <= 9.0
    assert f"{count} programmes" in plot.alt and "+2.3 (estimated +9.2)" in plot.alt
