// Prometheus' text format: samples by name, and numbers from histograms.
const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

export function parse(text) {
  const found = new Map();
  for (const line of text.split("\n")) {
    const parts = line.startsWith("#") ? null : LINE.exec(line);
    if (!parts) continue;
    const labels = Object.fromEntries(
      [...(parts[2] || "").matchAll(LABEL)].map(([, name, value]) => [name, value]),
    );
    const value = parts[3] === "+Inf" ? Infinity : Number(parts[3]);
    if (!found.has(parts[1])) found.set(parts[1], []);
    found.get(parts[1]).push({ labels, value });
  }
  return found;
}

const chosen = (samples, name, keep) => (samples.get(name) || []).filter(({ labels }) => keep(labels));
const all = () => true;

export const sum = (samples, name, keep = all) =>
  chosen(samples, name, keep).reduce((total, { value }) => total + value, 0);
export const largest = (samples, name) =>
  Math.max(0, ...chosen(samples, name, all).map(({ value }) => value));

// Totals of a counter by one of its labels.
export function by(samples, name, label) {
  const totals = {};
  for (const { labels, value } of chosen(samples, name, all))
    totals[labels[label]] = (totals[labels[label]] || 0) + value;
  return totals;
}

// [upper bound, cumulative count] of a histogram over all workers, in order.
export function buckets(samples, name) {
  const totals = by(samples, `${name}_bucket`, "le");
  const bound = (text) => (text === "+Inf" ? Infinity : Number(text));
  return Object.entries(totals)
    .map(([text, total]) => [bound(text), total])
    .sort((a, b) => a[0] - b[0]);
}

// What came between two looks at a histogram.
export const since = (now, before) => now.map(([bound, total], i) => [bound, total - (before[i]?.[1] || 0)]);

// The value below which a share of the observations lies, by straight lines inside buckets; null if there are none.
export function quantile(found, share) {
  const total = found.at(-1)?.[1] || 0;
  if (total <= 0) return null;
  const wanted = share * total;
  let low = 0,
    below = 0;
  for (const [bound, upTo] of found) {
    if (upTo >= wanted) {
      if (bound === Infinity) return low;
      return upTo === below ? bound : low + ((bound - low) * (wanted - below)) / (upTo - below);
    }
    [low, below] = [bound, upTo];
  }
  return low;
}
