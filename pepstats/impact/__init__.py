"""Gaps, placebo draws, effects, sizes, value and evidence: one evaluation."""

from pepstats.impact.effects import (
    Effect,
    estimate_effects,
    half_width,
    list_effect_numbers,
    placebo_p,
    tidy_effects,
)
from pepstats.impact.evaluate import (
    Design,
    Estimate,
    design_comparison,
    estimate_programme,
    tabulate_gaps,
    tabulate_lines,
    tabulate_slopes,
)
from pepstats.impact.evidence import grade_programme, list_grade, tabulate_grade
from pepstats.impact.gaps import (
    FEWEST_COMPARISONS,
    Gaps,
    average_lines,
    correct_bias,
    find_gaps,
    fit_gap_variance,
)
from pepstats.impact.october import forecast_gaps, others_have_results
from pepstats.impact.placebo import (
    FEWEST_CITIES,
    PlaceboDraws,
    count_cities,
    draw_placebo,
    low_as_picked,
    pick_schools,
    placebo_estimates,
    weighted_mean,
)
from pepstats.impact.refusals import ENGLAND, HERE, OWN, describe_held
from pepstats.impact.sizes import pool_phases
from pepstats.impact.value import (
    choose_months,
    list_sizes,
    list_worth,
    price_programme,
    tabulate_sizes,
    tabulate_value,
)
from pepstats.impact.verdicts import COMPARED, EXPECTED, LADDER, MODES, UNCERTAIN

__all__ = [
    "COMPARED",
    "Design",
    "ENGLAND",
    "EXPECTED",
    "Effect",
    "Estimate",
    "FEWEST_CITIES",
    "FEWEST_COMPARISONS",
    "Gaps",
    "HERE",
    "LADDER",
    "MODES",
    "OWN",
    "PlaceboDraws",
    "UNCERTAIN",
    "average_lines",
    "choose_months",
    "correct_bias",
    "count_cities",
    "describe_held",
    "design_comparison",
    "draw_placebo",
    "estimate_effects",
    "estimate_programme",
    "find_gaps",
    "fit_gap_variance",
    "forecast_gaps",
    "grade_programme",
    "half_width",
    "list_effect_numbers",
    "list_grade",
    "list_sizes",
    "list_worth",
    "low_as_picked",
    "others_have_results",
    "pick_schools",
    "placebo_estimates",
    "placebo_p",
    "pool_phases",
    "price_programme",
    "tabulate_gaps",
    "tabulate_grade",
    "tabulate_lines",
    "tabulate_sizes",
    "tabulate_slopes",
    "tabulate_value",
    "tidy_effects",
    "weighted_mean",
]
