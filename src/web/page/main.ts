/** The browser's first line: which page it is decides what is shown. */
import "./page.css";
import { showRun } from "./run.js";
import { showRuns } from "./runs.js";

if (document.body.dataset.page === "run") showRun(document.body);
else showRuns(document.body);
