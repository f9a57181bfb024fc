"""Gaps, placebo draws, effects, sizes, value and evidence: one evaluation."""

from pepstats.impact.design import Design, Inputs, change_programme, design_comparison
from pepstats.impact.effect_sizes import pool_phases
from pepstats.impact.effects import Effect, estimate_effects, half_width, placebo_p
from pepstats.impact.evaluate import (
    Evaluation,
    draw_programmes,
    evaluate_design,
    judge_effects,
    measure_outcomes,
    take_up_evaluation,
)
from pepstats.impact.gaps import (
    FEWEST_COMPARISONS,
    Asked,
    Gaps,
    correct_bias,
    find_gaps,
    fit_gap_variance,
    weigh_gaps,
)
from pepstats.impact.not_estimated import ENGLAND, HERE, OWN, describe_held
from pepstats.impact.october import choose_mode, forecast_gaps, levels_of
from pepstats.impact.placebo import (
    FEWEST_CITIES,
    PlaceboDraws,
    count_cities,
    draw_placebo,
    has_gap,
    low_as_picked,
    pick_schools,
    placebo_estimates,
    weighted_mean,
)
from pepstats.impact.tables import tabulate_gaps
from pepstats.impact.verdicts import COMPARED, EXPECTED, LADDER, MODES, UNCERTAIN

__all__ = [
    "Asked",
    "COMPARED",
    "Design",
    "ENGLAND",
    "EXPECTED",
    "Effect",
    "Evaluation",
    "FEWEST_CITIES",
    "FEWEST_COMPARISONS",
    "Gaps",
    "HERE",
    "Inputs",
    "LADDER",
    "MODES",
    "OWN",
    "PlaceboDraws",
    "UNCERTAIN",
    "change_programme",
    "choose_mode",
    "correct_bias",
    "count_cities",
    "describe_held",
    "design_comparison",
    "draw_placebo",
    "draw_programmes",
    "estimate_effects",
    "evaluate_design",
    "find_gaps",
    "fit_gap_variance",
    "forecast_gaps",
    "half_width",
    "has_gap",
    "judge_effects",
    "levels_of",
    "low_as_picked",
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
