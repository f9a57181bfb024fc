"""What the paper says of the authority's schools besides the programmes: their priority ratings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from pepstats import disclosure, voices
from pepstats.blocks import PaperTable, make_table
from pepstats.disclosure import View
from pepstats.evidence import is_said
from pepstats.words import count_words

RATINGS = "02-priority-ratings"
NOT_RATED = "Not rated"


@dataclass(frozen=True)
class City:
    """What the paper says of the authority's schools besides the programmes.

    `names` gives each school's name, used in the exempt edition only; `ratings` has one row per
    rated school: `school`, `governance`, `rating` (missing where there is none), `reasons`;
    `last_shown` has the counts that the last release showed; `tables` what else notebook 02 wrote,
    by name, as far as it did.
    """

    names: Mapping[int, str] = field(default_factory=dict, repr=False)
    ratings: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    last_shown: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=disclosure.SHOWN_COLUMNS), repr=False
    )
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict, repr=False)

    def table(self, name: str) -> pd.DataFrame:
        """Give what notebook 02 wrote under a name, empty where it wrote nothing."""
        return self.tables.get(name, pd.DataFrame())


def count_ratings(ratings: pd.DataFrame) -> pd.DataFrame:
    """Count schools by priority rating and by who runs them."""
    rating = ratings["rating"].map(lambda r: NOT_RATED if pd.isna(r) else f"Priority {int(r)}")
    counts = pd.crosstab(rating, ratings["governance"].str.capitalize())
    order = ["Priority 1", "Priority 2", "Priority 3", NOT_RATED]
    kept = [name for name in order if name in counts.index or name != NOT_RATED]
    return counts.reindex(kept, fill_value=0).rename_axis(index="Rating", columns=None)


def protect_ratings(ratings: pd.DataFrame, view: View) -> disclosure.Protected:
    """Hide counts of so few schools that one could be known, unless the edition is exempt."""
    return view.protect(count_ratings(ratings), "ratings")


def table_ratings(ratings: pd.DataFrame, view: View) -> PaperTable:
    """Give how many schools have each priority rating, by who runs them."""
    caption = "Schools by priority rating (1 is the highest priority) and by who runs them"
    if ratings.empty:
        return make_table(
            pd.DataFrame(columns=["Rating"]), caption=caption, empty="No school has been rated."
        )
    shown = protect_ratings(ratings, view)
    frame = shown.words().rename_axis("Rating").reset_index()
    note = voices.hidden_note(shown, view)
    return make_table(frame, caption=caption, numeric=list(frame.columns[1:]), note=note)


def table_ratings_named(city: City, view: View) -> PaperTable:
    """Give each school's priority rating beside its name: in the exempt edition only."""
    caption = "Each school's priority rating and what it rests on"
    columns = ["School", "Rating", "Because"]
    if not view.exempt or city.ratings.empty:
        return make_table(
            pd.DataFrame(columns=columns), caption=caption,
            empty="Not published: it contains exempt information and will be made available to "
            "members at the meeting." if len(city.ratings) else "No school has been rated.",
        )  # fmt: skip
    rows = [
        (
            city.names.get(int(row["school"]), f"School {row['school']}"),
            "none" if pd.isna(row["rating"]) else str(int(row["rating"])),
            str(row["reasons"]) if is_said(row.get("reasons")) else "",
        )
        for row in city.ratings.sort_values(["rating", "school"]).to_dict("records")
    ]
    return make_table(
        pd.DataFrame(rows, columns=columns), caption=caption, numeric=["Rating"],
        widths=(2.2, 0.8, 3.0),
    )  # fmt: skip


def ratings_sentence(ratings: pd.DataFrame, view: View) -> str:
    """Say how many schools have a priority rating, and nothing that the table hides."""
    if ratings.empty:
        return "Schools have not been given a priority rating in this study."
    shown = protect_ratings(ratings, view).shown[disclosure.TOTAL]
    left = shown.get(NOT_RATED, 0.0)
    if pd.isna(left) or pd.isna(shown[disclosure.TOTAL]):
        return "Schools have a priority rating, but for a few that have too few results."
    rated = int(shown[disclosure.TOTAL] - left)
    words = f"{count_words(rated, 'school')} {'has' if rated == 1 else 'have'} a priority rating."
    if left:
        words += f" {count_words(int(left), 'school')} could not be rated, for want of results."
    return words
