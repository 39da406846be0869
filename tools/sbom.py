"""Writes a bill of materials (CycloneDX, JSON) beside a distribution: every package that an installation consists of,
with version and licence, and what needs what. It names packages, and no address to load them from."""

import sys
from importlib.metadata import Distribution
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.dependency import Dependency
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from tools.packages import PROJECT, canonical, direct, licence, needed

EXTRAS = ("otel",)


def bill() -> Bom:
    """Of the project with its extras for operators."""
    packages = needed(EXTRAS)
    components = {name: _component(name, package) for name, package in sorted(packages.items())}
    bom = Bom()
    bom.metadata.component = components.pop(PROJECT)
    bom.components.update(components.values())
    known = {**components, PROJECT: bom.metadata.component}
    for name, component in known.items():
        extras = ("", *EXTRAS) if name == PROJECT else ("",)
        names = {canonical(needs.name) for extra in extras for needs in direct(packages[name], extra)}
        below = [Dependency(known[each].bom_ref) for each in sorted(names & known.keys() - {name})]
        bom.dependencies.add(Dependency(component.bom_ref, below))
    return bom


def _component(name: str, package: Distribution) -> Component:
    kind = ComponentType.APPLICATION if name == PROJECT else ComponentType.LIBRARY
    return Component(
        name=name,
        version=package.version,
        type=kind,
        purl=PackageURL("pypi", name=name, version=package.version),
        bom_ref=f"{name}=={package.version}",
        licenses=[LicenseFactory().make_from_string(licence(package))],
    )


def main(folder: Path) -> None:
    bom = bill()
    path = folder / f"{PROJECT}-{needed(EXTRAS)[PROJECT].version}.cdx.json"
    path.write_text(JsonV1Dot6(bom).output_as_string(indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(f"{path}: {len(bom.components)} packages\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
