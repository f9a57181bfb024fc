"""Ships with the package what it runs and a checkout has beside it: notebooks, and criteria."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

BESIDE = ("notebooks/*.ipynb", "data/dashboard*.yml")
"""Where a wheel has them: in `pepstats/project`, which `pepstats/paths.py` looks into."""


class BuildWithNotebooks(build_py):
    """Copies the modules and templates, then what lies beside the package."""

    def run(self) -> None:
        """Copy them into the folder that the wheel is made of; an editable one has them already."""
        super().run()
        if self.editable_mode:
            return
        for pattern in BESIDE:
            for source in sorted(Path().glob(pattern)):
                place = Path(self.build_lib, "pepstats", "project", source)
                self.mkpath(str(place.parent))
                self.copy_file(str(source), str(place))


setup(cmdclass={"build_py": BuildWithNotebooks})
