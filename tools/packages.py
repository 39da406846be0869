"""The packages that an installation consists of, out of what is installed here; no registry is asked."""

import re
from functools import cache
from importlib.metadata import Distribution, distribution

from packaging.requirements import Requirement

PROJECT = "projector"


def canonical(name: str) -> str:
    """A package's name as all spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def needed(extras: tuple[str, ...]) -> dict[str, Distribution]:
    """The project, and by name whatever it needs with these extras, and what that needs in turn."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(PROJECT, extra) for extra in ("", *extras)]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        found[name] = distribution(name)
        for requirement in direct(found[name], extra):
            waiting += [(canonical(requirement.name), each) for each in ("", *requirement.extras)]
    return found


def direct(package: Distribution, extra: str = "") -> list[Requirement]:
    """What it asks for itself, here and with this extra."""
    requirements = map(Requirement, package.requires or ())
    return [it for it in requirements if it.marker is None or it.marker.evaluate({"extra": extra})]


def licence(package: Distribution) -> str:
    """What it says of its licence: an SPDX expression, else the classifiers, else the text's first line."""
    metadata = package.metadata
    if expression := metadata.json.get("license_expression"):
        return str(expression)
    names = [
        value.rpartition(" :: ")[2] for value in metadata.get_all("Classifier") or () if value.startswith("License")
    ]
    if names and names != ["OSI Approved"]:
        return " OR ".join(sorted(names))
    return str(metadata.json.get("license") or "unknown").splitlines()[0]
