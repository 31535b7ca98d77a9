/** Calls `work` for 0 … count - 1, at most `lanes` at a time. The first error ends it, once what was begun has ended. */
export async function inParallel(count: number, lanes: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const errors: unknown[] = [];
  const lane = async () => {
    while (next < count && errors.length === 0) {
      const index = next++;
      await work(index).catch((error: unknown) => errors.push(error));
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanes, count) }, lane));
  if (errors.length > 0) throw errors[0];
}
