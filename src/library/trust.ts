import type { ModelChoice } from "../models/choice.js";
import { assertTrusted, trustedModelsFile, waysToTrust } from "../models/trust.js";

/** UsageError `model-not-allowed` unless the module is in the user's list, or they say that they trust it. */
export function allowFound(model: ModelChoice, { trustModel = false }: { trustModel?: boolean | undefined }): void {
  if (model.kind === "file" && !trustModel) assertTrusted(model, trustedModelsFile(), waysToTrust(model));
}
