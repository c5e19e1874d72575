// What the page knows: the last overview of the API, and the view that is open.
import { read } from "./shared/read.js";

const API = "/_mooring/api";

export const state = { data: null, current: null };

export const get = (path) => read(API + path);

export const download = (bucket, key) =>
  `${API}/buckets/${encodeURIComponent(bucket)}/object?key=${encodeURIComponent(key)}`;
