/** Slurm's lists of hosts, as slurm_hostlist_create(3) describes them. */

/** No cluster is larger; a damaged list must not fill the memory. */
const MOST_HOSTS = 1_000_000;

/** `n[1-3,07]x,login` as n1x, n2x, n3x, n07x, login, in the list's order; null for what is no such list. */
export function expandHostlist(list: string): string[] | null {
  if (/\s/.test(list)) return null;
  const hosts: string[] = [];
  for (const entry of list.match(/(?:\[[^\]]*\]|[^,[\]])+/g) ?? []) {
    const expanded = expandEntry(entry);
    if (expanded === null || hosts.length + expanded.length > MOST_HOSTS) return null;
    for (const host of expanded) hosts.push(host);
  }
  const brackets = list.replace(/\[[^[\]]*\]/g, "");
  return hosts.length === 0 || /[[\]]/.test(brackets) || /^,|,,|,$/.test(brackets) ? null : hosts;
}

/** Several brackets of one entry multiply, the last one counting fastest. */
function expandEntry(entry: string): string[] | null {
  const match = /^([^[]*)\[([^\]]*)\](.*)$/.exec(entry);
  if (match === null) return [entry];
  const [, before = "", ranges = "", after = ""] = match;
  const rest = expandEntry(after);
  const numbers = expandRanges(ranges);
  if (rest === null || numbers === null || rest.length * numbers.length > MOST_HOSTS) return null;
  return numbers.flatMap((number) => rest.map((end) => `${before}${number}${end}`));
}

/** `1-3,07`; leading zeros are the width of what is counted. */
function expandRanges(ranges: string): string[] | null {
  const numbers: string[] = [];
  for (const range of ranges.split(",")) {
    const match = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(range);
    if (match === null) return null;
    const [, low = "", high = low] = match;
    if (Number(high) < Number(low) || numbers.length + Number(high) - Number(low) >= MOST_HOSTS) return null;
    for (let number = Number(low); number <= Number(high); number++)
      numbers.push(String(number).padStart(low.length, "0"));
  }
  return numbers;
}
