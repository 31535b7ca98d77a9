/** The library: what the command line does, as functions. docs/library.md lists their options. */
export type { Placement } from "./config/placement.js";
export type { WrittenRecipe } from "./config/recipe.js";
export { CnnDistError, UsageError } from "./errors.js";
export type { Prediction } from "./evaluation/predict.js";
export type * from "./events.js";
export { type Evaluation, evaluate } from "./library/evaluate.js";
export { type Exported, exportCheckpoint } from "./library/export.js";
export type {
  CheckpointControl,
  Control,
  EvaluateOptions,
  ExportOptions,
  PictureOptions,
  PredictOptions,
  ProgressReport,
  ReportOptions,
  ResumeOptions,
  TrainOptions,
  VerifyOptions,
} from "./library/options.js";
export { type Picture, picture } from "./library/picture.js";
export { predict } from "./library/predict.js";
export { type Report, report } from "./library/report.js";
export { resume } from "./library/resume.js";
export { compareRuns, deleteRun, listRuns } from "./library/runs.js";
export { train } from "./library/train.js";
export { verify } from "./library/verify.js";
export type { Verification } from "./run/verify.js";
export type * from "./runs/types.js";
