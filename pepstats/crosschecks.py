"""What a file says twice should agree: limits round a score, groups in a cohort, earlier years."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from pepstats.clean import Results
from pepstats.schools import Schools

FOUND = ["check", "urn", "row", "measure", "said"]
PARTS = {
    # a whole, and the groups that make it up
    "cohort": (("disadvantaged", "other"), ("boys", "girls")),
    "cohort_ks4": (("disadvantaged", "other"), ("boys", "girls")),
}
ROUNDING = 1.0  # a share of pupils is published to a whole percentage, from unrounded numbers


def cross_check(results: Results) -> pd.DataFrame:
    """List the figures of a file that contradict each other.

    One row per contradiction: check, urn, row (the file's own line), measure, said. A figure that
    cannot be at all never comes this far: the file is refused when it is cleaned.
    """
    values = results.values
    found: list[tuple[str, pd.Series, str, pd.Series]] = []
    for name in values.columns:
        base, _, group = name.partition(".")
        dot = f".{group}" if group else ""
        low, high = f"{base}_lower{dot}", f"{base}_upper{dot}"
        if low in values and high in values:
            outside = (values[name] < values[low]) | (values[name] > values[high])
            said = (
                _text(values[name]) + " not in " + _text(values[low]) + " to " + _text(values[high])
            )
            found.append(("a score outside its own limits", outside, name, said))
    for whole, splits in PARTS.items():
        for groups in splits:
            names = [f"{whole}.{group}" for group in groups]
            if whole in values and all(name in values for name in names):
                total = values[names].sum(axis=1, skipna=False)
                wrong = (total - values[whole]).abs() > 0
                said = _text(total) + " in groups, " + _text(values[whole]) + " together"
                found.append(
                    ("groups that do not make up the cohort", wrong, " + ".join(names), said)
                )
    for share in ("disadvantaged", "eal", "non_mobile"):
        part = f"cohort.{share}"
        if share in values and part in values and "cohort" in values:
            expected = 100 * values[part] / values["cohort"].where(values["cohort"] > 0)
            wrong = (expected - values[share]).abs() > ROUNDING
            said = (
                _text(values[share])
                + "%, but "
                + _text(values[part])
                + " of "
                + _text(values["cohort"])
            )
            found.append(("a share that is not its pupils", wrong, share, said))
    rows = [
        (check, int(urn), int(results.identity.loc[urn, "row"]), measure, said[urn])
        for check, wrong, measure, said in found
        for urn in values.index[wrong.fillna(False)]
    ]
    return pd.DataFrame(rows, columns=FOUND)


def compare_earlier(results: Sequence[Results], schools: Schools) -> pd.DataFrame:
    """Compare what a file repeats of earlier years with those years' own files, school by school.

    One row per figure that both have: school, urn, year and file (that repeat it), earlier_year,
    earlier_urn, measure, repeated, published, agrees; `changed` says that the URN has changed.
    """
    parts = []
    for later in results:
        for earlier in results:
            if later.source.kind != earlier.source.kind or earlier.source.year is None:
                continue
            if earlier.source.year in later.earlier.columns.get_level_values("year"):
                parts.append(_compare_years(later, earlier, schools))
    columns = ["school", "urn", "year", "file", "earlier_year", "earlier_urn", "measure",
               "repeated", "published", "agrees", "changed"]  # fmt: skip
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat(parts)[columns].sort_values(columns[:7]).reset_index(drop=True)


def _compare_years(later: Results, earlier: Results, schools: Schools) -> pd.DataFrame:
    year = earlier.source.year
    # Only figures that both files have can agree or not; a reason on either side is no figure.
    repeated = _lay_long(later.earlier[year], "repeated")
    published = _lay_long(earlier.values, "published")
    repeated["school"] = schools.known.reindex(repeated["urn"]).to_numpy()
    published["school"] = schools.known.reindex(published["urn"]).to_numpy()
    published = published.rename(columns={"urn": "earlier_urn"})
    both = repeated.merge(published, on=["school", "measure"], validate="many_to_many")
    agrees = (both["repeated"] - both["published"]).abs() < 1e-9
    return both.assign(
        year=later.source.year, file=later.source.file, earlier_year=year,
        agrees=agrees, changed=both["urn"] != both["earlier_urn"],
    )  # fmt: skip


def _lay_long(table: pd.DataFrame, called: str) -> pd.DataFrame:
    long = table.reset_index().melt(id_vars="urn", var_name="measure", value_name=called)
    return long[long[called].notna()]


def _text(values: pd.Series) -> pd.Series:
    return values.map("{:g}".format)
