"""What deploy/ and compose.yaml name: containers with their commands and probes, settings, ports."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
MANIFESTS = sorted((ROOT / "deploy/kubernetes").rglob("*.yaml"))
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))


def manifests() -> list[dict[str, Any]]:
    """Every object of the Kubernetes manifests."""
    return [it for path in MANIFESTS for it in yaml.safe_load_all(path.read_text(encoding="utf-8"))]


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    """Objects of a kind by name."""
    return {it["metadata"]["name"]: it for it in manifests() if it["kind"] == kind}


def pods() -> dict[str, dict[str, Any]]:
    """What the pods of each workload are, by its name."""
    workloads = of_kind("Deployment") | of_kind("Job")
    return {name: it["spec"]["template"]["spec"] for name, it in workloads.items()}


def container(name: str) -> dict[str, Any]:
    """The only container of a workload."""
    (found,) = pods()[name]["containers"]
    return dict(found)


def probes(name: str) -> Iterator[tuple[int, str]]:
    """Port and path of each probe of a workload."""
    ports = {it["name"]: it["containerPort"] for it in container(name)["ports"]}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = container(name)[probe]["httpGet"]
        yield ports[asked["port"]], asked["path"]


def compose() -> dict[str, dict[str, Any]]:
    """The services of compose.yaml."""
    return dict(yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"])


def unit(path: Path) -> dict[str, list[str]]:
    """The values of each setting of a systemd unit."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found
