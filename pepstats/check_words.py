"""A check put into words that fit a screen."""

from __future__ import annotations

import pandas as pd

from pepstats import layouts, proof
from pepstats.check import Check, FileCheck
from pepstats.ledger import Ledger

SHOWN = ("cohort", "rwm_expected", "rwm_expected.disadvantaged", "reading_progress",
         "writing_progress", "maths_progress", "attainment8", "progress8", "basics_94")  # fmt: skip
MOST = 8  # lines of a list before the rest is only counted


def say(check: Check) -> str:
    """Say what was found in every file, and in the files together."""
    blocks = [_say_file(one) for one in check.files]
    if len(check.together):
        years = ", ".join(str(year) for year in sorted(set(check.together["year"])))
        lines = _say_totals(check.together)
        blocks.append("\n".join([f"England's rows and the schools of all files, {years}", *lines]))
    if check.followed:
        blocks.append(_say_followed(check))
    wrong = [one.file for one in check.files if one.problem]
    last = {
        0: "Every row and cell is accounted for.",
        1: "Every row and cell is accounted for; something differs, as said above.",
        2: f"{len(wrong)} file(s) cannot be read: {', '.join(wrong)}." if wrong else check.problem,
    }
    return "\n\n".join([*blocks, last[check.exit_code]]) + "\n"


def _say_file(one: FileCheck) -> str:
    if one.ledger is None or one.source is None:
        return f"{one.file}\n  cannot be read: {one.problem}"
    ledger = one.ledger
    when = f", {ledger.year}" if ledger.year else ""
    release = f" ({ledger.release})" if ledger.release else ""
    title = layouts.titles().get(ledger.kind, ledger.kind)
    lines = [
        one.file,
        f"  {title}{when}{release}   sha256 {one.source.sha256[:12]}",
        f"  rows   {_say_rows(one)}",
        f"  cells  {_say_cells(ledger)}",
        *_say_codes(ledger),
    ]
    if ledger.columns_unread:
        shown = ", ".join(ledger.columns_unread[:MOST])
        lines.append(
            f"  {len(ledger.columns_unread)} column(s) in no layout we know, not read: {shown}"
        )
    return "\n".join([*lines, *_say_totals(one.totals), *_say_contradictions(one.contradictions)])


def _say_rows(one: FileCheck) -> str:
    ledger = one.ledger
    assert ledger is not None  # a file without an account is said elsewhere
    kinds = [f"{n:,} {name}" for name, n in one.records.items() if name not in layouts.AGGREGATES]
    kept = f"{ledger.rows_kept:,} kept" + (f" ({', '.join(kinds)})" if kinds else "")
    totals = [f"{n} {name}" for name, n in ledger.aggregates.items()]
    left = [f"{n:,} {why}" for why, n in ledger.left_out.items()]
    said = [kept]
    if totals:
        said.append(f"{sum(ledger.aggregates.values())} totals ({', '.join(totals)})")
    said.append(
        f"{sum(ledger.left_out.values()):,} left out" + (f" ({'; '.join(left)})" if left else "")
    )
    return f"{ledger.rows_in:,} in = " + " + ".join(said)


def _say_cells(ledger: Ledger) -> str:
    without = sum(ledger.reasons.values())
    unread = f" + {ledger.unread:,} not read" if ledger.unread else ""
    return (
        f"{ledger.cells_in:,} in = {ledger.values:,} figures + {ledger.words:,} words + "
        f"{without:,} with a reason{unread}"
    )


def _say_codes(ledger: Ledger) -> list[str]:
    """Say each code: its meaning, its cells, and the columns where it is most frequent."""
    lines = []
    if not len(ledger.codes):
        return [f"         {n:>9,}  {reason}" for reason, n in ledger.reasons.items()]
    for reason, met in ledger.codes.groupby("reason", sort=False):
        shown = met["code"].map(lambda code: repr(code) if isinstance(code, str) else "none")
        by_column = (
            met.groupby("column", sort=False)["cells"]
            .sum()
            .sort_values(ascending=False, kind="stable")
        )
        most = ", ".join(f"{column} {n:,}" for column, n in by_column.head(4).items())
        more = f" and {len(by_column) - 4} columns more" if len(by_column) > 4 else ""
        code = " ".join(sorted(set(shown)))
        lines.append((int(met["cells"].sum()), f"{reason}, {code}: {most}{more}"))
    return [f"         {n:>9,}  {said}" for n, said in sorted(lines, reverse=True)]


def _say_totals(totals: pd.DataFrame) -> list[str]:
    """Say how the schools add back up, the main measures and all that differ."""
    if not len(totals):
        return ["  totals none in the file to compare with"]
    counts = totals["verdict"].value_counts()
    said = ", ".join(
        f"{counts.get(v, 0):,} {v}" for v in (proof.REPRODUCED, proof.EXPLAINED, proof.DIFFERS)
    )
    lines = [f"  totals {len(totals):,} compared: {said}"]
    several = totals.groupby(["level", "la"]).ngroups > 3
    main = totals[totals["measure"].isin(SHOWN) & ~totals["verdict"].eq(proof.DIFFERS)]
    differs = totals[totals["verdict"] == proof.DIFFERS]
    if several:
        main = main[main["level"] != layouts.AUTHORITY]
    for part in (main, differs):
        lines += [f"         {_say_total(row)}" for row in part.head(2 * MOST).to_dict("records")]
    if len(differs) > 2 * MOST:
        lines.append(
            f"         and {len(differs) - 2 * MOST:,} more that differ (--json lists all)"
        )
    return lines


def _say_total(row: dict[str, object]) -> str:
    where = f"{row['level']} {row['la']}" if row["la"] else row["level"]
    why = f"; {row['explanation']}" if row["explanation"] else ""
    return (
        f"{where}, {row['measure']}: published {row['published']:g}, from the schools "
        f"{row['from_schools']:.2f} ({row['verdict']}{why})"
    )


def _say_contradictions(found: pd.DataFrame) -> list[str]:
    lines = [
        f"         row {row['row']}, URN {row['urn']}, {row['measure']}: {row['said']} "
        f"({row['check']})"
        for row in found.head(MOST).to_dict("records")
    ]
    more = [f"         and {len(found) - MOST:,} more"] if len(found) > MOST else []
    return [f"  contradictions {len(found):,}", *lines, *more] if len(found) else []


def _say_followed(check: Check) -> str:
    lines = ["Schools through time"]
    lines += [f"         {n:>9,}  {what}" for what, n in check.followed.items()]
    if check.not_followed:
        lines.append("  without results in the last year")
        lines += [f"         {n:>9,}  {why}" for why, n in check.not_followed.items()]
    if len(check.earlier):
        agree, changed = check.earlier["agrees"].sum(), check.earlier["changed"].sum()
        lines.append(
            f"  {len(check.earlier):,} figures repeated from earlier years ({changed:,} of them "
            f"under another URN): {agree:,} agree with the earlier file"
        )
        for row in check.earlier[~check.earlier["agrees"]].head(MOST).to_dict("records"):
            lines.append(
                f"         URN {row['urn']}, {row['measure']} {row['earlier_year']}: "
                f"{row['file']} says {row['repeated']:g}, the earlier file {row['published']:g}"
            )
    return "\n".join(lines)
