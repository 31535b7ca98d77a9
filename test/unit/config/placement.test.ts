import assert from "node:assert/strict";
import { test } from "node:test";
import { completePlacement, tracedSteps } from "../../../src/config/placement.js";

test("a heartbeat timeout in which a healthy worker may be silent is refused, with the least and why", () => {
  for (const heartbeatTimeout of [0.5, 2.9])
    assert.throws(() => completePlacement({ heartbeatTimeout }), {
      code: "config",
      message: `--heartbeat-timeout: expected a number of 3 or more, received ${heartbeatTimeout}. A worker gives a sign of life each second, and a busy one may miss two.`,
    });
  assert.equal(completePlacement({ heartbeatTimeout: 3 }).heartbeatTimeout, 3);
});

test("a text that is empty, as from a script's variable that is not set, is refused as a text", () => {
  assert.throws(() => completePlacement({ metricsHost: "" }), {
    code: "config",
    message: /^--metrics-host: expected a text that is not empty, received ""/,
  });
});

test("a step timeout that comes before the heartbeat timeout is refused, with the least and why", () => {
  assert.throws(() => completePlacement({ stepTimeout: 1 }), {
    message: /^--step-timeout: expected a number of 3 or more, received 1\. It is never less than --heartbeat-timeout/,
  });
  assert.throws(() => completePlacement({ stepTimeout: 4 }), {
    code: "config",
    message: /^--step-timeout 4 is shorter than --heartbeat-timeout 5: a worker that is silent would be taken for/,
  });
  assert.equal(completePlacement({ stepTimeout: 5, heartbeatTimeout: 5 }).stepTimeout, 5);
  assert.equal(completePlacement({ heartbeatTimeout: 60 }).stepTimeout, "auto");
});

test("steps of a trace: two numbers, the first not after the last, and only with a file", () => {
  for (const traceSteps of ["5", "5-", "0-3", "9-3", "a-b", "1-2-3"])
    assert.throws(() => completePlacement({ trace: "t.json", traceSteps }), {
      code: "config",
      message: `--trace-steps: expected FROM-TO, two steps of which the first is not after the last, such as 1-50, received "${traceSteps}"`,
    });
  assert.throws(() => completePlacement({ traceSteps: "1-2" }), { message: /--trace is missing/ });
});

test("a certificate for the metrics comes with its key", () => {
  for (const given of [{ metricsCert: "a" }, { metricsKey: "a" }])
    assert.throws(() => completePlacement(given), {
      code: "config",
      message: /--metrics-cert and --metrics-key belong/,
    });
  assert.equal(completePlacement({ metricsCert: "a", metricsKey: "b" }).metricsCert, "a");
});

test("a trace holds the first fifty steps that a process does, or those that were asked for", () => {
  assert.equal(tracedSteps({ trace: null, traceSteps: null }, 7), null);
  assert.deepEqual(tracedSteps({ trace: "t.json", traceSteps: null }, 0), { from: 1, to: 50 });
  assert.deepEqual(tracedSteps({ trace: "t.json", traceSteps: null }, 700), { from: 701, to: 750 });
  assert.deepEqual(tracedSteps({ trace: "t.json", traceSteps: "10-20" }, 700), { from: 10, to: 20 });
});

test("fewest workers: not more than there are, and a time to wait for them only with their number", () => {
  assert.throws(() => completePlacement({ waitWorkers: 60 }), { message: /--min-workers is missing/ });
  assert.throws(() => completePlacement({ workers: 2, minWorkers: 3 }), {
    message: /^--min-workers 3 is more than --gpus 2/,
  });
  assert.equal(completePlacement({ minWorkers: 3, waitWorkers: 60 }).waitWorkers, 60);
});

test("backups need results that can come too late, so they take frames", () => {
  assert.equal(completePlacement({ backupShards: true }).exchange, "frames");
  assert.throws(() => completePlacement({ backupShards: true, exchange: "shared-memory" }), {
    message: /^--backup-shards needs results that can come too late/,
  });
});

test("an address with a password in it is refused without showing it, and the message says where it goes", () => {
  assert.throws(() => completePlacement({ mlflow: "http://me:secret@host:5000/" }), {
    code: "config",
    message: /^--mlflow: expected an address .*MLFLOW_TRACKING_PASSWORD\), received "http:\/\/…@host:5000\/"$/,
  });
  assert.equal(completePlacement({ mlflow: "http://host:5000" }).mlflow, "http://host:5000");
});
