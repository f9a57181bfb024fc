"""`python -m pepstats` is `pepstats`."""

from pepstats.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
