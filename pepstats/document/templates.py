"""The templates of what is laid out in HTML or in Word's XML."""

from __future__ import annotations

import base64
import re
from functools import cache
from typing import Any

from pepstats import paths


@cache
def html_templates() -> Any:
    """Return the templates of HTML pages, every hole of which is escaped."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(paths.TEMPLATES), autoescape=True, trim_blocks=True,
        lstrip_blocks=True, undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    environment.filters |= {"data_uri": _data_uri, "css_text": css_text}
    return environment


def css_text(text: str) -> str:
    """Write text as a CSS string that cannot end its own quotes or the style it stands in."""
    return '"' + re.sub(r"[^\w .,:;()/–-]", lambda m: f"\\{ord(m.group()):x} ", text) + '"'


def _data_uri(svg: bytes) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode("ascii")
