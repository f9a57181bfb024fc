"""The templates of what is laid out in HTML or in Word's XML."""

from __future__ import annotations

import base64
import re
from functools import cache
from typing import Any

from pepstats import paths
from pepstats.formatting import plain_text


@cache
def html_templates() -> Any:
    """Return the templates of HTML pages, every hole of which is plain text, and escaped."""
    import jinja2

    def plain(value: Any) -> Any:
        return plain_text(value) if type(value) is str else value

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(paths.TEMPLATES), autoescape=True, trim_blocks=True,
        lstrip_blocks=True, undefined=jinja2.StrictUndefined, finalize=plain,
    )  # fmt: skip
    environment.filters |= {"data_uri": _data_uri, "css_text": css_text}
    return environment


def css_text(text: str) -> str:
    """Write text as a CSS string that cannot end its own quotes or the style it stands in."""
    odd = re.compile(r"[^\w .,:;()/–-]")
    return '"' + odd.sub(lambda m: f"\\{ord(m.group()):x} ", plain_text(text)) + '"'


def _data_uri(svg: bytes) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode("ascii")
