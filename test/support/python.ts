import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory } from "../../src/paths.js";

const PACKAGES = ["safetensors==0.5.3", "numpy==2.2.6"];

/** A Python with safetensors and numpy, in a virtual environment below the user's cache. */
export function pythonWithSafetensors(): string {
  const venv = join(cacheDirectory(), "test-python");
  const python = join(venv, "bin", "python");
  const works = () => {
    try {
      execFileSync(python, ["-c", "import safetensors.numpy"], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  };
  if (!existsSync(python)) execFileSync("python3", ["-m", "venv", venv], { stdio: ["ignore", "ignore", "inherit"] });
  if (!works())
    execFileSync(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...PACKAGES], {
      stdio: ["ignore", "ignore", "inherit"],
    });
  return python;
}
