// Offsets and numbers. The server counts characters as Python does, in code points; JavaScript counts UTF-16 units.
const ASTRAL = /[\u{10000}-\u{10ffff}]/gu;

// The UTF-16 offset of each code point offset in a text.
export function unitsOf(text) {
  const places = [];
  for (const found of text.matchAll(ASTRAL)) places.push(found.index - places.length);
  if (!places.length) return (point) => point;
  return (point) => point + countBelow(places, point);
}

// How many of the sorted numbers are less than a limit.
function countBelow(sorted, limit) {
  let low = 0,
    high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

export const lengthOf = (text) => text.length - (text.match(ASTRAL)?.length || 0);

export const count = (number) => Number(number).toLocaleString("en-US");
export const score = (number) => Number(number).toFixed(3);
export const plural = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;

export function ms(milliseconds) {
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(2)} s`;
  return `${milliseconds >= 100 ? Math.round(milliseconds) : milliseconds.toFixed(1)} ms`;
}

export function bytes(size) {
  for (const [unit, one] of [
    ["GB", 1e9],
    ["MB", 1e6],
    ["kB", 1e3],
  ])
    if (size >= one) return `${(size / one).toFixed(1)} ${unit}`;
  return `${size} B`;
}
