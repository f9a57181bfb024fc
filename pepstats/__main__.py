"""`python -m pepstats` is `pepstats`."""

from __future__ import annotations

from pepstats.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
