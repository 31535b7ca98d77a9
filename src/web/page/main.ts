/** The browser's first line: which page it is decides what is shown. */
import "./page.css";
import { showRun } from "./run.js";

if (document.body.dataset.page === "run") showRun(document.body);
