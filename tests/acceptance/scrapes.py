"""Scraping what a process exposes, as Prometheus does."""

import json
import socket
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample


def free_port() -> int:
    """A port that nobody used a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def ask(port: int, path: str) -> tuple[int, str]:
    """Status and body; 0 where nobody listens."""
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=15) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def probe(port: int, path: str) -> tuple[int, Any]:
    """Status and what is waited for."""
    status, body = ask(port, path)
    answer = json.loads(body) if status else {}
    return status, answer.get("waiting_for", answer.get("details", {}).get("waiting_for"))


@dataclass
class Scrape:
    """The samples of one answer."""

    samples: list[Sample] = field(default_factory=list)

    def value(self, name: str, **labels: str) -> float:
        """The sum over all series with these labels; AssertionError where there is none."""
        found = [it.value for it in self.samples if it.name == name and labels.items() <= it.labels.items()]
        assert found, f"{name} {labels} is not exposed"
        return sum(found)

    @property
    def names(self) -> set[str]:
        return {it.name for it in self.samples}

    def values(self, name: str, label: str) -> set[str]:
        """The values that a label of a metric has."""
        return {it.labels[label] for it in self.samples if it.name == name and label in it.labels}

    def labels(self, name: str) -> set[str]:
        return {label for it in self.samples if it.name == name for label in it.labels}


def scrape(*ports: int) -> Scrape:
    """What is exposed at these ports, together."""
    found = Scrape()
    for port in ports:
        status, body = ask(port, "/metrics")
        assert status == 200, body
        for family in text_string_to_metric_families(body):
            assert family.documentation, f"{family.name} has no help"
            assert family.type != "unknown", f"{family.name} has no type"
            found.samples += family.samples
    return found
