"""Gaps, placebo draws, effects, sizes, value and evidence: one evaluation."""

from pepstats.impact.design import Design, Inputs, change_programme, design_comparison
from pepstats.impact.effect_sizes import latest_spread, pool_phases
from pepstats.impact.effects import Effect, half_width, placebo_p
from pepstats.impact.evaluate import (
    Evaluation,
    choose_outcomes,
    draw_programmes,
    evaluate_design,
    judge_effects,
    measure_outcomes,
    take_up_evaluation,
)
from pepstats.impact.gaps import (
    Asked,
    Gaps,
    find_gaps,
    fit_gap_variance,
    fit_line,
    lay_out,
    weigh_gaps,
)
from pepstats.impact.group_results import LEFT_OUT, compare_lost, measure_national_gap
from pepstats.impact.not_estimated import ENGLAND, HERE, OWN, describe_held, describe_series
from pepstats.impact.october import choose_mode, forecast_gaps, levels_of
from pepstats.impact.placebo import (
    FEWEST_CITIES,
    PlaceboDraws,
    count_cities,
    draw_placebo,
    fit_chance_scale,
    has_gap,
    is_whole_authority,
    low_as_picked,
    pick_schools,
    placebo_estimates,
    weighted_mean,
)
from pepstats.impact.tables import tabulate_gaps
from pepstats.impact.verdicts import FORECAST, GAINED, HOW, LADDER, MATCHED, UNCERTAIN
from pepstats.impact.weighing import PRIORS, TRIALS

__all__ = [
    "Asked",
    "Design",
    "ENGLAND",
    "Effect",
    "Evaluation",
    "FEWEST_CITIES",
    "FORECAST",
    "GAINED",
    "Gaps",
    "HERE",
    "HOW",
    "Inputs",
    "LADDER",
    "LEFT_OUT",
    "MATCHED",
    "OWN",
    "PRIORS",
    "PlaceboDraws",
    "TRIALS",
    "UNCERTAIN",
    "change_programme",
    "choose_mode",
    "choose_outcomes",
    "compare_lost",
    "count_cities",
    "describe_held",
    "describe_series",
    "design_comparison",
    "draw_placebo",
    "draw_programmes",
    "evaluate_design",
    "find_gaps",
    "fit_chance_scale",
    "fit_gap_variance",
    "fit_line",
    "forecast_gaps",
    "half_width",
    "has_gap",
    "is_whole_authority",
    "judge_effects",
    "latest_spread",
    "lay_out",
    "levels_of",
    "low_as_picked",
    "measure_national_gap",
    "measure_outcomes",
    "pick_schools",
    "placebo_estimates",
    "placebo_p",
    "pool_phases",
    "tabulate_gaps",
    "take_up_evaluation",
    "weigh_gaps",
    "weighted_mean",
]
