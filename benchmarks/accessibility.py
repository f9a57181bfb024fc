"""axe-core on every HTML page of finished runs and releases, at three widths, in a real browser.

    make accessible [REPORT=autumn-2018]
    python benchmarks/accessibility.py [FOLDER ...] [--sheets 3] [--pictures FOLDER]

Each page is opened in Chromium at 320, 768 and 1280 pixels, as a phone, a tablet and a desk show
it, and again as it is printed. Counted are what axe-core finds (WCAG 2.2, levels A and AA, and its
advice on good practice), and pages that scroll sideways, which at 320 pixels WCAG forbids. Of a
run's sheets, which are all one template, `--sheets` are looked at; 0 is all of them. `--pictures`
keeps a picture of each page at each width, to look at. Exits with 1 where anything is found.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WIDTHS = (320, 768, 1280)
HEIGHT = 900
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ROOT = Path(__file__).resolve().parents[1]


def find_browser() -> str:
    """Return where this machine's Chromium is."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise SystemExit(f"No browser is found here: install one of {', '.join(BROWSERS)}.")
    return found


def find_pages(folders: list[Path], sheets: int) -> Iterator[Path]:
    """List the HTML pages below some folders, and of each folder's sheets the first few."""
    for folder in folders:
        pages = sorted(folder.rglob("*.html"))
        of_schools = [page for page in pages if page.name.startswith("sheet-")]
        yield from (page for page in pages if page not in of_schools)
        yield from of_schools[: sheets or None]


def look_at(browser: Any, page: Path, width: int, pictures: Path | None) -> list[str]:
    """Return what is found on a page at a width, a line each."""
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(viewport={"width": width, "height": HEIGHT}, bypass_csp=True)
    shown = context.new_page()
    shown.goto(page.as_uri())
    rules = {"runOnly": {"type": "tag", "values": TAGS}}
    found = [
        f"{one['id']} ({one['impact']}): {one['help']}: {one['nodes'][0]['html'][:90]}"
        for one in Axe().run(shown, options=rules).response["violations"]
    ]
    wide = shown.evaluate("document.documentElement.scrollWidth")
    if wide > width:
        found.append(f"reflow: the page is {wide} pixels wide")
    if pictures:
        kept = pictures / page.parents[1].name / page.stem
        shown.screenshot(path=f"{kept}-{width}.png", full_page=True)
        if width == WIDTHS[-1]:
            shown.pdf(path=f"{kept}.pdf", prefer_css_page_size=True)
    context.close()
    return found


def main() -> None:
    """Print what is found, page by page, and how much of each kind."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    asked.add_argument("--sheets", type=int, default=3, help="how many of each run; 0 is all")
    asked.add_argument("--pictures", type=Path, help="where to keep a picture of each page")
    words = asked.parse_args()
    default = [ROOT / "outputs" / "working", ROOT / "outputs" / "released"]
    pages = list(find_pages([one.resolve() for one in words.folders or default], words.sheets))
    if not pages:
        raise SystemExit("There is no page here: run a report first.")
    from playwright.sync_api import sync_playwright

    kinds: Counter[str] = Counter()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        for page in pages:
            for width in WIDTHS:
                for line in look_at(browser, page, width, words.pictures):
                    print(f"{page.parent.name}/{page.name} at {width}: {line}")
                    kinds[line.partition(" ")[0]] += 1
        browser.close()
    print(f"{len(pages)} pages at {len(WIDTHS)} widths: {kinds.total()} findings {dict(kinds)}")
    sys.exit(1 if kinds else 0)


if __name__ == "__main__":
    main()
