"""What the invented schools say of the two programmes: words that no school has said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pepstats.invented_pupils import PLANTED

if TYPE_CHECKING:
    from pepstats.invented import England

_STREAM = 103
COLUMNS = ["urn", "programme", "theme", "stance", "role", "consent", "consent_date", "statement"]
_SAID = (
    (
        "Head teacher",
        "leadership",
        "positive",
        "The coaching changed how we plan, and staff now ask for it.",
    ),
    (
        "Head teacher",
        "assessment",
        "mixed",
        "Reviews of each pupil helped, but the first term went on paperwork.",
    ),
    (
        "SEN coordinator",
        "assessment",
        "positive",
        "We spot a difficulty in weeks now, where it used to take a term.",
    ),
    (
        "SEN coordinator",
        "workload",
        "negative",
        "Two of us left during the year and nobody was there to carry it on.",
    ),
    (
        "Deputy head teacher",
        "staff confidence",
        "positive",
        "Teachers try things first and ask for a referral after.",
    ),
    (
        "Teacher",
        "staff confidence",
        "positive",
        "I no longer think somebody else should teach those children.",
    ),
    (
        "Teacher",
        "workload",
        "mixed",
        "Good training; we had no cover for the follow-up days.",
    ),
    (
        "Governor",
        "leadership",
        "mixed",
        "We see the work, and we do not yet see it in results.",
    ),
    (
        "Head teacher",
        "parents",
        "positive",
        "Families come to the review meetings, which they did not before.",
    ),
    (
        "Deputy head teacher",
        "attendance",
        "negative",
        "It did not reach the pupils who are hardly ever here.",
    ),
    (
        "Head teacher",
        "leadership",
        "negative",
        "The visits were moved three times and the plan lost its thread.",
    ),
    (
        "SEN coordinator",
        "parents",
        "mixed",
        "Parents liked the plans, once we had stopped using our own words for things.",
    ),
)
# What must be held back before anyone reads it: a name, an address, a number.
_HELD_BACK = (
    (
        "Teacher",
        "assessment",
        "positive",
        "It made all the difference to Tommy Figment in 6B, who now reads every day.",
    ),
    (
        "SEN coordinator",
        "parents",
        "mixed",
        "Please send the slides again to senco@fablemouth-invented.example before term ends.",
    ),
    (
        "Head teacher",
        "leadership",
        "positive",
        "Ring me on 01632 960123 and I will say more about how we did it.",
    ),
)


def statements(england: England) -> pd.DataFrame:
    """Give the invented schools' words: who was asked, what they said, and whether it may be used.

    One row per school and programme, in the columns `pepstats.statements` reads; a school that
    was asked and did not answer has a row without a statement.
    """
    rng = np.random.default_rng([england.seed, _STREAM, 7])
    rows = []
    for slug in PLANTED:
        members = england.members[england.members["programme"] == slug]
        said = [*(_SAID[i] for i in rng.permutation(len(_SAID)).tolist()), *_HELD_BACK]
        for place, urn in enumerate(rng.permutation(members["urn"].to_numpy()).tolist()):
            if place >= len(said):
                rows.append((urn, slug, "", "", "", "", "", ""))
                continue
            role, theme, stance, words = said[place]
            agreed = place % 4 != 3 or place >= len(_SAID)
            day = f"2018-{6 + place % 2:02d}-{3 + place:02d}" if agreed else ""
            rows.append((urn, slug, theme, stance, role, "yes" if agreed else "no", day, words))
    return pd.DataFrame(rows, columns=COLUMNS).sort_values(["programme", "urn"], ignore_index=True)
