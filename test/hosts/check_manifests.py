"""Holds manifests against what Kubernetes and Kubeflow publish: python check_manifests.py FILE...

Core objects: kubernetes-validate's JSON schemas, strict, of the oldest version that the manifests are for and of the newest.
Custom objects: the models of kubeflow_trainer_api, generated from the controllers' own OpenAPI, JobSet's among them. What a
model does not know is lost when it is written again, and so is found. The Jobs in them are checked as core objects.

Prints JSON: problems, and the custom fields that were seen, with their versions."""

import importlib
import json
import sys

import kubernetes_validate
import yaml

OLDEST = "1.31"
MODELS = {
    "JobSet": "jobset_v1alpha2_job_set.JobsetV1alpha2JobSet",
    "ClusterTrainingRuntime": "trainer_v1alpha1_cluster_training_runtime.TrainerV1alpha1ClusterTrainingRuntime",
    "TrainJob": "trainer_v1alpha1_train_job.TrainerV1alpha1TrainJob",
}


def core(thing, where):
    for version in (OLDEST, kubernetes_validate.latest_version()):
        try:
            kubernetes_validate.validate(thing, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            path = ".".join(str(part) for part in error.path)
            yield f"{where}: {path}: {error.message} (Kubernetes {version})"


def jobs_in(thing):
    """The Job of each replicated job, as the JobSet controller makes it."""
    spec = thing["spec"] if thing["kind"] == "JobSet" else thing["spec"].get("template", {}).get("spec", {})
    for job in spec.get("replicatedJobs", []):
        yield {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": job["name"]}, "spec": job["template"]["spec"]}


def custom(thing, where):
    module, name = MODELS[thing["kind"]].split(".")
    model = getattr(importlib.import_module(f"kubeflow_trainer_api.models.{module}"), name)
    try:
        again = model.from_dict(thing).to_dict()
    except ValueError as error:
        yield f"{where}: {error}"
        return
    for path in fields(thing, thing["kind"]):
        if path not in set(fields(again, thing["kind"])):
            yield f"{where}: {path} is not known"
    for job in jobs_in(thing):
        yield from core(job, f"{where}, the Job {job['metadata']['name']}")


def fields(thing, path):
    """Paths of what is in it, without list indices."""
    if isinstance(thing, dict) and thing:
        for key, value in thing.items():
            yield from fields(value, f"{path}.{key}")
    elif isinstance(thing, list):
        for value in thing:
            yield from fields(value, f"{path}[]")
    else:
        yield path


def own_fields(thing):
    """The fields of the custom object itself: not metadata, nor what is a core object's inside it."""
    prefixes = ("metadata", "apiVersion", "kind")
    for path in fields(thing, ""):
        path = path[1:]
        if path.startswith(prefixes) or ".template.metadata." in path or ".replicatedJobs[].template.spec." in path:
            continue
        yield path.replace(".resourcesPerNode.", ".resourcesPerNode#").split("#")[0].rstrip(".")


problems, seen = [], {}
for file in sys.argv[1:]:
    with open(file) as text:
        for thing in yaml.safe_load_all(text):
            where = f"{file}: {thing['kind']} {thing['metadata']['name']}"
            if thing["kind"] in MODELS:
                problems += custom(thing, where)
                key = f"{thing['apiVersion']} {thing['kind']}"
                seen[key] = sorted(set(seen.get(key, [])) | set(own_fields(thing)))
            else:
                problems += core(thing, where)
print(json.dumps({"problems": problems, "fields": seen}))
