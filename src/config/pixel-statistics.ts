/** What is known of a training set's pixels: kept in the checkpoint, sent to the workers. */
import { z } from "zod";

const finite = z.number().finite();
const rgb = z.tuple([finite, finite, finite]);

export const pixelStatisticsSchema = z.strictObject({
  /** Of each channel, over pixels in [0, 1]. */
  mean: z.array(finite).min(1),
  deviation: z.array(z.number().positive().finite()).min(1),
  /** Of three channels: eigenvalues of their covariance, the greatest first, and a unit eigenvector for each. */
  principal: z.strictObject({ values: rgb, vectors: z.tuple([rgb, rgb, rgb]) }).nullable(),
});
export type PixelStatistics = z.infer<typeof pixelStatisticsSchema>;

/** What a network's images are normalised by, each channel by itself; null where its pixels stay in [0, 1]. */
export function normalizationOf(
  { normalization }: { normalization: "none" | "channel" },
  statistics: PixelStatistics | null,
): Pick<PixelStatistics, "mean" | "deviation"> | null {
  if (normalization !== "channel" || statistics === null) return null;
  const { mean, deviation } = statistics;
  return { mean, deviation };
}
