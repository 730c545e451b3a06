"""deploy/kubernetes: what the manifests promise, and that they say what docker-compose.yml says."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import compose
from tests.support.compose import SECRETS, command_of, dockerfile, healthcheck_of, seconds, services
from tests.support.kubernetes import container_of, environment_of, manifests, named, pod_of, workload

OURS = ("migrate", "worker", "api")
LONG_RUNNING = ("worker", "api")


def labels_of(component: str) -> dict[str, str]:
    labels: dict[str, str] = workload(component)["spec"]["template"]["metadata"]["labels"]
    return labels


def selected_by(selector: dict[str, str]) -> list[str]:
    return [component for component in OURS if selector.items() <= labels_of(component).items()]


def test_there_is_what_a_release_needs_and_nothing_else() -> None:
    assert sorted((one["kind"], one["metadata"]["name"]) for one in manifests()) == [
        ("ConfigMap", "backfill"),
        ("Deployment", "backfill-api"),
        ("Deployment", "backfill-worker"),
        ("Job", "backfill-migrate"),
        ("PodDisruptionBudget", "backfill-api"),
        ("PodDisruptionBudget", "backfill-worker"),
        ("Service", "backfill-api"),
    ]


@pytest.mark.parametrize("component", OURS)
def test_a_pod_runs_the_same_image_and_command_as_the_compose_file(component: str) -> None:
    container = container_of(component)

    assert container["image"] == services()[component]["image"]
    assert container["args"] == command_of(component)
    assert not [one for one in dockerfile() if one.name == "ENTRYPOINT"]  # which `args` would be given to


@pytest.mark.parametrize("component", OURS)
def test_a_pod_has_the_environment_of_the_compose_file(component: str) -> None:
    there = {name: value for name, value in compose.environment_of(component).items() if value}

    assert environment_of(component) == there


@pytest.mark.parametrize("component", OURS)
def test_a_pod_is_given_the_secrets_of_the_compose_file_under_the_same_paths(component: str) -> None:
    pod, container = pod_of(component), container_of(component)
    volumes = {one["name"]: one for one in pod["volumes"]}
    places = {one["mountPath"]: volumes[one["name"]] for one in container["volumeMounts"]}
    secret = places[SECRETS.rstrip("/")]["secret"]

    assert {one["path"] for one in secret["items"]} == set(services()[component]["secrets"])
    assert all(one["key"] == one["path"] for one in secret["items"])
    assert secret["defaultMode"] == 0o440
    assert all(not value.startswith("/") or value.startswith(SECRETS) for value in environment_of(component).values())


@pytest.mark.parametrize("component", OURS)
def test_a_pod_is_given_as_long_to_stop_as_a_container_of_the_compose_file(component: str) -> None:
    assert pod_of(component)["terminationGracePeriodSeconds"] == seconds(services()[component]["stop_grace_period"])


@pytest.mark.parametrize("component", OURS)
def test_a_pod_can_do_no_more_than_its_work(component: str) -> None:
    pod, container = pod_of(component), container_of(component)
    user = next(int(one.words.partition(":")[0]) for one in dockerfile() if one.stage == 1 and one.name == "USER")

    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert pod["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC", "serviceAccountName"} & set(pod)
    assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("component", OURS)
def test_what_may_be_written_is_in_memory_and_has_an_end(component: str) -> None:
    (tmp,) = [one["emptyDir"] for one in pod_of(component)["volumes"] if "emptyDir" in one]

    assert services()[component]["tmpfs"] == ["/tmp"]
    assert [one["mountPath"] for one in container_of(component)["volumeMounts"] if not one.get("readOnly")] == ["/tmp"]
    assert tmp["medium"] == "Memory"
    assert tmp["sizeLimit"]


@pytest.mark.parametrize("component", OURS)
def test_no_service_of_the_cluster_is_taken_for_a_setting(component: str) -> None:
    assert pod_of(component)["enableServiceLinks"] is False


@pytest.mark.parametrize("component", OURS)
def test_the_program_is_not_the_first_process_as_in_the_compose_file(component: str) -> None:
    assert services()[component]["init"] is True
    assert pod_of(component)["shareProcessNamespace"] is True


def test_a_worker_is_ready_by_the_health_check_of_the_compose_file() -> None:
    probe = container_of("worker")["readinessProbe"]

    assert probe["exec"]["command"] == healthcheck_of("worker")
    assert times(probe) == times_in_compose("worker")


def test_the_api_is_ready_by_the_health_check_of_the_compose_file_and_alive_when_it_answers() -> None:
    container = container_of("api")
    port = int(environment_of("api")["BACKFILL_HTTP_PORT"])
    ready, alive = container["readinessProbe"], container["livenessProbe"]

    assert container["ports"] == [{"name": "http", "containerPort": port}]
    assert {ready["httpGet"]["port"], alive["httpGet"]["port"]} == {"http"}
    assert f"127.0.0.1:{port}{ready['httpGet']['path']}" in " ".join(healthcheck_of("api"))
    assert alive["httpGet"]["path"] == "/livez"
    assert times(ready) == times_in_compose("api")


def times(probe: dict[str, Any]) -> tuple[int, int, int]:
    return probe["periodSeconds"], probe["timeoutSeconds"], probe["failureThreshold"]


def times_in_compose(service: str) -> tuple[int, int, int]:
    check = services()[service]["healthcheck"]
    return seconds(check["interval"]), seconds(check["timeout"]), check["retries"]


def test_the_migration_is_not_run_in_a_circle() -> None:
    assert services()["migrate"]["restart"] == "no"
    assert pod_of("migrate")["restartPolicy"] == "Never"
    assert workload("migrate")["spec"]["backoffLimit"] <= 3


@pytest.mark.parametrize("component", LONG_RUNNING)
def test_pods_are_more_than_one_and_found_by_their_own_labels(component: str) -> None:
    spec = workload(component)["spec"]

    assert spec["replicas"] > 1
    assert selected_by(spec["selector"]["matchLabels"]) == [component]
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


@pytest.mark.parametrize("component", LONG_RUNNING)
def test_a_node_that_is_emptied_leaves_one_pod_and_can_be_emptied(component: str) -> None:
    budget = named("PodDisruptionBudget", f"backfill-{component}")["spec"]
    replicas = workload(component)["spec"]["replicas"]

    assert selected_by(budget["selector"]["matchLabels"]) == [component]
    assert 0 < (budget.get("minAvailable") or replicas - budget["maxUnavailable"]) < replicas


def test_the_service_leads_to_the_api_and_only_within_the_cluster() -> None:
    spec = named("Service", "backfill-api")["spec"]

    assert selected_by(spec["selector"]) == ["api"]
    assert [one["targetPort"] for one in spec["ports"]] == ["http"]
    assert spec.get("type", "ClusterIP") == "ClusterIP"
