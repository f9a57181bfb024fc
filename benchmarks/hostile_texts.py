"""A hundred hostile texts through every format, and 300 attacks on settings: what runs, counted.

    python benchmarks/hostile_texts.py [--attacks 300]

Each text stands as title, author, mark, heading, paragraph, meeting line, list, table, picture's
words and quote of a paper, as school and trust of the sheets and the city's table, and in a run's
CSV. Counted are the cells that a spreadsheet runs, the live links, the scripts and, in a real
browser where Chromium is found, the scripts that ran and the requests made; each must be 0. The
browser is shown the same texts unescaped too, so that a 0 means something. An attack puts one value
in the place of one text of the settings: one message with exit code 2, or a harmless paper.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import dataclasses
import datetime
import http.server
import io
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pepstats import cli
from pepstats.document import write_formats
from pepstats.document.blocks import (
    Box,
    Document,
    Heading,
    Listing,
    PaperPicture,
    Paragraph,
    PictureBlock,
    Quote,
    QuoteBlock,
    Span,
    TableBlock,
    make_table,
)
from pepstats.errors import PepstatsError
from pepstats.formatting import plain_text
from pepstats.plots.style import new_axes, to_svg
from pepstats.priority import load_dashboard
from pepstats.priority.partnership import Register
from pepstats.report import sheets
from pepstats.runs.files import as_csv
from pepstats.settings import load_programmes, load_quality, load_report
from pepstats.settings.yaml import check_settings, read_yaml

ROOT = Path(__file__).resolve().parents[1]
HOST = "pepstats-attack.example"
AWAY = f"http://{HOST}/x"
TELL = "(window.parent||window).postMessage('ran','*')"
FORMULAS = [
    "=1+1", "+1+1", "-1+1", "@SUM(1+1)", "=cmd|'/c calc'!A1", "=HYPERLINK(\"{away}\",\"x\")",
    "-2+3+cmd|' /C calc'!A0", "=IMPORTXML(\"{away}\",\"//a\")", "=WEBSERVICE(\"{away}\")",
    "=DDE(\"cmd\";\"/c calc\";\"x\")", "\t=1+1", "\r=1+1", "\n=1+1", " =1+1", "   @SUM(1)",
    "\u00a0=1+1", "\u3000+1+1", "\u200b=1+1", "\ufeff=1+1", "\uff1d1+1", "\uff0b1+1", "\uff0d1-1",
    "\uff20SUM(1)", "'=1+1", "''=1+1", "\"=1+1", "\"\",=1+1", "=1+1;=2+2", "=\u202e1+1", "%0A=1+1",
    "=INDIRECT(\"A1\")", "={{1+1}}", "+", "-", "=", "@", "-\u200b1", "+44 1632 960001",
]  # fmt: skip
MARKUP = [
    "<script>{tell}</script>", "</style><script>{tell}</script>", "</title><script>{tell}</script>",
    "<img src={away}>", "<img src=x onerror=\"{tell}\">", "<svg onload=\"{tell}\">",
    "<a href=\"{away}\">x</a>", "<a href=\"javascript:{tell}\">x</a>", "<iframe src=\"{away}\">",
    "<iframe srcdoc=\"<script>{tell}</script>\">", "<link rel=stylesheet href={away}>",
    "<style>@import '{away}';</style>", "<style>body{{background:url({away})}}</style>",
    "<meta http-equiv=refresh content=\"0;url={away}\">", "<base href=\"{away}\">",
    "\"><img src={away}>", "' onmouseover='{tell}' x='", "\" onfocus=\"{tell}\" autofocus x=\"",
    "<form action={away}><button>x</button></form>", "<object data={away}></object>",
    "<embed src={away}>", "<video src={away} autoplay></video>", "<body onload=\"{tell}\">",
    "<math><a href=\"javascript:{tell}\">x</a></math>", "<details open ontoggle=\"{tell}\">x",
    "<!--><img src={away}>-->", "]]><script>{tell}</script>", "&lt;script&gt;{tell}&lt;/script&gt;",
    "<template><script>{tell}</script></template>", "<b style=\"background:url({away})\">x</b>",
]  # fmt: skip
MARKDOWN = [
    "[x]({away})", "[x](javascript:{tell})", "![x]({away})", "<{away}>", "{away}",
    "[x][1]\n\n[1]: {away}",
    "# A heading", "- a list", "| a | b |\n|---|---|", "`code`", "**bold** *italic*", "www.{host}",
    "mailto:x@{host}", "file:///etc/passwd", "\\\\{host}\\share", "internal:'Cover'!A1",
]  # fmt: skip
TRICKS = [
    "St\u202eeilla\u202c", "\u2066Board\u2069", "a\u200bb\u200cc\u200dd", "\x00\x07\x1b[31mred",
    "\ufffe\uffff", "{{ 7*7 }}{% x %}", "{{headline}}", "$$note$$", "_x003D_1+1",
    "{{table closing-the-gap.effects}}", "{{ HYPERLINK \"{away}\" }}", "%s%n%(x)s",
    "\u13a0\U0001f600\u0645\u062f\u0631\u0633\u0629", "../../etc/passwd", "x" * 300,
    "O'Neil & Sons \"Ltd\"",
]  # fmt: skip


def _fill(text: str) -> str:
    for hole, what in {
        "{away}": AWAY,
        "{tell}": TELL,
        "{host}": HOST,
        "{{": "{",
        "}}": "}",
    }.items():
        text = text.replace(hole, what)
    return text


TEXTS = tuple(_fill(text) for text in (*FORMULAS, *MARKUP, *MARKDOWN, *TRICKS))
"""A hundred names and texts as someone writes them who means harm, or only writes oddly."""


# What runs, by format ----------------------------------------------------------------------------

_STARTS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_NUMBER = re.compile(r"[+-]?\d[\d,]*(\.\d+)?(e[+-]?\d+)?%?", re.IGNORECASE)
_FIELD = re.compile(r"<w:instrText[^>]*>(?!\s*(?:NUM)?PAGES?\b)|<w:fldSimple")
_CELL = re.compile(r"<f[ >]|<ddeLink|<oleLink")
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)


def is_run(cell: str) -> bool:
    """Whether a spreadsheet might run a cell, whatever it skips before the first letter."""
    inside = re.sub(r"^[\s\"`\u200b\ufeff]+", "", cell)
    if _NUMBER.fullmatch(inside.strip()):
        return False
    return cell.startswith(_STARTS) or inside.startswith(_STARTS)


def count_in_csv(content: bytes) -> Counter[str]:
    """Count the cells of a CSV that a spreadsheet runs."""
    rows = csv.reader(io.StringIO(content.decode("utf-8"), newline=""))
    return Counter(cells_run=sum(is_run(cell) for row in rows for cell in row))


def count_in_office(packed: bytes) -> Counter[str]:
    """Count what a workbook or a Word file runs, and what it links to outside itself."""
    found: Counter[str] = Counter()
    with zipfile.ZipFile(io.BytesIO(packed)) as files:
        for name in (n for n in files.namelist() if n.endswith((".xml", ".rels"))):
            text = files.read(name).decode("utf-8")
            found["cells_run"] += len(_CELL.findall(text)) + len(_FIELD.findall(text))
            beside = text.count('Target="report-appendices.docx" TargetMode="External"')
            found["links"] += text.count('TargetMode="External"') - beside
            found["links"] += name.startswith("xl/externalLinks")
            found["hidden"] += len(_HIDDEN.findall(text))
    return found


LEADS = {"base", "embed", "form", "iframe", "link", "object"}
TO = {"href", "src", "action", "data", "background", "poster", "srcdoc"}


class Page(HTMLParser):
    """Counts what a page would fetch, lead to or run, but for the `scripts` it is made with."""

    def __init__(self, html: str, scripts: int = 0) -> None:
        """Read a page."""
        super().__init__()
        self.found: Counter[str] = Counter(scripts=-scripts, styles=-1, metas=-3)
        self.found["hidden"] = len(_HIDDEN.findall(html))
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Count one tag."""
        self.found["scripts"] += (tag == "script") + sum(name.startswith("on") for name, _ in attrs)
        self.found["styles"] += tag == "style"
        self.found["metas"] += tag == "meta"
        leads = [to or "" for name, to in attrs if name in TO]
        inside = re.compile(
            r"#.*|data:image/svg\+xml;base64,.*|sheet-\d+\.html"
            r"|report(-appendices)?\.html(#table-\d+)?"  # from the paper to its appendices and back
        )
        self.found["links"] += (tag in LEADS) + sum(not inside.fullmatch(to) for to in leads)


def count_in_files(files: dict[str, str | bytes]) -> Counter[str]:
    """Count what runs in a paper's files, as `write_formats` gives them."""
    pages = [Page(one).found for one in files.values() if isinstance(one, str)]
    packed = [count_in_office(one) for one in files.values() if isinstance(one, bytes)]
    return sum([*pages, *packed], Counter())


# The same text in every place --------------------------------------------------------------------

_SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c63680000"
    "00820081772d0b240000000049454e44ae426082"
)


def make_paper(*texts: str) -> Document:
    """Make a paper that has texts in every place that a text can have."""
    blocks: list[Any] = []
    for number, text in enumerate(texts, start=1):
        words = (Span(text), Span(text, bold=True, entry="headline"))
        table = make_table(text, [text, "n"], [(text, text), ("a", text)], note=text, empty=text)
        picture = PaperPicture(_SVG, _PNG, text, text, "odd")
        blocks += [
            Heading(2, words, "", f"part-{number}"), Paragraph(words, f"1.{number}"),
            Listing("bullets", ((Paragraph(words),),)), Box((Paragraph(words),), True),
            TableBlock("odd", number, table), PictureBlock("odd", number, picture, number),
            QuoteBlock("said", (Quote(text, text),)),
        ]  # fmt: skip
    day = datetime.date(2018, 10, 2)
    facts = ((texts[0], (Span(texts[0]),)),)
    return Document(texts[0][:200], facts, tuple(blocks), (texts[0][:100],), day, texts[0][:200])


def make_tables(texts: tuple[str, ...]) -> bytes:
    """Write texts as a run writes a table: as names, as cells and as the key."""
    table = pd.DataFrame(dict.fromkeys(dict.fromkeys(texts), texts), pd.Index(texts, name="key"))
    return as_csv(table.assign(n=-0.5))


def write_sheets(texts: tuple[str, ...]) -> dict[str, str]:
    """Write the schools' sheets and the city's table with texts as schools, trusts and criteria."""
    from tests.report.test_sheets import REPORT, rated

    found, pages = rated(), {}
    size = len(found.ratings)
    for start in range(0, len(texts), size):
        names = [texts[(start + n) % len(texts)] for n in range(size)]
        lines = found.contributions
        said = [names[n % size] for n in range(len(lines))]
        odd = dataclasses.replace(
            found, ratings=found.ratings.assign(name=names, trust=names, no_rating=names),
            contributions=lines.assign(label=said, heading=said, release=said),
        )  # fmt: skip
        pages |= {f"{start}-{n}": html for n, html in sheets.write_sheets(odd, REPORT).items()}
        pages[f"{start}-city.html"] = sheets.write_city_table(odd, REPORT)
    return pages


# A real browser ----------------------------------------------------------------------------------


class _Proxy(http.server.BaseHTTPRequestHandler):
    """Answers every request with nothing, and remembers those for the attacker's host."""

    asked: list[str] = []

    def _answer(self) -> None:
        if HOST in self.requestline:
            self.asked.append(self.requestline)
        self.send_response(204)
        self.end_headers()

    do_GET = do_POST = do_CONNECT = do_HEAD = _answer

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def browse(folder: Path, pages: dict[str, str], browser: str) -> tuple[int, int]:
    """Show pages in a real browser, all at once: how many scripts ran and requests it made."""
    shown = folder / "shown"
    shutil.rmtree(shown, ignore_errors=True)
    shown.mkdir(parents=True)
    for name, text in pages.items():
        (shown / name).write_text(text, "utf-8", errors="replace")
    frames = "".join(f'<iframe src="{name}"></iframe>' for name in pages)
    count = "let n=0;addEventListener('message',()=>{document.body.dataset.ran=++n})"
    index = f"<!DOCTYPE html><body data-ran=0><script>{count}</script>{frames}"
    (shown / "index.html").write_text(index, "utf-8")
    _Proxy.asked.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    said = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
         "--disable-background-networking", "--disable-dev-shm-usage", "--timeout=20000",
         f"--user-data-dir={folder / 'profile'}", "--proxy-bypass-list=<-loopback>",
         f"--proxy-server=127.0.0.1:{server.server_port}", (shown / "index.html").as_uri()],
        capture_output=True, text=True, timeout=180, check=True,
    )  # fmt: skip
    server.shutdown()
    ran = re.search(r'data-ran="(\d+)"', said.stdout)
    if ran is None:
        raise RuntimeError(f"the browser showed nothing: {said.stderr[-400:]}")
    return int(ran[1]), len(_Proxy.asked)


def unescaped(policy: str) -> dict[str, str]:
    """Lay the texts out as a careless page would, with a content policy or without one."""
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">' if policy else ""
    return {f"{n}.html": f"<!DOCTYPE html>{meta}<p>{text}</p>" for n, text in enumerate(TEXTS)}


# Attacks on settings -----------------------------------------------------------------------------

FILES = ("reports/autumn-2018.yml", "programmes/closing-the-gap.yml", "quality.yml",
         "dashboard.yml", "partnership/register.yml")  # fmt: skip
RAW = (
    "!!python/object/apply:os.system [id]", "&a [*a]", "*a", "'\\0'", '"\\0\\e[31m"', '"\\ud800"',
    '"\\U000E0041\\u202Ex"', "[1, [2]]", "{a: {b: c}}", "null", "''", "'   '", "1e999", ".nan",
    "yes", "2018-13-45", "2018-10-02", "0x7fffffffffffffffffffff",
    "|\n            two\n            lines", f"'{'y' * 5000}'", "<<: {a: b}", "? a", "'%x'",
    '"\\r\\n=1+1"', "'../../etc/passwd'", "'/etc/passwd'", "'{{7*7}}'",
)  # fmt: skip
"""Values as they stand in YAML, beside the texts."""
PLACE = "ATTACKED-HERE"


def list_places(content: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """List where settings have a text, in the first line of each list."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from list_places(value, (*at, key))
    elif isinstance(content, list) and content:
        yield from list_places(content[0], (*at, 0))
    elif isinstance(content, str):
        yield at


def attack(data: Path, file: str, place: tuple[Any, ...], value: str) -> None:
    """Write a settings file with one of its texts replaced by a value of YAML."""
    content = yaml.safe_load((ROOT / "data" / file).read_text("utf-8"))
    inside = content
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = PLACE
    text = yaml.safe_dump(content, sort_keys=False, width=10_000)
    (data / file).write_text(text.replace(PLACE, value), "utf-8", errors="surrogatepass")


def read_settings(data: Path) -> dict[str, Any]:
    """Read all settings of a data folder, by the kind of file."""
    report = load_report("autumn-2018", data)
    register = data / FILES[-1]
    return {
        "report": report, "programmes": load_programmes(report, data),
        "quality": load_quality(report.slug, data), "dashboard": load_dashboard(data, report.year),
        "register": check_settings(Register, read_yaml(register), register),
    }  # fmt: skip


def texts_of(part: Any) -> Iterator[str]:
    """List every text of settings, however deep."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        for value in part.values():
            yield from texts_of(value)
    elif isinstance(part, list | tuple):
        for value in part:
            yield from texts_of(value)
    elif hasattr(part, "model_dump"):
        yield from texts_of(part.model_dump())


def write_board_paper(found: dict[str, Any]) -> dict[str, str | bytes]:
    """Write a paper on invented results with the texts of a report and its programmes."""
    from tests.paper_made_up import make_study, write_paper

    settings, programmes, results = make_study()
    report = found["report"]
    told = {"title": report.title, "meeting": report.meeting, "actions": report.actions}
    settings = settings.model_copy(update=told)
    programmes = [
        one.model_copy(update={"title": other.title, "summary": other.summary})
        for one, other in zip(programmes, found["programmes"], strict=True)
    ]
    return write_formats({"report": write_paper(settings, programmes, results)})


def try_attack(
    data: Path, file: str, place: tuple[Any, ...], value: str
) -> tuple[str, Counter[str]]:
    """Say what came of one attack: refused, harmless, or what it did; and what ran, counted."""
    attack(data, file, place, value)
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = cli.main(["new", "autumn-2019", "--like", "autumn-2018", "--data", str(data)])
    for drafted in data.glob("reports/autumn-2019.*"):
        drafted.unlink()
    try:
        ran = write_all(read_settings(data), file)
    except PepstatsError as error:
        message = said.getvalue() or f"pepstats: {plain_text(str(error))}\n"
        one = message.count("\n") == 1 and message[:-1].isprintable()
        return "refused" if one and code in (0, 2) else f"refused badly: {message[:200]!r}"
    except Exception as error:
        return f"broke: {type(error).__name__}: {error}"
    if code != 0:
        return f"exit code {code}: {said.getvalue()[:200]}"
    return f"ran: {dict(ran)}" if ran else "harmless"


def write_all(found: dict[str, Any], file: str) -> Counter[str]:
    """Write all that is new in settings in every format, and the paper of a report's own."""
    known = set(texts_of(read_settings(ROOT / "data")))
    texts = tuple(text for text in texts_of(found) if text not in known) or ("nothing",)
    ran = count_in_files(write_formats({"settings": make_paper(*texts)}))
    ran += count_in_csv(make_tables(texts))
    if file.startswith(("reports", "programmes")):
        ran += count_in_files(write_board_paper(found))
    return ran


def attack_settings(folder: Path, number: int) -> Counter[str]:
    """Attack settings so many times, each file, place and value in turn; count what came of it."""
    settings = {file: yaml.safe_load((ROOT / "data" / file).read_text("utf-8")) for file in FILES}
    places = [(file, place) for file, one in settings.items() for place in list_places(one)]
    values = [*RAW, *(json.dumps(text, ensure_ascii="\U0001f600" not in text) for text in TEXTS)]
    every = list(product(range(len(places)), range(len(values))))
    step = max(len(every) // number, 1) | 1
    came: Counter[str] = Counter()
    for n in range(number):
        place, value = every[(n * step + n) % len(every)]
        data = folder / f"data-{n}"
        for file in (*FILES, "programmes/send-in-mainstream.yml"):
            (data / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / "data" / file, data / file)
        what = try_attack(data, *places[place], values[value])
        if what not in ("refused", "harmless"):
            print(f"  {places[place]} = {values[value][:60]!r}: {what}")
        came[what.partition(":")[0]] += 1
        shutil.rmtree(data)
    return came


def main(number: int) -> int:
    """Print what runs of a hundred texts in each format, and what came of the attacks."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        papers = [write_formats({f"paper-{n}": make_paper(text)}) for n, text in enumerate(TEXTS)]
        pages = write_sheets(TEXTS)
        figures = {}
        for n, text in enumerate(TEXTS[::10]):
            figure, axes = new_axes()
            axes.set_title(text)
            figures[f"figure-{n}.svg"] = to_svg(figure).decode("utf-8")
        rows = {
            "CSV": count_in_csv(make_tables(TEXTS)),
            "paper as HTML, Word and workbook": sum(map(count_in_files, papers), Counter()),
            "sheets": sum((Page(html, "-city" in n).found for n, html in pages.items()), Counter()),
        }
        for what, found in rows.items():
            print(
                f"{len(TEXTS)} texts, {what}: {dict(found) or 'nothing runs, nothing leads away'}"
            )
        html = {n: str(c) for files in papers for n, c in files.items() if n.endswith(".html")}
        bad = sum(sum(found.values()) for found in rows.values())
        if browser := shutil.which("chromium") or shutil.which("google-chrome"):
            csp = re.search(r'Security-Policy" content="([^"]*)"', html["paper-0.html"])
            shown = {"ours": {**html, **pages, **figures}, "unescaped, no policy": unescaped(""),
                     "unescaped, our policy": unescaped(csp[1] if csp else "")}  # fmt: skip
            for what, each in shown.items():
                ran, asked = browse(folder, each, browser)
                print(f"browser, {len(each)} pages, {what}: scripts run {ran}, requests {asked}")
                bad += ran + asked if what == "ours" else 0
        else:
            print("browser: none is found here, so scripts run and requests made are not counted")
        came = attack_settings(folder, number)
    print(f"{number} attacks on settings: {dict(came)}")
    return bad + sum(n for what, n in came.items() if what not in ("refused", "harmless"))


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--attacks", type=int, default=300)
    sys.exit(min(main(asked.parse_args().attacks), 1))
