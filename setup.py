"""The package layout: `references` and `suites` stand at the top of the repository and are shipped inside `gmbench`."""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["gmbench", "gmbench.*"]),
        "gmbench.references",
        "gmbench.suites",
        "gmbench.suites.perf",
    ],
    package_dir={"gmbench.references": "references", "gmbench.suites": "suites"},
    package_data={"gmbench": ["**/*.json", "**/*.jinja", "**/*.css", "**/*.toml", "**/*.cpp"]},
)
