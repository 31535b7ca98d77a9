/** Scales of colour that print well and that the colour-blind can read: brightness alone tells the order. Pure. */

/** From nothing to all: white to dark blue. */
const BLUES = ["#ffffff", "#deebf7", "#9ecae1", "#4292c6", "#08519c", "#08306b"] as const;
/** From cold to hot, as heat maps over images have it: dark violet to light yellow. */
const HEAT = ["#0b0424", "#4a0c6b", "#a52c60", "#ed6925", "#f7d13d", "#fcffa4"] as const;

export const blue = (share: number) => mixed(BLUES, share);
export const heat = (share: number) => mixed(HEAT, share);

/** `share` from 0 to 1 along the scale. */
function mixed(scale: readonly `#${string}`[], share: number): `#${string}` {
  const place = Math.max(0, Math.min(1, share)) * (scale.length - 1);
  const below = Math.min(scale.length - 2, Math.floor(place));
  const channels = [1, 3, 5].map((at) => {
    const [from, to] = [scale[below]!, scale[below + 1]!].map((color) => Number.parseInt(color.slice(at, at + 2), 16));
    return Math.round(from! + (place - below) * (to! - from!))
      .toString(16)
      .padStart(2, "0");
  });
  return `#${channels.join("")}`;
}
