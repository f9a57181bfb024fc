"""The ladder of verdicts: five words for how sure we are, what each means, and when it is used."""

from __future__ import annotations

MATCHED, FORECAST = "matched", "forecast"
HOW = {
    MATCHED: "compared with similar schools",
    FORECAST: "against a forecast from last year's schools",
}
"""The two ways an estimate is made, and what each is called; one stands beside every number."""

GAINED, PROBABLY_GAINED = "gained", "probably gained"
UNCERTAIN = "too uncertain to say"
PROBABLY_LOST, LOST = "probably lost ground", "lost ground"

LADDER: dict[str, str] = {
    GAINED: "At most 5 in 100 groups of schools without a programme changed this much, allowing "
    "for all the results looked at together. The whole of the 95% range is above zero.",
    PROBABLY_GAINED: "Between 5 and 10 in 100 groups of schools without a programme changed this "
    "much, allowing for all the results looked at together. The estimate is above zero, but the "
    "range includes zero.",
    UNCERTAIN: "More than 10 in 100 groups of schools without a programme changed this much, "
    "allowing for all the results looked at together. The programme may have helped, made no "
    "difference or done harm: these results cannot tell.",
    PROBABLY_LOST: "Between 5 and 10 in 100 groups of schools without a programme changed this "
    "much, allowing for all the results looked at together. The estimate is below zero, but the "
    "range includes zero.",
    LOST: "At most 5 in 100 groups of schools without a programme changed this much, allowing for "
    "all the results looked at together. The whole of the 95% range is below zero.",
}
"""The five verdicts, best first, each with its meaning in plain words."""

CLEAR, LIKELY = 0.05, 0.10
"""A clear verdict: at most 5 in 100 made-up programmes moved as far; a probable one: 10 in 100."""


def choose_verdict(estimate: float, p: float) -> str:
    """Choose the rung of the ladder of words: the size never enters, only how sure we are."""
    if not p <= LIKELY or estimate == 0:
        return UNCERTAIN
    if p <= CLEAR:
        return GAINED if estimate > 0 else LOST
    return PROBABLY_GAINED if estimate > 0 else PROBABLY_LOST
