"""The manifests in deploy/kubernetes as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import yaml

from tests.support.commands import REPOSITORY

FOLDER = REPOSITORY / "deploy" / "kubernetes"
WORKLOADS = ("Job", "Deployment")


@cache
def manifests() -> tuple[dict[str, Any], ...]:
    """Of all files; what they are read with knows YAML 1.1, as Kubernetes does."""
    return tuple(
        document for file in sorted(FOLDER.glob("*.yaml")) for document in yaml.safe_load_all(file.read_text("utf-8"))
    )


def named(kind: str, name: str) -> dict[str, Any]:
    (found,) = [one for one in manifests() if one["kind"] == kind and one["metadata"]["name"] == name]
    return found


def workload(component: str) -> dict[str, Any]:
    """What runs the pods of migrate, worker or api."""
    (found,) = [
        one for one in manifests() if one["kind"] in WORKLOADS and one["metadata"]["name"] == f"backfill-{component}"
    ]
    return found


def pod_of(component: str) -> dict[str, Any]:
    found: dict[str, Any] = workload(component)["spec"]["template"]["spec"]
    return found


def container_of(component: str) -> dict[str, Any]:
    """The only one of its pod."""
    (found,) = pod_of(component)["containers"]
    return dict(found)


def environment_of(component: str) -> Mapping[str, str]:
    container = container_of(component)
    maps = [named("ConfigMap", source["configMapRef"]["name"])["data"] for source in container["envFrom"]]
    return {name: value for one in maps for name, value in one.items()} | {
        one["name"]: one["value"] for one in container["env"]
    }


def liveness_of(component: str) -> Sequence[str]:
    words: Sequence[str] = container_of(component)["livenessProbe"]["exec"]["command"]
    return words
