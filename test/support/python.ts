import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory } from "../../src/paths.js";

/** A Python with safetensors and numpy, in a virtual environment below the user's cache. */
export function pythonWithSafetensors(): string {
  return pythonWith("test-python", "import safetensors.numpy", ["safetensors==0.5.3", "numpy==2.2.6"]);
}

/** One with Keras on NumPy, whose convolutions are jax's: the smallest that computes a network; 600 MB, once. */
export function pythonWithKeras(): string {
  return pythonWith("test-keras", "import os; os.environ['KERAS_BACKEND'] = 'numpy'; import keras, jax", [
    "keras>=3.10,<4",
    "jax<1",
    "h5py",
  ]);
}

/** One that knows what Kubernetes, JobSet and Kubeflow Trainer take. */
export function pythonWithKubernetes(): string {
  return pythonWith("test-kubernetes", "import kubernetes_validate, kubeflow_trainer_api", [
    "kubernetes-validate==1.37.0",
    "kubeflow_trainer_api==2.3.0",
  ]);
}

/** One with Ray, without its dashboard; 230 MB, once. */
export function pythonWithRay(): string {
  return pythonWith("test-ray", "import ray", ["ray==2.52.1"]);
}

/** One with TensorBoard's own reader of event files. */
export function pythonWithTensorboard(): string {
  return pythonWith("test-tensorboard", "import tensorboard.backend.event_processing.event_accumulator", [
    "tensorboard==2.21.0",
  ]);
}

/** One with MLflow's server. */
export function pythonWithMlflow(): string {
  return pythonWith("test-mlflow", "import mlflow.server", ["mlflow==3.17.2"]);
}

function pythonWith(name: string, imports: string, packages: readonly string[]): string {
  const venv = join(cacheDirectory(), name);
  const python = join(venv, "bin", "python");
  const works = () => {
    try {
      execFileSync(python, ["-c", imports], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  };
  if (!existsSync(python)) execFileSync("python3", ["-m", "venv", venv], { stdio: ["ignore", "ignore", "inherit"] });
  if (!works())
    execFileSync(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...packages], {
      stdio: ["ignore", "ignore", "inherit"],
    });
  return python;
}
