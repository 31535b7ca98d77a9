/** ' (did you mean "vgg13" or "vgg16"?)' for a word that is not in the list; "" when nothing is near; `prefix` is put before each. */
export function nearest(word: string, names: readonly string[], prefix = ""): string {
  const limit = Math.max(2, Math.floor(word.length / 3));
  const near = names
    .map((name) => ({ name, distance: editDistance(word.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= limit || name.startsWith(word))
    .sort((a, b) => a.distance - b.distance || a.name.localeCompare(b.name))
    .slice(0, 3)
    .map(({ name }) => `"${prefix}${name}"`);
  return near.length === 0 ? "" : ` (did you mean ${near.join(" or ")}?)`;
}

/** Levenshtein 1966. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const change = previous[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(change, previous[column]! + 1, current[column - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}
