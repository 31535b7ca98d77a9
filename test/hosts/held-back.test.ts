/** What holds a run back is named right, in the terminal while it trains and in its summary. Needs two cores for itself. */
import { test } from "node:test";
import { assertNamed } from "../support/held-back.js";
import { SLOWED } from "../support/slowed-runs.js";

for (const slowed of SLOWED) test(`${slowed.name} is named`, (context) => assertNamed(context, slowed));
