"""What a study read, laid out as tables: one row for each thing, with its key."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from pepstats import codes, eligibility, layouts
from pepstats.ledger import Ledger
from pepstats.study import Study


def tabulate_members(study: Study) -> pd.DataFrame:
    """List every programme's schools, one row per programme and school."""
    parts = [table.assign(programme=slug).reset_index() for slug, table in study.members.items()]
    return pd.concat(parts).set_index(["programme", "school"]).sort_index()


def tabulate_ledgers(ledgers: Iterable[Ledger]) -> pd.DataFrame:
    """Account for every row and cell of every file: the counts of each add up to its total.

    One row per file, `kind`, `account` (rows or cells) and `what` became of them, with `count`; the
    row with `what` = "in all" is the total that the others add up to. A file of an authority's own
    results has its own account, and one of each stage's results that it gives.
    """
    rows = []
    for ledger in ledgers:
        name = (ledger.file, ledger.kind, ledger.year, ledger.release)
        kept = "kept as schools" if ledger.kind in layouts.RESULTS else "kept"
        of_rows = {kept: ledger.rows_kept, **ledger.aggregates, **ledger.left_out}
        of_cells = {"values": ledger.values, "words": ledger.words, **ledger.reasons,
                    "columns not read": ledger.unread}  # fmt: skip
        for account, total, parts in (
            ("rows", ledger.rows_in, of_rows), ("cells", ledger.cells_in, of_cells)
        ):  # fmt: skip
            rows += [(*name, account, what, n) for what, n in {"in all": total, **parts}.items()]
    columns = ["file", "kind", "year", "release", "account", "what", "count"]
    return pd.DataFrame(rows, columns=columns).astype({"year": "Int64"})


def tabulate_measures(study: Study) -> pd.DataFrame:
    """Lay the authority's own results out as published: a value or a reason for every cell.

    One row per `urn`, `year`, `measure` and `release`, with `value`, `reason` and `cohort`, for the
    schools of the report's authority (the panel has those of all England).
    """
    home = study.register.index[study.register["la"] == study.report.authority]
    parts = []
    for one in study.results:
        urns = study.followed.known.reindex(one.values.index)
        inside = one.values.index[urns.isin(home)]
        values, reasons = one.values.loc[inside], one.reasons.loc[inside]
        cohorts = values.reindex(columns=[codes.MEASURES[m].cohort for m in values])
        long = values.rename_axis("urn").reset_index().melt("urn", var_name="measure")
        parts.append(
            long.assign(
                reason=reasons.melt()["value"],
                cohort=cohorts.set_axis(values.columns, axis=1).melt()["value"],
                year=one.source.year,
                release=one.source.release or "final",
            )
        )
    key = ["urn", "year", "measure", "release"]
    return pd.concat(parts).set_index(key).sort_index()


def tabulate_inspections(study: Study) -> pd.DataFrame:
    """Give each school its latest inspection: index `school`; empty where no source has them."""
    found = study.tables.get("ofsted")
    if found is None:
        return pd.DataFrame({"outcome": [], "inspected": []}, index=pd.Index([], name="school"))
    return eligibility.attach_inspections(found, study.followed.known)


def list_outcomes(study: Study) -> list[str]:
    """List the programmes' outcomes, and the groups of them that a source has."""
    first = list(dict.fromkeys(o for p in study.programmes.values() for o in p.outcomes))
    return [m for o in first for m in study.panel.values if m == o or m.startswith(f"{o}.")]


def tabulate_series(study: Study) -> pd.DataFrame:
    """Give the published series of what no file of schools has: the authority's and England's.

    One row per `measure`, `year` and `whose` ("the authority", "England"), with `value`, `reason`.
    """
    found = study.tables.get("la_series")
    columns = ["measure", "year", "whose", "value", "reason"]
    if found is None:
        return pd.DataFrame(columns=columns)
    home = found["la"].eq(study.report.authority).fillna(False).astype(bool)
    england = found["area"].eq("England")
    own = found[found["code"].isin(codes.LA_SERIES) & (home | england)]
    named = {code: measure for code, (measure, phase) in codes.LA_SERIES.items() if not phase}
    table = own.assign(
        measure=own["code"].map(named),
        whose=own["area"].eq("England").map({True: "England", False: "the authority"}),
    )
    known = table[table["measure"].notna()][columns]
    return known.sort_values(["measure", "year", "whose"], ignore_index=True)
