// A text with marked parts. Marks: {start, end, class} in code points; where two overlap, the first one in the list wins.
import { h } from "./dom.js";
import { unitsOf } from "./text.js";

// Text nodes and <mark>s that together are the text.
export function marked(text, marks) {
  const nodes = [];
  let at = 0;
  for (const { start, end, mark } of apart(text, marks)) {
    if (start > at) nodes.push(text.slice(at, start));
    nodes.push(h("mark", { class: mark.class, title: mark.title }, text.slice(start, end)));
    at = end;
  }
  if (at < text.length) nodes.push(text.slice(at));
  return nodes;
}

// In UTF-16 units, sorted, without overlaps.
function apart(text, marks) {
  const unit = unitsOf(text),
    taken = [];
  for (const mark of marks) {
    const start = unit(mark.start),
      end = Math.min(unit(mark.end), text.length);
    if (end > start && taken.every((one) => end <= one.start || start >= one.end))
      taken.push({ start, end, mark });
  }
  return taken.sort((a, b) => a.start - b.start);
}
