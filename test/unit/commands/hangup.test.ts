import assert from "node:assert/strict";
import { test } from "node:test";
import { hangupIsIgnored, readTraces, type Traces } from "../../../src/commands/hangup.js";

const PLAIN: Traces = {
  parent: "Name:\tbash\nSigIgn:\t0000000000384004\n",
  startedBy: "/usr/local/bin/cnn-dist",
  input: "/dev/pts/0",
  inputInfo: "pos:\t0\nflags:\t0100002\n",
};

test("a hang-up counts, unless something tells of nohup", () => {
  const ignored = (traces: Partial<Traces>) => hangupIsIgnored({ ...PLAIN, ...traces });
  assert.equal(ignored({}), false);
  assert.equal(ignored({ parent: "", startedBy: undefined, input: "", inputInfo: "" }), false);
  assert.equal(ignored({ startedBy: "/usr/bin/nohup" }), true);
  assert.equal(ignored({ parent: "SigIgn:\t0000000000000001\n" }), true);
  assert.equal(ignored({ input: "/dev/null", inputInfo: "pos:\t0\nflags:\t0100001\n" }), true);
  assert.equal(ignored({ input: "/dev/null", inputInfo: "pos:\t0\nflags:\t0100000\n" }), false, "< /dev/null");
  assert.equal(ignored({ input: "/tmp/file", inputInfo: "pos:\t0\nflags:\t0100001\n" }), false);
});

test("the traces of this very process can be read", () => {
  const traces = readTraces({ _: "/usr/bin/node" });
  assert.match(traces.parent, /^SigIgn:\t[0-9a-f]+$/m);
  assert.equal(traces.startedBy, "/usr/bin/node");
  assert.match(traces.inputInfo, /^flags:\t\d+$/m);
});
