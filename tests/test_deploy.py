"""deploy/ and compose.yaml name what there is: commands, settings, paths, ports, and each other."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import typer
import yaml
from typer.main import get_command

from cli.main import app
from projector.settings import Settings
from tests.deployment import MANIFESTS, ROOT, UNITS, compose, container, manifests, of_kind, pods, probes, unit

WORKLOADS = ("projector-install", "projector-worker", "projector-api")
SETTINGS = {f"PROJECTOR_{name.upper()}" for name in Settings.model_fields}
FILES = [ROOT / "compose.yaml", *MANIFESTS, *UNITS]


def is_understood(arguments: list[str]) -> bool:
    """Whether the command line takes them; typer exits where it does not."""
    name, *rest = arguments
    group = get_command(app)
    command = group.get_command(typer.Context(group), name)  # type: ignore[attr-defined]
    command.make_context(name, list(rest))
    return True


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_setting_that_is_named_is_one(path: Path) -> None:
    named = set(re.findall(r"\bPROJECTOR_[A-Z_]+", path.read_text(encoding="utf-8")))
    assert named - SETTINGS == set()


def test_every_command_is_one_that_the_program_takes() -> None:
    commands = [container(name)["args"] for name in WORKLOADS]
    commands += [compose()[name]["command"] for name in ("install", "worker", "api")]
    commands += [unit(path)["ExecStart"][0].split()[1:] for path in UNITS]
    assert all(map(is_understood, commands))
    with pytest.raises(BaseException, match="No such option"):
        is_understood(["run", "--nothing"])


def test_probes_ask_at_ports_that_are_set() -> None:
    settings = of_kind("ConfigMap")["projector-settings"]["data"]
    worker, api = set(probes("projector-worker")), set(probes("projector-api"))
    assert {port for port, _ in worker} == {int(settings["PROJECTOR_ADMIN_PORT"])}
    arguments = container("projector-api")["args"]
    assert {port for port, _ in api} == {int(arguments[arguments.index("--port") + 1])}
    ports = {it["name"]: it["containerPort"] for it in container("projector-api")["ports"]}
    assert ports["metrics"] == int(settings["PROJECTOR_API_ADMIN_PORT"])
    for name in ("projector-worker", "projector-api"):
        template = of_kind("Deployment")[name]["spec"]["template"]
        scraped = template["metadata"]["annotations"]["prometheus.io/port"]
        assert int(scraped) in {it["containerPort"] for it in container(name)["ports"]}


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_pod_may_do_nothing_that_it_need_not(name: str) -> None:
    pod, only = pods()[name], container(name)
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert str(pod["securityContext"]["runAsUser"]) in (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert pod["automountServiceAccountToken"] is False
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert only["resources"]["limits"]["memory"]
    assert only["resources"]["requests"]["cpu"]


@pytest.mark.parametrize("name", WORKLOADS)
def test_each_secret_is_a_file_of_the_accounts_own(name: str) -> None:
    """That the example has, under the name by which the setting looks for it."""
    (mount,) = [it for it in container(name)["volumeMounts"] if it["name"] == "secrets"]
    (volume,) = [it for it in pods()[name]["volumes"] if it["name"] == "secrets"]
    keys = set(of_kind("Secret")[volume["secret"]["secretName"]]["stringData"])
    wanted = {it["value"] for it in container(name)["env"]}
    assert volume["secret"]["secretName"] == name
    assert wanted == {f"{mount['mountPath']}/{key}" for key in keys}


def test_a_pod_has_time_to_stop() -> None:
    seconds = float(of_kind("ConfigMap")["projector-settings"]["data"]["PROJECTOR_SHUTDOWN_SECONDS"])
    for name in ("projector-worker", "projector-api"):
        assert pods()[name]["terminationGracePeriodSeconds"] > seconds + 5
    for path in UNITS:
        assert float(unit(path)["TimeoutStopSec"][0]) > Settings.model_fields["shutdown_seconds"].default


def test_objects_speak_of_objects_that_there_are() -> None:
    """Scalers and budgets of workloads, services of pods, policies of labels; kustomizations of files."""
    deployments = of_kind("Deployment")
    for scaler in (of_kind("HorizontalPodAutoscaler") | of_kind("ScaledObject")).values():
        assert scaler["spec"]["scaleTargetRef"]["name"] in deployments
    labels = [it["spec"]["template"]["metadata"]["labels"] for it in deployments.values()]
    for kind in ("PodDisruptionBudget", "Service"):
        for name, it in of_kind(kind).items():
            selector = it["spec"]["selector"]
            assert selector.get("matchLabels", selector) in labels, name
    for path in MANIFESTS:
        content = next(yaml.safe_load_all(path.read_text(encoding="utf-8")))
        if content["kind"] == "Kustomization":
            assert all((path.parent / it).exists() for it in content["resources"])
    assert {it["kind"] for it in manifests()} > {"NetworkPolicy", "Job", "ConfigMap", "Kustomization"}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kustomize_puts_them_together() -> None:
    built = subprocess.run(
        ["kubectl", "kustomize", ROOT / "deploy/kubernetes/keda"], capture_output=True, text=True, timeout=60
    )
    assert built.returncode == 0, built.stderr
    objects = {(it["kind"], it["metadata"]["name"]): it for it in yaml.safe_load_all(built.stdout)}
    assert "replicas" not in objects["Deployment", "projector-worker"]["spec"]
    assert {it["metadata"]["namespace"] for it in objects.values()} == {"projector"}


def test_every_service_of_compose_that_goes_on_has_a_health_check() -> None:
    for name, service in compose().items():
        goes_on = service["restart"] != "no"
        assert goes_on == ("healthcheck" in service), name


def test_units_hold_secrets_as_credentials_and_feed_the_watchdog() -> None:
    for path in UNITS:
        found = unit(path)
        loaded = {it.split(":")[0] for it in found["LoadCredential"]}
        named = dict(it.split("=", 1) for it in found["Environment"])
        assert {f"%d/{name}" for name in loaded} == {it for name, it in named.items() if name.endswith("_FILE")}
        assert found["Type"] == ["notify"]
        assert int(found["WatchdogSec"][0]) >= 30
        assert found["DynamicUser"] == ["yes"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_systemd_takes_the_units_and_finds_little_exposed(path: Path, tmp_path: Path) -> None:
    here = tmp_path / path.name
    text = path.read_text(encoding="utf-8").replace("/opt/projector/bin/projector", shutil.which("true") or "")
    here.write_text(text, encoding="utf-8")
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", here], capture_output=True, text=True, timeout=60
    )
    assert (verified.returncode, verified.stderr) == (0, "")
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", here],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert judged.returncode == 0, judged.stdout.splitlines()[-1]
