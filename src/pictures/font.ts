/** Letters as strokes, so that they can be drawn at any size without a font file. Pure. */

/**
 * Each letter on a grid of 4 by 8: capitals from line 0 to the baseline at 6, small ones from 2, descenders to 8. A stroke is
 * a chain of points, column and line; strokes are separated by spaces, points are pairs of digits. One point is a dot.
 */
const STROKES: Readonly<Record<string, string>> = {
  " ": "",
  "!": "2024 26",
  '"': "1012 3032",
  "#": "1016 3036 0242 0444",
  $: "413010010213334445361605 2026",
  "%": "0640 0010110100 3545463635",
  "&": "4612112031320405162644",
  "'": "2022",
  "(": "302112142536",
  ")": "102132342516",
  "*": "2125 1234 1432",
  "+": "2125 0343",
  ",": "252617",
  "-": "1333",
  ".": "26",
  "/": "0640",
  "0": "103041453616050110 3214",
  "1": "112026 1636",
  "2": "01103041420646",
  "3": "0110304142334445361605 1333",
  "4": "36300444",
  "5": "400002324345361605",
  "6": "4130100105163645443303",
  "7": "004016",
  "8": "13334241301001021304051636454433",
  "9": "0516364541301001021343",
  ":": "23 26",
  ";": "23 252617",
  "<": "410345",
  "=": "0242 0444",
  ">": "014305",
  "?": "01103041422324 26",
  "@": "4536160501103041443432221324",
  A: "062046 1434",
  B: "00063645443303 3342413000",
  C: "4130100105163645",
  D: "00062644422000",
  E: "40000646 0333",
  F: "400006 0333",
  G: "41301001051636454323",
  H: "0006 4046 0343",
  I: "1030 2026 1636",
  J: "4045361605",
  K: "0006 400346",
  L: "000646",
  M: "0600234046",
  N: "06004640",
  O: "103041453616050110",
  P: "06003041423303",
  Q: "103041453616050110 2446",
  R: "06003041423303 2346",
  S: "413010010213334445361605",
  T: "0040 2026",
  U: "000516364540",
  V: "002640",
  W: "0016233640",
  X: "0046 4006",
  Y: "002340 2326",
  Z: "00400646",
  "[": "30101636",
  "\\": "0046",
  "]": "10303616",
  "^": "022042",
  _: "0747",
  "`": "1021",
  a: "12324346 453616051444",
  b: "0006 0312324345361605",
  c: "4332120305163645",
  d: "4046 4332120305163645",
  e: "04444332120305163645",
  f: "40302126 0333",
  g: "4332120305163645 4247381807",
  h: "0006 0312324346",
  i: "122226 1636 20",
  j: "2232372818 30",
  k: "0006 320436",
  l: "102026 1636",
  m: "0206 03122326 23324346",
  n: "0206 0312324346",
  o: "123243453616050312",
  p: "0208 0312324345361605",
  q: "4248 4332120305163645",
  r: "0206 031232",
  s: "43321203143445361605",
  t: "10152636 0232",
  u: "0205163645 4246",
  v: "022642",
  w: "0216243642",
  x: "0246 4206",
  y: "0226 4208",
  z: "02420646",
  "{": "30212213242536",
  "|": "2027",
  "}": "10212233242516",
  "~": "04133342",
  "·": "24",
  "…": "06 26 46",
  "×": "1335 3315",
  "–": "0343",
  "→": "0444 334435",
};
/** For all that has no strokes of its own. */
const UNKNOWN = "0040460600";

type Points = readonly (readonly [x: number, y: number])[];

/** Lines of the grid in a letter's size (an em), and columns from one letter to the next. */
const LINES = 10;
const BASELINE = 6;
const COLUMNS = 6;

/** From one letter to the next: all are as wide, as in the fonts that SVG names. */
export function advanceOf(size: number): number {
  return (COLUMNS * size) / LINES;
}

/** The strokes of a line of text that begins at `x`, on the baseline `y`. Accents are left out. */
export function strokesOf(words: string, x: number, y: number, size: number): Points[] {
  const unit = size / LINES;
  return [...plain(words)].flatMap((letter, place) => {
    const strokes = STROKES[letter] ?? UNKNOWN;
    const left = x + place * advanceOf(size) + unit;
    return strokes
      .split(" ")
      .filter((stroke) => stroke !== "")
      .map((stroke) =>
        Array.from({ length: Math.floor(stroke.length / 2) }, (_, at) => {
          const [column = 0, line = 0] = [Number(stroke[2 * at]), Number(stroke[2 * at + 1])];
          return [left + column * unit, y + (line - BASELINE) * unit] as const;
        }),
      );
  });
}

function plain(words: string): string {
  return words.normalize("NFD").replace(/\p{Mark}/gu, "");
}
