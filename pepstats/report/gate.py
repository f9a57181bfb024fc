"""The one gate: a paper as it may leave in public, and the log of what is held back.

Nothing leaves that is not made from what `protect` returns. While results are not published, only
as much is shown as the audit lets stand together, over all programmes and earlier releases: first
each programme's first outcome, then the others, then the checks. What is held back keeps its
name and says so, and loses its numbers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pepstats.errors import DesignError
from pepstats.impact import OWN
from pepstats.measures import GAP, MEASURES, find_measure, whole_of
from pepstats.report.audit import ROUNDED_THRICE, Form, Left, Unknown, choose_forms, may_show
from pepstats.report.city_tables import protect_city
from pepstats.report.disclosure import HELD, LOG_COLUMNS, NOT_YET_PUBLIC, View
from pepstats.report.edition import (
    Chapter,
    City,
    Counts,
    Edition,
    ProgrammeResults,
    SavedPicture,
)
from pepstats.report.sentences import NEVER, say_one_school
from pepstats.schools import Panel
from pepstats.settings import Disclosure

FORM_COLUMNS = ["outcome", "name", "school", "part", "share", "half"]
WHOLE, GROUP, OTHER = "all pupils", "the group", "other pupils"
SPREADS = 4.0
"""Standard deviations about what was expected within which a score is taken to lie."""
BETWEEN_PUPILS = 2400.0
"""The least variance between pupils who reach a standard or not, in points: at 60% of them."""
RECKONED = 0.003
"""What is known of a school beforehand is itself reckoned; who reckons it otherwise finds so much
less left, on invented Englands. It is kept beyond the policy."""
PREFERRED = (
    ("schools that had more support", "schools that had less support"),
    ("only schools in no other programme",),
    ("only schools that kept their number",),
    ("every school counted the same",),
)
"""Checks that may stand beside the headline, those that are shown together in one line."""
FEWEST_EITHER_SIDE = 4  # schools on each side of a count of those that did better and worse
NOT_BY_SCHOOL = "could show a school's result of these pupils, which is never published"
REASON = "could show a school's results before they are published"


def protect(edition: Edition) -> Edition:
    """Return the public edition of a paper, as it may leave.

    Parameters
    ----------
    edition : Edition
        With the report's policy in `report.disclosure`, and in `told` what earlier releases of the
        same results showed.

    Returns
    -------
    Edition
        Without names, without single schools' results that are not published, and without any
        check that would tell of one; `held` is the log of what is not shown.

    Raises
    ------
    DesignError
        Where the public edition is asked for and no estimate could be in it: even alone each would
        tell too much of a school.
    """
    if edition.held is not None:
        return edition
    edition = edition.turn("public")
    (kept, forms), (gone, described) = choose_shown(edition), choose_described(edition)
    policy, results, log = edition.report.disclosure, {}, []
    for chapter in edition.chapters:
        slug = chapter.programme.slug
        found = _round_pupils(chapter.found, policy)
        told = _blank_described(found.described, gone[slug])
        results[slug] = dataclasses.replace(found, described=told)
        log += [(f"{slug}.described", one, "value", NOT_BY_SCHOOL) for one in gone[slug]]
        if not chapter.shows_schools:
            one = dataclasses.replace(chapter, found=results[slug])
            results[slug], more = hold_back(one, kept[slug])
            log += more
    held = pd.DataFrame(log, columns=LOG_COLUMNS)
    return dataclasses.replace(
        edition,
        results=results,
        city=_without_names(edition.city, edition.view),
        made=dataclasses.replace(edition.made, results=_published(edition.made.results)),
        panel=None,
        held=held,
        forms=pd.concat([forms, described], ignore_index=True) if len(described) else forms,
    )


def _without_names(city: City, view: View) -> City:
    """Count a city's schools as they may be shown, and leave out which school is which."""
    private = [name for name in ("school", "name", "trust", "reasons") if name in city.ratings]
    tables = {name: table for name, table in city.tables.items() if name != "changes"}
    return dataclasses.replace(
        city,
        names={},
        counts=protect_city(city, view),
        ratings=city.ratings.drop(columns=private),
        tables=tables,
    )


def _published(results: pd.DataFrame) -> pd.DataFrame:
    """Leave out of the authority's own results, then and now, those that are not published."""
    if results.empty:
        return results
    return results[~results["release_after"].isin(NOT_YET_PUBLIC)]


# Which checks may be shown ------------------------------------------------------------------------


def choose_shown(edition: Edition) -> tuple[dict[str, set[str]], pd.DataFrame]:
    """Choose what is shown of each programme, and list all that is told.

    As far as the audit lets them: first the first outcome of each programme, then the other
    outcomes of its schools, then the checks. Returns the names of the outcomes and checks that are
    shown by programme, and every form: `outcome`, `name`, `school`, `part`, `share`, `half`.
    """
    kept: dict[str, set[str]] = {one.programme.slug: set() for one in edition.chapters}
    shown: list[tuple[object, ...]] = []
    policy = edition.report.disclosure
    least = _least(policy, policy.least_width / 100)
    chapters = [one for one in edition.chapters if not one.shows_schools]
    for family in dict.fromkeys(whole_of(name) for one in chapters for name in one.results):
        told = read_forms(edition.told.forms, family)
        protected = list_protected(chapters, family, told)
        unknown = find_unknown(chapters, family, edition.panel, told)
        if unknown.table.empty:
            continue
        told = [as_now(form, unknown) for form in told]
        unknown = with_told(unknown, told)
        firsts = [[headline_form(one, one.programme.primary, unknown)] for one in chapters
                  if one.primary.known and one.programme.primary in protected]  # fmt: skip
        found = choose_forms(_meeting(firsts, policy), told, unknown, least)
        slugs = {form.name.partition(": ")[0] for form in found[len(told) :]}
        rest = _meeting(_other_forms(chapters, protected, unknown, slugs), policy)
        found = choose_forms(rest, found, unknown, least)[len(told) :]
        for form in found:
            slug, _, name = form.name.partition(": ")
            kept[slug].add(name)
        shown += _list_forms(family, found)
    refused = [one for one in chapters if one.primary.known
               and one.programme.primary not in kept[one.programme.slug]]  # fmt: skip
    if refused and len(refused) == len(edition.chapters) and edition.asked == "public":
        raise DesignError(_refusal(edition, refused))
    return kept, pd.DataFrame(shown, columns=FORM_COLUMNS)


def _least(policy: Disclosure, width: float) -> Left:
    more = RECKONED * (policy.least_left > 0)
    return Left(policy.least_left + more, policy.least_left_insider + more, width)


def _other_forms(
    chapters: Sequence[Chapter], protected: set[str], unknown: Unknown, slugs: set[str]
) -> Iterator[list[Form]]:
    """List what else may be shown of outcomes reckoned with, what goes together as one, in order.

    `slugs` are the programmes whose first outcome is shown: the checks of others are not.
    """
    for one in chapters:
        for outcome, result in one.results.items():
            if outcome in protected and result.known and outcome != one.programme.primary:
                yield [headline_form(one, outcome, unknown)]
    for one in chapters:
        if one.programme.primary in protected and one.programme.slug in slugs:
            yield from check_forms(one, unknown)


def list_protected(chapters: Sequence[Chapter], family: str, told: Sequence[Form] = ()) -> set[str]:
    """List the outcomes of a family whose unpublished results are reckoned with: what may be told.

    Those of all pupils, of one group (that of which an earlier release told, else the first
    outcomes' own, else the first by name), and of the gap within schools where that group and all
    pupils stand beside it. A second group's results are nobody's unknown here, so nothing is told
    of them early.
    """
    own = pd.concat([one.found.gaps[["outcome", "own"]] for one in chapters]).dropna()
    names = {name for name in map(str, own["outcome"].unique()) if whole_of(name) == family}
    groups = sorted(name for name in names if name != family and not name.endswith(GAP))
    before = sorted({form.name.partition(": ")[2] for form in told})
    before = [name for name in before if whole_of(name) == family != name and name[-4:] != GAP]
    firsts = [one.programme.primary for one in chapters if one.programme.primary in groups]
    group = {*[*before, *firsts, *groups][:1]}
    both = group == {f"{family}.disadvantaged"} and family in names
    return ({family} & names) | group | ({f"{family}{GAP}"} if both else set())


def _meeting(groups: Iterable[list[Form]], policy: Disclosure) -> list[list[Form]]:
    return [group for group in groups if all(_meets(form, policy) for form in group)]


def _meets(form: Form, policy: Disclosure) -> bool:
    """Whether an estimate has enough schools, and none that weigh too much in it."""
    shares = form.parts.abs().groupby(level="school").sum().sort_values(ascending=False)
    shares = shares[shares > 0] / shares.sum()
    largest = float(shares.head(policy.safe_nk_n).sum())
    return len(shares) > policy.safe_dof_threshold and largest <= policy.safe_nk_k


def _round_pupils(found: ProgrammeResults, policy: Disclosure) -> ProgrammeResults:
    """Round counts of pupils to the policy's base."""
    held, gap = found.described, found.gap_to_national
    if len(held):
        held = held.assign(n_pupils=_to_base(held["n_pupils"], policy))
    if len(gap):
        gap = gap.assign(n_pupils=_to_base(gap["n_pupils"], policy))
    return dataclasses.replace(found, described=held, gap_to_national=gap)


def _to_base(counts: pd.Series, policy: Disclosure) -> pd.Series:
    base = policy.rounding_base
    return counts if base == 1 else (counts / base).round() * base


def _refusal(edition: Edition, refused: Sequence[Chapter]) -> str:
    schools = min(one.found.named for one in refused)
    return (
        f"reports/{edition.report.slug}.yml: the public edition cannot be made before results are "
        f"published: with {schools} schools even the estimate alone, beside what was released "
        "before, would tell too much of one. Write `edition: exempt`, or wait for the published "
        "results."
    )


def find_unknown(
    chapters: Sequence[Chapter], family: str, panel: Panel | None = None, told: Sequence[Form] = ()
) -> Unknown:
    """Set out the unpublished results that estimates of an outcome, and of its groups, rest on.

    Where a group's results stand beside those of all pupils, here or in what was `told` before, a
    school has two unknowns, the group and its other pupils, and what it has for all pupils is
    protected too.
    """
    gaps = [one.found.gaps.reset_index() for one in chapters]
    own = pd.concat(gaps)[["school", "outcome", "own", "comparison", "correction", "weight"]]
    own = own.dropna(subset=["own", "weight"]).drop_duplicates(["school", "outcome"])
    protected = list_protected(chapters, family, told)
    tables = {
        str(outcome): part.set_index("school").sort_index()
        for outcome, part in own.groupby("outcome")
        if str(outcome) in protected and not str(outcome).endswith(GAP)
    }
    whole = tables.pop(family, None)
    group = next(iter(tables.values()), None)
    one = whole if whole is not None else group
    if one is None:
        return Unknown(pd.DataFrame(columns=["school"]), np.zeros((0, 0)), pd.DataFrame())
    parted = {school for form in told for school, part in form.parts.index if part == GROUP}
    if parted and whole is None:
        whole = one.assign(weight=one["weight"] * 2)
    if parted and group is None:  # half of the pupils, where the files no longer say how many
        group = one[one.index.isin(parted)].assign(weight=one["weight"] / 2)
    if whole is None or group is None:
        return _plain(one, percent=find_measure(family).percent)
    return _two_parts(whole, group, _count_pupils(panel, next(iter(tables), family), family))


def _plain(own: pd.DataFrame, *, percent: bool) -> Unknown:
    """Set out one unknown for each school: its result."""
    spread = np.sqrt(1 / own["weight"])
    expected = (own["comparison"] + own["correction"]).fillna(own["own"])
    low, high = expected - SPREADS * spread, expected + SPREADS * spread
    if percent:
        low, high = pd.Series(0.0, own.index), pd.Series(100.0, own.index)
    ends = pd.DataFrame({"low": low, "high": high, "value": own["own"]})
    table = pd.DataFrame(
        {"school": own.index, "value": own["own"].to_numpy(), "low": ends.min(axis=1).to_numpy(),
         "high": ends.max(axis=1).to_numpy()}
    )  # fmt: skip
    table.index = pd.MultiIndex.from_product([own.index, [WHOLE]], names=["school", "part"])
    wanted = pd.DataFrame(np.eye(len(table)), index=table.index, columns=table.index)
    return Unknown(table, np.diag(spread.to_numpy()), wanted)


def _count_pupils(panel: Panel | None, outcome: str, family: str) -> pd.DataFrame:
    """Count each school's pupils in a group, and all, in the last year that has both."""
    names = [MEASURES[one].cohort for one in (outcome, family)]
    if panel is None or not set(names) <= set(panel.values.columns):
        return pd.DataFrame(columns=["group", "all"])
    counted = panel.values[names].dropna().groupby(level="school").last()
    return counted.set_axis(["group", "all"], axis=1)


def _two_parts(whole: pd.DataFrame, group: pd.DataFrame, pupils: pd.DataFrame) -> Unknown:
    """Part each school's result into its group's and its other pupils', where both are known.

    What is uncertain beforehand is the result of all pupils, and how far the group is from the
    others, each by itself: the latter as the group's own forecast has it, and never less than
    whether so few pupils reach a standard or not makes. A school whose group has no result has one
    unknown.
    """
    rows: list[tuple[int, str, float]] = []
    blocks, wanted = [], []
    for school, own in whole.iterrows():
        counted = pupils.reindex([school]).iloc[0]
        group_of, every = float(counted["group"]), float(counted["all"])
        q = group_of / every if every > 0 else np.nan
        own_variance = 1 / float(own["weight"])
        if school not in group.index:
            rows.append((int(school), OTHER, float(own["own"])))
            blocks.append(np.array([[own_variance]]))
            wanted.append((int(school), OTHER, {OTHER: 1.0}))
            continue
        q = min(max(q, 0.02), 0.98) if np.isfinite(q) else 0.5
        n, mine = every if every > 0 else 30.0, group.loc[school]
        more = 1 / float(mine["weight"]) - own_variance
        apart = max(more / (1 - q) ** 2, BETWEEN_PUPILS / (q * (1 - q) * n))
        sides = np.array([1 - q, -q])
        blocks.append(own_variance + apart * np.outer(sides, sides))
        other = (float(own["own"]) - q * float(mine["own"])) / (1 - q)
        rows += [(int(school), GROUP, float(mine["own"])), (int(school), OTHER, other)]
        wanted += [(int(school), GROUP, {GROUP: 1.0}), (int(school), OTHER, {OTHER: 1.0}),
                   (int(school), WHOLE, {GROUP: q, OTHER: 1 - q})]  # fmt: skip
    return _join_parts(rows, blocks, wanted)


def _join_parts(
    rows: list[tuple[int, str, float]],
    blocks: list[NDArray[np.float64]],
    wanted: list[tuple[int, str, dict[str, float]]],
) -> Unknown:
    from scipy.linalg import block_diag

    at = pd.MultiIndex.from_tuples([row[:2] for row in rows], names=["school", "part"])
    value = np.clip([row[2] for row in rows], 0.0, 100.0)
    table = pd.DataFrame(
        {"school": at.get_level_values("school"), "value": value, "low": 0.0, "high": 100.0},
        index=at,
    )
    names = pd.MultiIndex.from_tuples([one[:2] for one in wanted], names=["school", "part"])
    weights = pd.DataFrame(0.0, index=names, columns=at)
    for school, figure, parts in wanted:
        for part, weight in parts.items():
            weights.loc[(school, figure), (school, part)] = weight
    return Unknown(table, block_diag(*map(np.linalg.cholesky, blocks)), weights)


def headline_form(chapter: Chapter, outcome: str, unknown: Unknown) -> Form:
    """Return an outcome's estimate as a form: the schools' weights in it."""
    own = chapter.found.gaps_of(outcome)
    weights = own["weight"].where(own["gap"].notna(), 0.0).astype(float)
    name = f"{chapter.programme.slug}: {outcome}"
    return Form(name, _in_parts(weights / weights.sum(), outcome, unknown), _half(outcome))


def check_forms(chapter: Chapter, unknown: Unknown) -> Iterator[list[Form]]:
    """List the checks that may be shown if the audit lets them, in the order they are tried.

    Only those of which it is known how each school enters; those with the headline's own parts add
    nothing and come first.
    """
    primary, shares = chapter.programme.primary, chapter.found.shares
    if shares.empty:
        return
    names = [str(name) for name in dict.fromkeys(shares["check"]) if NEVER not in str(name)]
    first = chapter.found.checks["check"].iloc[0] if len(chapter.found.checks) else ""
    preferred = [name for group in PREFERRED for name in group]
    groups: list[tuple[str, ...]] = [(str(first),), *PREFERRED]
    groups += [(name,) for name in names if name not in (first, *preferred)]
    parts = {name: part.set_index("school")["share"] for name, part in shares.groupby("check")}
    same = [g for g in groups if g[0] in parts and _same(parts[g[0]], parts.get(str(first)))]
    for group in [*same, *(g for g in groups if g not in same)]:
        if set(group) <= set(names):
            yield [
                Form(f"{chapter.programme.slug}: {name}", _in_parts(parts[name], primary, unknown),
                     _half(primary))
                for name in group
            ]  # fmt: skip


def _same(parts: pd.Series, first: pd.Series | None) -> bool:
    if first is None:
        return False
    both = pd.concat([parts, first], axis=1).fillna(0.0)
    return bool(np.allclose(both.iloc[:, 0], both.iloc[:, 1], atol=1e-9))


def _half(outcome: str) -> float:
    """Return half the step that an outcome's estimate is known to, with both ends beside it."""
    return float(0.5 * 10.0 ** -find_measure(outcome).decimals * ROUNDED_THRICE)


def _in_parts(shares: pd.Series, outcome: str, unknown: Unknown) -> pd.Series:
    """Return what part each unknown has in a mean of schools' results in an outcome."""
    parts: dict[str, float] = {WHOLE: 1.0}
    if set(unknown.table.index.get_level_values("part")) != {WHOLE}:
        parts = {GROUP: 1.0, OTHER: -1.0 if outcome.endswith(GAP) else 0.0}
        if outcome == whole_of(outcome):
            return _of_whole(shares, unknown)
    weights = {(school, part): share * sign for school, share in shares.items()
               for part, sign in parts.items()}  # fmt: skip
    return pd.Series(weights, dtype=float).reindex(unknown.table.index).fillna(0.0)


def _of_whole(shares: pd.Series, unknown: Unknown) -> pd.Series:
    """Return the parts of a mean of all pupils' results, each school's by its own groups."""
    names = unknown.wanted.index.to_frame()
    whole = names["part"].eq(WHOLE) | ~names["school"].duplicated(keep=False)
    own = unknown.wanted[whole.to_numpy()].droplevel("part")
    return own.mul(shares.reindex(own.index).fillna(0.0), axis=0).sum()


def _list_forms(family: str, forms: Iterable[Form]) -> list[tuple[object, ...]]:
    return [
        (family, form.name, school, part, share, form.half)
        for form in forms
        for (school, part), share in form.parts.items()
        if share
    ]


def read_forms(told: pd.DataFrame, family: str) -> list[Form]:
    """Read what earlier releases told of a family of outcomes."""
    own = told[told["outcome"] == family].astype({"share": float}) if len(told) else told
    key = [name for name in ("release", "name") if name in own]
    return [
        Form(
            str(names[-1]), part.set_index(["school", "part"])["share"], float(part["half"].iloc[0])
        )
        for names, part in (own.groupby(key) if len(own) else ())
    ]


def as_now(form: Form, unknown: Unknown) -> Form:
    """Return what was told of schools' results as one as parts of what is unknown of them now."""
    own = {
        (school, part): unknown.wanted.loc[(school, part)] * share
        for (school, part), share in form.parts.items()
        if part == WHOLE and (school, part) in unknown.wanted.index
    }
    rest = form.parts.drop(list(own))
    parts = pd.concat([rest, *own.values()]) if own else rest
    return dataclasses.replace(
        form, parts=parts[parts != 0].groupby(level=["school", "part"]).sum()
    )


def with_told(unknown: Unknown, told: Iterable[Form]) -> Unknown:
    """Add the results that an earlier release rests on and this one does not: of schools that left.

    A school that was counted then and is not now is what tells the two apart. It is as uncertain
    beforehand as the others usually are.
    """
    known = unknown.table.index
    gone = dict.fromkeys(key for form in told for key in form.parts.index if key not in known)
    from scipy.linalg import block_diag

    if not gone:
        return unknown
    at = pd.MultiIndex.from_tuples(list(gone), names=known.names)
    usual = {name: unknown.table[name].median() for name in ("value", "low", "high")}
    rows = pd.DataFrame({"school": at.get_level_values("school"), **usual}, index=at)
    figures = np.sqrt(((unknown.wanted.to_numpy(float) @ unknown.prior) ** 2).sum(axis=1))
    parts = unknown.wanted.index.get_level_values("part")
    single = ~at.get_level_values("school").duplicated(keep=False)  # one result, so of all pupils
    own_part = np.where(single, WHOLE, at.get_level_values("part"))
    usually = pd.Series(figures).groupby(parts).median()
    spread = usually.reindex(own_part).fillna(np.median(figures)).to_numpy()
    own = pd.DataFrame(np.eye(len(at)), index=at, columns=at)
    return Unknown(
        pd.concat([unknown.table, rows]),
        block_diag(unknown.prior, np.diag(spread)),
        pd.concat([unknown.wanted, own]).fillna(0.0),
    )


def choose_described(edition: Edition) -> tuple[dict[str, list[str]], pd.DataFrame]:
    """Choose which results of pupils that no school publishes are held back, by programme.

    Each is one sum over a programme's schools, every pupil alike, of results that stay secret. What
    is uncertain of a school's beforehand is a tenth of the variance between pupils, and its share
    of that by their number. Beside it, the forms of those that are shown.
    """
    policy, panel = edition.report.disclosure, edition.panel
    gone: dict[str, list[str]] = {one.programme.slug: [] for one in edition.chapters}
    least = _least(policy, 0.0)
    shown: dict[tuple[str, int], list[Form]] = {}
    told: list[tuple[object, ...]] = []
    for chapter in edition.chapters:
        for measure, year in _list_described(chapter):
            cohort = MEASURES[measure].cohort
            counted = pd.Series(dtype=float)
            if panel is not None and cohort in panel.values:
                counted = panel.wide(cohort).get(year, counted).dropna()
            counted = counted[counted > 0]
            own = counted.reindex(chapter.found.also_in.index).dropna()
            few = own.sum() < policy.safe_threshold_pupils or len(own) <= policy.safe_dof_threshold
            form = Form(f"{chapter.programme.slug}: {measure}", own / own.sum(), 0.0)
            beside = [*shown.get((measure, year), _told_of(edition, measure)), form]
            if few or not may_show(beside, _of_pupils(counted, beside), least):
                gone[chapter.programme.slug].append(measure)
            else:
                shown[measure, year] = beside
                told += _list_forms(measure, [_in_one_part(form)])
    return gone, pd.DataFrame(told, columns=FORM_COLUMNS)


def _told_of(edition: Edition, measure: str) -> list[Form]:
    """Read what earlier releases told of a measure that no school publishes."""
    return [
        dataclasses.replace(form, parts=form.parts.droplevel("part"))
        for form in read_forms(edition.told.forms, measure)
    ]


def _in_one_part(form: Form) -> Form:
    at = pd.MultiIndex.from_product([form.parts.index, [WHOLE]], names=["school", "part"])
    return dataclasses.replace(form, parts=form.parts.set_axis(at))


def _list_described(chapter: Chapter) -> list[tuple[str, int]]:
    held = chapter.found.described
    own = held[held["whose"] == OWN] if len(held) else held
    return [(str(row["measure"]), int(row["year"])) for row in own.to_dict("records")]


def _of_pupils(pupils: pd.Series, forms: Iterable[Form]) -> Unknown:
    schools = sorted({school for form in forms for school in form.parts.index})
    at = pd.Index(schools, name="school")
    spread = np.sqrt(0.1 + 1 / pupils.reindex(at).to_numpy(float))
    table = pd.DataFrame({"school": schools, "value": 0.0, "low": 0.0, "high": 1.0}, index=at)
    return Unknown(table, np.diag(spread), pd.DataFrame(np.eye(len(at)), index=at, columns=at))


def _blank_described(held: pd.DataFrame, gone: Iterable[str]) -> pd.DataFrame:
    if held.empty:
        return held
    blank = held["measure"].isin(list(gone)) & (held["whose"] == OWN)
    return held.assign(
        value=held["value"].mask(blank),
        n_pupils=held["n_pupils"].mask(blank),
        reason=held["reason"].astype("object").mask(blank, NOT_BY_SCHOOL),
    )


# What a programme loses ---------------------------------------------------------------------------


def hold_back(
    chapter: Chapter, kept: set[str]
) -> tuple[ProgrammeResults, list[tuple[str, str, str, str]]]:
    """Take out of a programme's results all that could tell of a school, and log it."""
    found, slug = chapter.found, chapter.programme.slug
    first = chapter.programme.primary in kept
    checks, gone = _hold_checks(found.checks, kept if first else set())
    lost = [name for name, one in chapter.results.items() if one.known and name not in kept]
    log = [(f"{slug}.checks", name, "estimate", REASON) for name in gone]
    log += [(f"{slug}.effects", name, "estimate", REASON) for name in lost]
    whole = {"schools": found.gaps, "cases": found.cases, "gap-to-national": found.gap_to_national}
    log += [(f"{slug}.{name}", "all", "all", REASON) for name, one in whole.items() if len(one)]
    counts = {name: one for name, one in found.list_counts().items() if name not in lost}
    mode = chapter.primary.mode
    more = pd.DataFrame({"outcome": lost, "n_schools": 0, "reason": HELD, "mode": mode})
    shown = dataclasses.replace(
        found,
        **{name: _without(getattr(found, name), lost) for name in ("effects", "sizes", "weighed")},
        refused=pd.concat([found.refused, more], ignore_index=True) if lost else found.refused,
        gaps=found.gaps.iloc[:0],
        lines=found.lines.iloc[:0],
        shares=found.shares.iloc[:0],
        cases=found.cases.assign(gap=np.nan) if len(found.cases) else found.cases,
        checks=checks,
        gap_to_national=_hold_last(found.gap_to_national),
        counted=(found.named, _coarsened(counts)),
        one_school=say_one_school(found.checks) if first else "",
        pictures=_hold_pictures(found.pictures, first=first),
        value=found.value if first else _without_months(found.value),
    )
    return shown, log


def _without_months(value: pd.DataFrame) -> pd.DataFrame:
    return value if value.empty else value[value["entry"] != "months"]


def _without(table: pd.DataFrame, outcomes: Iterable[str]) -> pd.DataFrame:
    return table[~table["outcome"].isin(list(outcomes))] if len(table) else table


def _hold_checks(checks: pd.DataFrame, kept: set[str]) -> tuple[pd.DataFrame, list[str]]:
    """Blank the checks that may not be shown; years before the start are published."""
    if checks.empty:
        return checks, []
    gone = checks["estimate"].notna() & ~checks["check"].isin(kept) & (checks["kind"] != "before")
    gone &= (checks["kind"] != "headline") | (not kept)
    blank = {name: checks[name].mask(gone) for name in ("estimate", "low", "high", "p")}
    counts = {name: checks[name].mask(gone, 0) for name in ("n_schools", "n_comparison")}
    note = checks["note"].astype("object").mask(gone, f"cannot be made: {HELD}")
    detail = checks["detail"].astype("object").mask(checks["kind"] != "before", "")
    shown = checks.assign(**blank, **counts, note=note, detail=detail)
    return shown, checks.loc[gone, "check"].tolist()


def _hold_last(table: pd.DataFrame) -> pd.DataFrame:
    """Blank a programme's own figures that are another sum of results which are not published."""
    if table.empty:
        return table
    early = table["release"].isin(NOT_YET_PUBLIC)
    blank = {name: table[name].mask(early) for name in ("own", "gap", "n_pupils")}
    return table.assign(**blank, reason=table["reason"].astype("object").mask(early, HELD))


def _coarsened(counts: Mapping[str, Counts]) -> dict[str, Counts]:
    """Tell in words how schools fared where one side of the count is small."""
    told = {}
    for outcome, one in counts.items():
        above, below = one.above or 0, one.below or 0
        few = min(above, below) < FEWEST_EITHER_SIDE
        share = above / max(above + below, 1)
        words = "most" if share >= 2 / 3 else "few" if share <= 1 / 3 else "about half"
        coarse = dataclasses.replace(one, above=None, below=None, fared=words)
        told[outcome] = coarse if few else one
    return told


def _hold_pictures(pictures: Mapping[str, SavedPicture], *, first: bool) -> dict[str, SavedPicture]:
    """Drop pictures of single schools, of what is held, and of the checks, drawn again."""
    gone = {"schools", "schools-named", "cases", "cases-named", "checks"}
    gone |= set() if first else {"two-lines", "hundred-dots"}
    return {name: one for name, one in pictures.items() if name not in gone}
