"""Asks pip-audit which of the pinned versions have known vulnerabilities. Exit code 1 where any has; where the service
that knows them cannot be reached it says so, and that nothing was looked at, and the exit code is 0."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

CONSTRAINTS = Path(__file__).parent.parent / "constraints.txt"
LONGEST_SECONDS = 120
_PIP_AUDIT = (
    sys.executable, "-m", "pip_audit", "--requirement", str(CONSTRAINTS), "--no-deps", "--disable-pip",
    "--format", "json", "--progress-spinner", "off", "--timeout", "10",
)  # fmt: skip
_AWAY = ("ConnectionError", "Connection", "Max retries", "timed out", "Timeout", "HTTPError", "service", "403", "404")


def audit(command: tuple[str, ...] = _PIP_AUDIT) -> tuple[int, str]:
    """The exit code, and what there is to say."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_SECONDS)  # noqa: S603
    except subprocess.TimeoutExpired:
        return 0, _not_reached(f"no answer within {LONGEST_SECONDS} s")
    try:
        report = json.loads(done.stdout)
    except ValueError:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        if any(word in done.stderr for word in _AWAY):
            return 0, _not_reached(reason)
        return 1, f"pip-audit failed: {reason}"
    return _judge(report)


def _judge(report: dict[str, Any]) -> tuple[int, str]:
    packages = report["dependencies"]
    left_out = [package["name"] for package in packages if "skip_reason" in package]
    if len(left_out) == len(packages):
        return 0, _not_reached("what answers knows none of the packages")
    lines = [
        f"{package['name']} {package['version']}: {found['id']}, mended in {', '.join(found['fix_versions']) or 'none'}"
        for package in packages
        for found in package.get("vulns", ())
    ]
    told = f"{len(packages) - len(left_out)} packages were looked at, {len(lines)} vulnerabilities are known"
    if left_out:
        told += f"; not known to the service: {', '.join(left_out)}"
    return int(bool(lines)), "\n".join([*lines, f"{told}."])


def _not_reached(reason: str) -> str:
    return f"The vulnerability service cannot be reached from here ({reason[:200]}). NOTHING WAS AUDITED."


if __name__ == "__main__":
    code, text = audit()
    sys.stdout.write(f"{text}\n")
    sys.exit(code)
