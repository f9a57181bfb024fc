"""Gaps, placebo draws, effects, sizes, value and evidence: one evaluation."""

from pepstats.impact.design import (
    Design,
    Inputs,
    change_programme,
    design_comparison,
    no_similar,
    refuse_few,
)
from pepstats.impact.effect_sizes import latest_spread
from pepstats.impact.effects import (
    FORECAST,
    GAINED,
    HOW,
    LADDER,
    LOST,
    MATCHED,
    PROBABLY_GAINED,
    PROBABLY_LOST,
    TELLING,
    UNCERTAIN,
    Effect,
    choose_verdict,
    half_width,
    placebo_p,
    smallest_detectable,
)
from pepstats.impact.evaluate import (
    Evaluation,
    choose_outcomes,
    draw_programmes,
    evaluate_design,
    find_both_gaps,
    judge_effects,
    measure_outcomes,
    take_up_evaluation,
)
from pepstats.impact.gaps import (
    FEWEST_MEASURED,
    Asked,
    Gaps,
    find_gaps,
    fit_gap_variance,
    fit_line,
    lay_out,
    weigh_gaps,
)
from pepstats.impact.not_estimated import (
    ENGLAND,
    HERE,
    LEFT_OUT,
    OWN,
    choose_lead,
    compare_lost,
    describe_held,
    describe_series,
    measure_national_gap,
)
from pepstats.impact.october import choose_mode, forecast_gaps, levels_of
from pepstats.impact.placebo import (
    FEWEST_CITIES,
    WHOLE,
    PlaceboDraws,
    count_cities,
    draw_placebo,
    draw_years,
    fit_chance_scale,
    has_gap,
    is_whole_authority,
    mark_low,
    mean_of,
    pick_schools,
    placebo_estimates,
    scale_draws,
    weighted_mean,
)
from pepstats.impact.tables import Measured, tabulate_gaps
from pepstats.impact.value_for_money import choose_months
from pepstats.impact.weighing import PRIORS, TRIALS

__all__ = [
    "Asked", "Design", "ENGLAND", "Effect", "Evaluation", "FEWEST_CITIES", "FEWEST_MEASURED",
    "FORECAST", "GAINED", "Gaps", "HERE", "HOW", "Inputs", "LADDER", "LEFT_OUT", "LOST",
    "MATCHED", "Measured", "OWN", "PRIORS", "PROBABLY_GAINED", "PROBABLY_LOST", "PlaceboDraws",
    "TELLING", "TRIALS", "UNCERTAIN", "WHOLE", "change_programme", "choose_lead", "choose_mode",
    "choose_months", "choose_outcomes", "choose_verdict", "compare_lost", "count_cities",
    "describe_held", "describe_series", "design_comparison", "draw_placebo", "draw_programmes",
    "draw_years", "evaluate_design", "find_both_gaps", "find_gaps", "fit_chance_scale",
    "fit_gap_variance", "fit_line", "forecast_gaps", "half_width", "has_gap",
    "is_whole_authority", "judge_effects", "latest_spread", "lay_out", "levels_of",
    "mark_low", "mean_of", "measure_national_gap", "measure_outcomes",
    "no_similar", "pick_schools", "placebo_estimates", "placebo_p", "refuse_few", "scale_draws",
    "smallest_detectable", "tabulate_gaps", "take_up_evaluation", "weigh_gaps", "weighted_mean",
]  # fmt: skip
