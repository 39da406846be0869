"""Findings: what `check` answers with."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is: an error makes documents wrong or missing, a warning makes them slow or endangers them."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer of the check, in a sentence that says what to do where something is wrong."""

    level: Level
    subject: str
    message: str

    def __str__(self) -> str:
        return f"{self.level:<8} {self.subject}: {self.message}"
