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
