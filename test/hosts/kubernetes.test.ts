/** Manifests against what Kubernetes, JobSet and Kubeflow Trainer publish. Nothing here starts a cluster. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ROOT } from "../support/fixtures.js";
import { pythonWithKubernetes } from "../support/python.js";
import { scratch } from "../support/runs.js";

const FOLDER = join(ROOT, "deploy", "kubernetes");
const CHECK = fileURLToPath(new URL("../../../test/hosts/check_manifests.py", import.meta.url));
const MANIFESTS = readdirSync(FOLDER).filter((file) => file.endsWith(".yaml"));

interface Checked {
  problems: string[];
  fields: Record<string, string[]>;
}

function check(files: readonly string[]): Checked {
  return JSON.parse(execFileSync(pythonWithKubernetes(), [CHECK, ...files], { encoding: "utf8" })) as Checked;
}

/** What is used of each custom object, and the first release that has it; types and names: kubeflow_trainer_api 2.3.0. */
const FIELDS = {
  // JobSet v0.6.0, api/jobset/v1alpha2/jobset_types.go: Coordinator, FailurePolicyRule; the others since v0.2.0.
  "jobset.x-k8s.io/v1alpha2 JobSet": [
    "spec.coordinator.jobIndex",
    "spec.coordinator.podIndex",
    "spec.coordinator.replicatedJob",
    "spec.failurePolicy.maxRestarts",
    "spec.failurePolicy.rules[].action",
    "spec.failurePolicy.rules[].name",
    "spec.failurePolicy.rules[].onJobFailureReasons[]",
    "spec.replicatedJobs[].name",
    "spec.replicatedJobs[].replicas",
  ],
  // Kubeflow Trainer v2.0.0, pkg/apis/trainer/v1alpha1/trainingruntime_types.go
  "trainer.kubeflow.org/v1alpha1 ClusterTrainingRuntime": [
    "spec.mlPolicy.numNodes",
    "spec.mlPolicy.torch",
    "spec.template.spec.failurePolicy.maxRestarts",
    "spec.template.spec.failurePolicy.rules[].action",
    "spec.template.spec.failurePolicy.rules[].name",
    "spec.template.spec.failurePolicy.rules[].onJobFailureReasons[]",
    "spec.template.spec.replicatedJobs[].name",
  ],
  // Kubeflow Trainer v2.0.0, pkg/apis/trainer/v1alpha1/trainjob_types.go
  "trainer.kubeflow.org/v1alpha1 TrainJob": [
    "spec.runtimeRef.name",
    "spec.trainer.args[]",
    "spec.trainer.numNodes",
    "spec.trainer.resourcesPerNode",
  ],
};

test("every manifest is what Kubernetes 1.31 and the newest, and the controllers' definitions, take", () => {
  assert.deepEqual(check(MANIFESTS.map((file) => join(FOLDER, file))), { problems: [], fields: FIELDS });
});

test("the check finds a field that is not known, a wrong type and a missing field, in core objects and custom ones", (context) => {
  const dir = scratch(context);
  const broken = (file: string, ...changes: [string | RegExp, string][]) => {
    const before = readFileSync(join(FOLDER, file), "utf8");
    const after = changes.reduce((text, [from, to]) => text.replace(from, to), before);
    assert.notEqual(after, before);
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, file), after);
    return join(dir, file);
  };
  const { problems } = check([
    broken("indexed-job.yaml", ["completionMode: Indexed", "completionmode: Indexed"]),
    broken("job.yaml", [', status: "True"', ""]),
    broken("jobset.yaml", ["replicas: 4", "replica: 4"], ["parallelism: 1", "parallel: 1"]),
    broken("trainjob.yaml", ["numNodes: 4", "numNodes: four"], ["mlPolicy:", "mlpolicy:"]),
  ]);
  for (const pattern of [
    /^\S+indexed-job\.yaml: Job cnn-dist: spec: .*'completionmode' was unexpected/,
    /^\S+job\.yaml: Job cnn-dist: .*'status' is a required property \(Kubernetes 1\.31\)/,
    /^\S+jobset\.yaml: JobSet cnn-dist: JobSet\.spec\.replicatedJobs\[\]\.replica is not known/,
    /^\S+jobset\.yaml: JobSet cnn-dist, the Job node: spec: .*'parallel' was unexpected/,
    /^\S+trainjob\.yaml: ClusterTrainingRuntime cnn-dist: ClusterTrainingRuntime\.spec\.mlpolicy\.\S+ is not known/,
    /^\S+trainjob\.yaml: TrainJob vgg13: .*\nnumNodes\n {2}Input should be a valid integer/,
  ])
    assert.ok(
      problems.some((problem) => pattern.test(problem)),
      `${pattern}\n${problems.join("\n")}`,
    );
});
