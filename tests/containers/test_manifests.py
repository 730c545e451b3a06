"""deploy/kubernetes by the schemas that Kubernetes publishes, in the strict form that knows no other field."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.support.kubernetes import manifests

SCHEMAS = "kubernetes_validate/kubernetes-json-schema"
VERSIONS = ("v1.30.0", "v1.37.0")  # the oldest that anybody should run, and today's


def mistakes(wheel: Path, version: str, document: dict[str, Any]) -> list[str]:
    group, _, number = document["apiVersion"].rpartition("/")
    name = "-".join(filter(None, (document["kind"].lower(), group.partition(".")[0], number)))
    with zipfile.ZipFile(wheel) as files:
        schema, definitions = (
            json.loads(files.read(f"{SCHEMAS}/{version}-local-strict/{file}.json")) for file in (name, "_definitions")
        )
    validator = jsonschema_rs.validator_for(schema, retriever=lambda uri: definitions)
    return [
        f"{document['metadata']['name']}: {error.instance_path} {error.message}"
        for error in validator.iter_errors(document)
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_takes_every_manifest(version: str, wheels: dict[str, Path]) -> None:
    found = [one for document in manifests() for one in mistakes(wheels["kubernetes_validate"], version, document)]

    assert not found


def test_a_field_that_there_is_not_would_be_found(wheels: dict[str, Path]) -> None:
    (job,) = [one for one in manifests() if one["kind"] == "Job"]
    template = {**job["spec"]["template"], "spec": {**job["spec"]["template"]["spec"], "readOnly": True}}
    wrong = {**job, "spec": {**job["spec"], "template": template}}

    assert re.search("readOnly", " ".join(mistakes(wheels["kubernetes_validate"], VERSIONS[-1], wrong)))
