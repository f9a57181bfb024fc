"""Texts to start from: the built-in text of a paper, and a new autumn's two files."""

from __future__ import annotations

from collections.abc import Sequence

from pepstats import document
from pepstats.autumn import Report
from pepstats.programme import Programme, group_phases
from pepstats.settings import check_slug
from pepstats.words import long_date


def officers_text(report: Report, programmes: Sequence[Programme], text: str | None = None) -> str:
    """Give the officers' own text where there is one, else the built-in text for a report."""
    if text is not None:
        return text
    lettered = [(_letter(number), programme) for number, programme in enumerate(programmes)]
    wholes = list(group_phases(programmes))
    return _fill("paper.md", report=report, programmes=lettered, wholes=wholes)


def _letter(number: int) -> str:
    """Letter an appendix: a to z, then aa, ab and so on."""
    before = _letter(number // 26 - 1) if number >= 26 else ""
    return before + chr(ord("a") + number % 26)


def draft_report(slug: str, last: Report, programmes: Sequence[Programme]) -> dict[str, str]:
    """Draft a new autumn's report from the last one: its two files by their place, commented.

    `reports/<slug>.yml` is next year's settings, with what must be changed marked; and
    `reports/<slug>.md` the built-in text for the same programmes, for the officers to edit.
    """
    check_slug(slug, "report")
    date = last.meeting.date.replace(year=last.meeting.date.year + 1, day=1)
    title = f"{last.title} (after {long_date(last.meeting.date)})"[:200]
    settings = _fill("report.yml", slug=slug, last=last, date=date.isoformat(), title=title)
    text = officers_text(last.model_copy(update={"slug": slug}), programmes)
    return {f"reports/{slug}.yml": settings, f"reports/{slug}.md": text}


def _fill(template: str, **words: object) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(document.TEMPLATES),
        autoescape=False,  # noqa: S701 - Markdown and YAML; what is shown is escaped later
        variable_start_string="[[",
        variable_end_string="]]",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
    return environment.get_template(template).render(**words)
