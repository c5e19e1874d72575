// What the page knows: the last overview of the API, and the view that is open.
const API = "/_mooring/api";

export const state = { data: null, current: null };

export async function get(path) {
  const answer = await fetch(API + path, { headers: { Accept: "application/json" } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.message || `status ${answer.status}`);
  return body;
}

export const download = (bucket, key) =>
  `${API}/buckets/${encodeURIComponent(bucket)}/object?key=${encodeURIComponent(key)}`;
