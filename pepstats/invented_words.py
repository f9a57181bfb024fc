"""What the invented schools say of the two programmes: words that no school has said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pepstats.invented_pupils import PLANTED

if TYPE_CHECKING:
    from pepstats.invented import England

_STREAM = 103
_SAID = (
    (
        "headteacher",
        "leadership",
        "positive",
        "The coaching changed how we plan, and staff now ask for it.",
    ),
    (
        "headteacher",
        "assessment",
        "mixed",
        "Reviews of each pupil helped, but the first term went on paperwork.",
    ),
    (
        "SENCO",
        "assessment",
        "positive",
        "We spot a difficulty in weeks now, where it used to take a term.",
    ),
    (
        "SENCO",
        "workload",
        "negative",
        "Two of us left during the year and nobody was there to carry it on.",
    ),
    (
        "deputy headteacher",
        "staff confidence",
        "positive",
        "Teachers try things first and ask for a referral after.",
    ),
    (
        "class teacher",
        "staff confidence",
        "positive",
        "I no longer think somebody else should teach those children.",
    ),
    (
        "class teacher",
        "workload",
        "mixed",
        "Good training; we had no cover for the follow-up days.",
    ),
    (
        "chair of governors",
        "leadership",
        "mixed",
        "We see the work, and we do not yet see it in results.",
    ),
    (
        "headteacher",
        "parents",
        "positive",
        "Families come to the review meetings, which they did not before.",
    ),
    (
        "deputy headteacher",
        "attendance",
        "negative",
        "It did not reach the pupils who are hardly ever here.",
    ),
    (
        "headteacher",
        "leadership",
        "negative",
        "The visits were moved three times and the plan lost its thread.",
    ),
    (
        "SENCO",
        "parents",
        "mixed",
        "Parents liked the plans, once we had stopped using our own words for things.",
    ),
)
# What must be held back before anyone reads it: a name, an address, a number.
_HELD_BACK = (
    (
        "class teacher",
        "assessment",
        "positive",
        "It made all the difference to Tommy Figment in 6B, who now reads every day.",
    ),
    (
        "SENCO",
        "parents",
        "mixed",
        "Please send the slides again to senco@fablemouth-invented.example before term ends.",
    ),
    (
        "headteacher",
        "leadership",
        "positive",
        "Ring me on 01632 960123 and I will say more about how we did it.",
    ),
)


def statements(england: England) -> pd.DataFrame:
    """Give the invented schools' words: who was asked, what they said, and whether it may be used.

    Columns `urn, programme, role, theme, stance, consent, date, text`. A school that was asked
    and did not answer has a row without words.
    """
    rng = np.random.default_rng([england.seed, _STREAM, 7])
    rows = []
    for slug in PLANTED:
        members = england.members[england.members["programme"] == slug]
        said = [*(_SAID[i] for i in rng.permutation(len(_SAID))), *_HELD_BACK]
        for place, urn in enumerate(rng.permutation(members["urn"].to_numpy()).tolist()):
            day = f"2018-{6 + place % 2:02d}-{3 + place:02d}"
            if place < len(said):
                role, theme, stance, words = said[place]
                consent = ("quote", "quote", "quote without role", "do not quote")[place % 4]
                rows.append((urn, slug, role, theme, stance, consent, day, words))
            else:
                rows.append((urn, slug, "headteacher", "", "no answer", "not asked", day, ""))
    columns = ["urn", "programme", "role", "theme", "stance", "consent", "date", "text"]
    return pd.DataFrame(rows, columns=columns).sort_values(["programme", "urn"], ignore_index=True)
