// A line over time, as small as a word.
import { svg } from "./shared/dom.js";

const WIDTH = 240;
const HEIGHT = 44;

// `points`: numbers, null where nothing is known; `length`: how many fill the width.
export function sparkline(points, length) {
  const top = Math.max(1e-9, ...points.filter((one) => one != null)) * 1.1;
  const x = (i) => ((i + length - points.length) / Math.max(1, length - 1)) * WIDTH;
  const y = (value) => HEIGHT - 1 - (value / top) * (HEIGHT - 3);
  const runs = [];
  points.forEach((value, i) => {
    if (value == null) return;
    const place = `${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
    if (i && points[i - 1] != null) runs.at(-1).push(place);
    else runs.push([place]);
  });
  const line = runs.map((run) => `M${run.join("L")}${run.length === 1 ? "h0.1" : ""}`).join("");
  const area = runs
    .filter((run) => run.length > 1)
    .map((run) => `M${run[0].split(" ")[0]} ${HEIGHT}L${run.join("L")}V${HEIGHT}Z`)
    .join("");
  return svg(
    "svg",
    { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("path", { class: "area", d: area }),
    svg("path", { class: "line", d: line, "vector-effect": "non-scaling-stroke" }),
  );
}
