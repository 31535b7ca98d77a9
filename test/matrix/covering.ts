/**
 * Covering arrays: few rows in which every combination of values of any `strength` factors occurs. Greedy, a row at a time
 * (Cohen, Dalal, Fredman & Patton, "The AETG system", IEEE Transactions on Software Engineering 23(7), 1997). Pure; the
 * same rows every time.
 */

/** Index of a value, by factor. */
export type Row = readonly number[];

export interface Factors {
  /** Number of values, by factor. */
  sizes: readonly number[];
  /** Factors whose values a reference has in common with the row that is compared with it: the first ones. */
  shared: number;
  /** Whether such a row makes sense. */
  allowed: (row: Row) => boolean;
}

/**
 * Rows in pairs: the two agree in the shared factors and differ in the others, so that each is the other's reference. As
 * many as it takes until every allowed combination occurs in some row.
 */
export function coveringPairs({ sizes, shared, allowed }: Factors, strength: number): [Row, Row][] {
  const rows = allRows(sizes).filter(allowed);
  const combinations = numberedCombinations(rows, subsets(sizes.length, Math.min(strength, sizes.length)));
  const open = new Set(combinations.flat());
  const gain = (row: number) => combinations[row]!.reduce((sum, each) => sum + (open.has(each) ? 1 : 0), 0);
  const best = (candidates: readonly number[]): number => {
    const gains = candidates.map(gain);
    const found = candidates[gains.indexOf(Math.max(...gains))]!;
    for (const each of combinations[found]!) open.delete(each);
    return found;
  };
  const head = (row: number) => rows[row]!.slice(0, shared).join();
  const all = [...rows.keys()];
  const pairs: [Row, Row][] = [];
  while (open.size > 0) {
    const first = best(all);
    const second = best(all.filter((row) => row !== first && head(row) === head(first)));
    pairs.push([rows[first]!, rows[second]!]);
  }
  return pairs;
}

/** For each row, the number of each combination of values in it. */
function numberedCombinations(rows: readonly Row[], sets: readonly (readonly number[])[]): number[][] {
  const numbers = new Map<string, number>();
  return rows.map((row) =>
    sets.map((set) => {
      const key = set.map((factor) => `${factor}=${row[factor]}`).join();
      const number = numbers.get(key) ?? numbers.size;
      numbers.set(key, number);
      return number;
    }),
  );
}

function allRows(sizes: readonly number[]): Row[] {
  return sizes.reduce<Row[]>(
    (rows, size) => rows.flatMap((row) => Array.from({ length: size }, (_, value) => [...row, value])),
    [[]],
  );
}

/** Of the numbers below `count`, `size` at a time. */
function subsets(count: number, size: number): number[][] {
  if (size === 0) return [[]];
  if (count < size) return [];
  return [...subsets(count - 1, size), ...subsets(count - 1, size - 1).map((set) => [...set, count - 1])];
}
