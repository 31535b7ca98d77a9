import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { ROOT } from "../support/fixtures.js";

const PROMETHEUS = join(ROOT, "deploy", "prometheus");

for (const words of [
  ["check", "config", "prometheus.yml"],
  ["check", "rules", "rules.yml"],
  ["test", "rules", "rules.test.yml"],
]) {
  test(`promtool ${words.join(" ")}`, () => {
    const { status, stdout, stderr } = spawnSync("promtool", words, { cwd: PROMETHEUS, encoding: "utf8" });
    assert.equal(status, 0, stdout + stderr);
  });
}

test("every alert is tested, firing and silent", () => {
  const alerts = [...readFileSync(join(PROMETHEUS, "rules.yml"), "utf8").matchAll(/alert: (\w+)/g)].map(
    (match) => match[1]!,
  );
  const cases = readFileSync(join(PROMETHEUS, "rules.test.yml"), "utf8").split("  - interval:");
  for (const alert of alerts) {
    const mine = cases.filter((text) => text.includes(`alertname: ${alert}\n`));
    assert.ok(
      mine.some((text) => text.includes("exp_alerts: []")) && mine.some((text) => !text.includes("exp_alerts: []")),
      alert,
    );
  }
});

test("the dashboard that Grafana reads is the one that the code makes", async () => {
  const { dashboard } = (await import(pathToFileURL(join(ROOT, "deploy/grafana/dashboard.mjs")).href)) as {
    dashboard: () => unknown;
  };
  assert.deepEqual(
    JSON.parse(readFileSync(join(ROOT, "deploy/grafana/dashboards/cnn-dist.json"), "utf8")),
    dashboard(),
  );
});

test("the Slurm script is a shell script", () => {
  assert.equal(spawnSync("bash", ["-n", join(ROOT, "deploy/slurm/cnn-dist.sbatch")]).status, 0);
});
