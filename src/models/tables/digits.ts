/** Targets of the radial basis functions of LeNet-5 (LeCun et al. 1998, section II.B): bitmaps of 7x12, -1 and +1. */
import { deriveKey, integers } from "../../random.js";

const WIDTH = 7;
const HEIGHT = 12;

/** The ten digits, twelve rows each. */
const DIGITS = [
  "..###.. .##.##. ##...## ##...## ##...## ##...## ##...## ##...## ##...## .##.##. ..###.. .......",
  "...##.. ..###.. .####.. ...##.. ...##.. ...##.. ...##.. ...##.. ...##.. ...##.. .###### .......",
  ".#####. ##...## .....## .....## ....##. ...##.. ..##... .##.... ##..... ##..... ####### .......",
  ".#####. ##...## .....## .....## ..####. .....## .....## .....## .....## ##...## .#####. .......",
  ".....#. ....##. ...###. ..#.##. .#..##. ##..##. ##..##. ####### ....##. ....##. ....##. .......",
  "####### ##..... ##..... ##..... ######. .....## .....## .....## .....## ##...## .#####. .......",
  "..####. .##.... ##..... ##..... ##.###. ###..## ##...## ##...## ##...## .##..## ..####. .......",
  "####### .....## .....## ....##. ....##. ...##.. ...##.. ..##... ..##... .##.... .##.... .......",
  ".#####. ##...## ##...## ##...## .#####. ##...## ##...## ##...## ##...## ##...## .#####. .......",
  ".####.. ##..##. ##...## ##...## ##...## ##..### .###.## .....## .....## ....##. .####.. .......",
] as const;

/**
 * One code of 84 values for each class. Ten classes get the digits, whatever they are; other numbers get random codes,
 * always the same ones, which are as far apart as random codes are.
 */
export function codesFor(classes: number): readonly (readonly number[])[] {
  if (classes === DIGITS.length)
    return DIGITS.map((rows) => [...rows.replaceAll(" ", "")].map((pixel) => (pixel === "#" ? 1 : -1)));
  return Array.from({ length: classes }, (_, label) =>
    Array.from(integers(deriveKey(0, "rbf", label), WIDTH * HEIGHT), (word) => (word & 1 ? 1 : -1)),
  );
}
