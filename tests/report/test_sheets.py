import re
from functools import cache
from html import unescape
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pandas as pd

from pepstats.priority import RatingInputs, ratings, support
from pepstats.report import sheets
from pepstats.settings.report import Report
from tests.made_up_panels import england_of
from tests.priority.test_priority import DASHBOARD, GOOD, WEAK, flat, rate

REPORT = Report.model_validate(
    {"slug": "r", "title": "T", "authority": 501, "year": 2018, "edition": "exempt",
     "meeting": {"body": "Board", "date": "2018-10-02", "report_from": "A", "report_by": "B"},
     "sources": [{"kind": "links", "file": "x.csv"}], "programmes": ["p"]}
)  # fmt: skip
ODD = 'St Fable\'s "Old" <b>School</b> & Café'


@cache
def rated():
    panel, register = england_of(160)
    table = register.copy()
    table["governance"] = np.where(np.arange(160) % 3 == 0, "academy", "maintained")
    table["trust"] = np.where(np.arange(160) % 3 == 0, "Fable Trust", "")
    table.loc[700_000, "name"] = ODD
    own = table.index[table["la"] == 501]
    inputs = RatingInputs(panel, table)
    rng = np.random.default_rng(2)
    return ratings.rate_schools(inputs, DASHBOARD, 2018, rng=rng, draws=60, schools=own)


class Reader(HTMLParser):
    """Checks that tags close and gathers what a reader, and a screen reader, would find."""

    VOID = frozenset({"meta", "link", "br", "img", "input", "line", "rect", "circle"})

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.text = [], [], []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data)

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


@cache
def pages():
    return sheets.write_sheets(rated(), REPORT)


def test_every_school_has_a_sheet_marked_exempt_on_screen_and_on_every_printed_page():
    assert len(pages()) == len(rated().ratings)
    for html in pages().values():
        assert sheets.EXEMPT in Reader(html).words
        assert re.search(r"@top-left \{ content: \"EXEMPT", html)


def test_a_sheet_says_the_rating_how_sure_it_is_and_why():
    school = rated().ratings["score"].idxmax()
    row = rated().ratings.loc[school]
    said = Reader(pages()[sheets.sheet_name(school)]).words
    assert f"Priority {row['rating']} of 3" in said
    assert sheets.sure_sentence(row) in said
    assert DASHBOARD.line in said
    for part in row["reasons"].split(". "):
        assert part in said


def test_no_colour_is_shown_without_its_word_and_its_shape():
    for html in pages().values():
        for rag in re.findall(r'<td class="rag (\w+)">(.*?)</td>', html):
            assert rag[0] in rag[1].replace(f'"{rag[0]}"', "")
            assert {"red": "▲", "amber": "◆", "green": "●"}[rag[0]] in rag[1]


def test_a_name_is_text_whatever_it_holds():
    html = pages()[sheets.sheet_name(700_000)]
    assert "<b>School" not in html
    assert ODD in unescape(html)
    assert "<b>School" not in sheets.write_city_table(rated(), REPORT)


def test_a_page_asks_nothing_of_the_network_and_is_well_formed():
    for html in [*pages().values(), sheets.write_city_table(rated(), REPORT)]:
        read = Reader(html)
        assert not [a for _, a in read.tags if "src" in a]
        assert not [a["href"] for _, a in read.tags if a.get("href", "#")[:4] == "http"]
        assert "default-src 'none'" in html
        assert [t for t, _ in read.tags if t == "h1"] == ["h1"]
        assert ("html", {"lang": "en-GB"}) in read.tags


def test_an_indicator_without_a_source_is_named_once_and_not_a_row():
    said = Reader(pages()[sheets.sheet_name(700_000)]).words
    assert "Not used here" in said
    assert said.count("Overall absence") == 1


def test_what_a_school_lacks_is_said_with_its_reason():
    panel, register = flat(bare={"rwm_expected": 40.0, "rwm_higher": 0.0, "cohort": 30.0})
    found = sheets.write_sheets(rate(panel, register, schools=pd.Index([41])), REPORT)
    said = Reader(found["sheet-41.html"]).words
    assert "Not rated" in said
    assert (
        "No rating: it has figures for only 33% of the criteria that this study's files can fill"
        in said
    )
    assert "No value: not published" in said


def test_the_value_and_its_interval_are_in_the_schools_own_figures():
    panel, register = flat(weak=WEAK)
    html = sheets.write_sheets(rate(panel, register, schools=pd.Index([41])), REPORT)[
        "sheet-41.html"
    ]
    row = re.search(r'<th scope="row">Expected standard.*?</tr>', html, re.S).group()
    assert "40.0%" in row
    low, high = map(float, re.search(r">([\d.]+) to ([\d.]+)<", row).groups())
    assert low < 40 < high


def test_support_and_a_changed_rating_are_on_the_sheet():
    now, before = rate(*flat(weak=WEAK)), rate(*flat(weak=GOOD))
    given = pd.DataFrame({"school": [41], "date": [pd.Timestamp("2017-11-02")], "days": [3.0]})
    last = ratings.Ratings(**{**vars(before), "year": 2017})
    plans = support.plan_years(now, last, DASHBOARD, SimpleNamespace(delivered=given))
    changes = support.compare_ratings(now, before)
    pages = sheets.write_sheets(now, REPORT, plans=plans, changes=changes)
    said = Reader(pages["sheet-41.html"]).words
    assert "2018/19: 10.0 days planned (Teaching School Alliance); 0.0 given." in said
    assert "2017/18: 1.0 days planned (Teaching School Alliance); 3.0 given." in said
    assert "Last year priority 3. What moved: Below the floor standard green to red" in said


def test_the_exempt_table_lists_every_school_by_priority_with_what_it_sorts_by():
    html = sheets.write_city_table(rated(), REPORT)
    rows = re.findall(r"<tr data-governance.*?</tr>", html, re.S)
    assert len(rows) == len(rated().ratings)
    ranks = [re.findall(r'data-sort="([^"]*)"', row)[0] for row in rows]
    assert ranks == sorted(ranks, key=lambda r: (r == "", r))
    assert f'href="{sheets.sheet_name(700_000)}"' in html
    assert "Fable Trust" in html


def test_the_script_is_the_one_the_policy_allows():
    import base64
    import hashlib

    html = sheets.write_city_table(rated(), REPORT)
    script = re.search(r"<script>(.*?)</script>", html, re.S).group(1)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html


def test_the_table_says_which_criteria_and_how_many_are_rated():
    said = Reader(sheets.write_city_table(rated(), REPORT)).words
    assert "proposed and not yet agreed" in said
    n = len(rated().ratings)
    assert f"{n} of {n} schools are rated" in said


def test_invented_data_is_marked_on_every_page():
    invented = REPORT.model_copy(update={"invented": True})
    html = [
        sheets.write_city_table(rated(), invented),
        *sheets.write_sheets(rated(), invented).values(),
    ]
    assert all(sheets.INVENTED in Reader(each).words for each in html)


def test_sheets_are_the_same_bytes_every_time():
    assert sheets.write_sheets(rated(), REPORT) == pages()
