"""The sample paper in docs/sample: the public papers of a small invented England, as Markdown.

    python benchmarks/sample_paper.py

The tests' England of 900 schools is written into a folder that goes again, October's report is run
on it and then December's; the body of each public paper, with its pictures, is what is kept. It
takes two minutes. `tests/runs/test_sample_paper.py` finds a sample that the code no longer makes.
"""

from __future__ import annotations

import base64
import re
import sys
import tempfile
from pathlib import Path

from lxml import html as reader
from lxml.html import HtmlElement

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.whole_runs import LATER, REPORT, SCHOOLS, invoke, write_study

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "docs" / "sample"
PAPERS = {REPORT: ("october", "december"), LATER: ("december", "october")}
ABOUT = """> A sample: `pepstats run {report}` on an invented England of {schools} schools,
> none of which exists: nothing here says anything about anyone. This is the body of the public
> paper; its appendices, the exempt edition, the Word files and the workbook are made beside it.
> The other sample is that of [{other}]({other}.md).
"""


def sample_page(run: Path, report: str) -> dict[str, str]:
    """Return a run's public paper as a Markdown page and the pictures in it, by file name."""
    name, other = PAPERS[report]
    paper = (run / "07-board-report" / "report.html").read_text("utf-8")
    main = reader.document_fromstring(paper).get_element_by_id("main")
    files: dict[str, str] = {}
    about = ABOUT.format(report=report, schools=SCHOOLS, other=other)
    lines = [f"# {words(main.find('h1'))}", about.strip()]
    for part in main:
        lines += block(part, name, files)
    return {f"{name}.md": "\n\n".join(lines) + "\n", **files}


def block(part: HtmlElement, name: str, files: dict[str, str]) -> list[str]:
    """Return one block of the paper as Markdown, and put the picture in it among the files."""
    if part.tag in ("h2", "h3"):
        return [f"{'#' * int(part.tag[1])} {words(part)}"]
    if part.tag == "dl":
        return ["\n".join(f"- **{words(row[0])}** {words(row[1])}" for row in part)]
    if part.tag in ("ul", "ol"):
        marks = "abcdefghijklmnopqrstuvwxyz" if "letters" in part.get("class", "") else ""
        return ["\n".join(f"- {f'{marks[n]}. ' if marks else ''}{words(item)}"
                          for n, item in enumerate(part))]  # fmt: skip
    if part.tag == "p":
        return [words(part)]
    if part.find("table") is not None:
        return [words(part.find("table/caption")), grid(part.find("table"))]
    if "quote" in part.get("class", ""):
        return [f"> {words(part.find('blockquote'))} **{words(part.find('figcaption'))}**"]
    if part.tag == "figure":
        return [words(part.find("figcaption")), picture(part, name, files), words(part.find("p"))]
    return [f"> {words(inner)}" for inner in part if words(inner)]


def picture(part: HtmlElement, name: str, files: dict[str, str]) -> str:
    """Return a picture as Markdown with its words, and put it among the files."""
    shown = part.find("img")
    file = f"{name}-{part.get('id')}.svg"
    files[file] = base64.b64decode(shown.get("src").partition("base64,")[2]).decode("utf-8")
    return f"![{escape(shown.get('alt'))}]({file})"


def grid(table: HtmlElement) -> str:
    """Return a table as Markdown has it."""
    rows = [[words(cell) for cell in row] for row in table.iter("tr")]
    rows.insert(1, ["---"] * len(rows[0]))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def words(part: HtmlElement) -> str:
    """Return the words of a part, in bold where they are bold, and no links but to the web."""
    said = [escape(part.text or "")]
    for inner in part:
        own = words(inner)
        bold = inner.tag == "strong" or inner.get("class") == "number"
        said += [f"**{own.strip()}**" if bold and own.strip() else own, escape(inner.tail or "")]
    return " ".join("".join(said).replace("****", "").split())


def escape(text: str) -> str:
    """Write text so that Markdown shows it and does nothing with it."""
    return re.sub(r"([\\`*_<>\[\]|#])", r"\\\1", text)


def main() -> None:
    """Make the sample anew."""
    with tempfile.TemporaryDirectory() as place:
        data, out = write_study(Path(place) / "data"), Path(place) / "out"
        for report in PAPERS:
            done = invoke("run", report, "--data", str(data), "--out", str(out))
            if done.returncode:
                raise SystemExit(done.stderr)
        SAMPLE.mkdir(exist_ok=True)
        for report in PAPERS:
            for name, text in sample_page(out / "working" / report, report).items():
                (SAMPLE / name).write_text(text, "utf-8")
                print(f"docs/sample/{name}")


if __name__ == "__main__":
    main()
