import assert from "node:assert/strict";
import { test } from "node:test";
import { sizeIn } from "../../../../src/engine/install/pip.js";
import { platformTags, TENSORFLOW_VERSION, wheelsFor } from "../../../../src/engine/install/wheels.js";
import { LIBRARIES } from "../../../../src/engine/native/libraries.js";
import { UsageError } from "../../../../src/errors.js";

test("every wheel is one exact version with one SHA-256", () => {
  const wheels = [...wheelsFor(false, "x64"), ...wheelsFor(false, "arm64"), ...wheelsFor(true, "x64")];
  for (const { requirement, sha256 } of wheels) {
    assert.match(requirement, /^[a-z0-9-]+==\d+(\.\d+)+$/);
    assert.match(sha256, /^[0-9a-f]{64}$/);
  }
  assert.equal(new Set(wheels.map(({ sha256 }) => sha256)).size, wheels.length);
});

test("the CPU's wheel by processor: PyPI has no tensorflow-cpu for arm64", () => {
  const names = (gpu: boolean, arch: string) => wheelsFor(gpu, arch).map(({ requirement }) => requirement);
  assert.deepEqual(names(false, "x64"), [`tensorflow-cpu==${TENSORFLOW_VERSION}`]);
  assert.deepEqual(names(false, "arm64"), [`tensorflow==${TENSORFLOW_VERSION}`]);
  assert.equal(names(true, "x64")[0], `tensorflow==${TENSORFLOW_VERSION}`);
  const refused = (pattern: RegExp) => (error: unknown) => error instanceof UsageError && pattern.test(error.message);
  assert.throws(() => wheelsFor(true, "arm64"), refused(/no TensorFlow wheel for GPUs .*arm64.*--device cpu/));
  assert.throws(() => wheelsFor(false, "riscv64"), refused(/no TensorFlow wheel for the CPU .*riscv64/));
  assert.ok(platformTags("arm64").every((tag) => tag.endsWith("_aarch64")));
});

test("of TensorFlow's wheel the two libraries, of NVIDIA's the shared ones, of nvcc's everything but its metadata", () => {
  const wheels = wheelsFor(true, "x64");
  const taken = (name: string, entries: readonly string[]) =>
    entries.filter((entry) => wheels.find(({ requirement }) => requirement.startsWith(`${name}==`))!.wanted(entry));
  const libraries = LIBRARIES.map((library) => `tensorflow/${library}`);
  assert.deepEqual(
    taken("tensorflow", [...libraries, "tensorflow/python/_pywrap_tfe.so", "tensorflow/__init__.py"]),
    libraries,
  );
  const cudnn = ["nvidia/cudnn/lib/libcudnn.so.9", "nvidia/cudnn/include/cudnn.h", "elsewhere/libx.so"];
  assert.deepEqual(taken("nvidia-cudnn-cu12", cudnn), cudnn.slice(0, 1));
  const nvcc = ["nvidia/cuda_nvcc/bin/ptxas", "nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc"];
  assert.deepEqual(taken("nvidia-cuda-nvcc-cu12", [...nvcc, "nvidia_cuda_nvcc_cu12-12.9.86.dist-info/RECORD"]), nvcc);
});

test("pip's line tells the size of the wheel", () => {
  assert.equal(sizeIn("  Downloading https://x/tensorflow_cpu-2.21.0-cp312.whl (274.0 MB)\n"), 274e6);
  assert.equal(sizeIn("Collecting x\n  Downloading x-1-py3-none-any.whl (11 kB)\nSaved ./x"), 11e3);
  assert.equal(sizeIn("Downloading cudnn-9.whl (1.5 GB)"), 1.5e9);
  for (const line of ["Saved ./x.whl", "  Downloading x-1.whl.metadata (2.1 kB)", ""]) assert.equal(sizeIn(line), null);
});
