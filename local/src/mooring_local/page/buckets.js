// Buckets as folders, objects as files.
import { SNIPPETS } from "./commands.js";
import { empty, link, when } from "./parts.js";
import { code } from "./shared/code.js";
import { h, panel, swap, table } from "./shared/dom.js";
import { bytes } from "./shared/text.js";
import { download, get, state } from "./state.js";

export function buckets(name, prefix) {
  const root = h("div", { class: "stack" });
  if (!name) return { root, update: () => swap(root, state.data.buckets, allBuckets) };
  const path = `/buckets/${encodeURIComponent(name)}?prefix=${encodeURIComponent(prefix)}`;
  return {
    root,
    update: async () => {
      const found = await get(path);
      swap(root, found, () => folder(found));
    },
  };
}

function allBuckets() {
  if (!state.data.buckets.length) {
    const said = "A bucket is a folder on this machine; its objects are plain files. Create one:";
    return empty("No bucket yet", said, code(SNIPPETS.bucket()));
  }
  const rows = state.data.buckets.map((one) => [
    h("a", { href: link("buckets", one.name) }, one.name),
    one.region,
    when(one.created),
  ]);
  return [h("h1", {}, "Buckets"), panel(null, table(["Bucket", "Region", "Created"], rows))];
}

function folder(found) {
  const inner = found.folders.map((one) => [
    h("a", { href: link("buckets", found.name, one) }, one.slice(found.prefix.length)),
    "",
    "folder",
    "",
  ]);
  const objects = found.objects.map((one) => [
    h(
      "a",
      { href: download(found.name, one.key), download: "" },
      one.key.slice(found.prefix.length) || "(itself)",
    ),
    bytes(one.size),
    one.content_type,
    when(one.modified),
  ]);
  const rows = [...inner, ...objects];
  const nothing =
    "This folder is empty. Upload files with any S3 client, or copy them into the folder below.";
  return [
    h("h1", { class: "crumbs" }, crumbs(found)),
    panel(
      null,
      rows.length ? table(["Name", "#Size", "Type", "Modified"], rows) : h("p", { class: "quiet" }, nothing),
      found.next && h("p", { class: "quiet" }, `Showing the first ${rows.length} only.`),
    ),
    h("p", { class: "quiet small" }, "On disk: ", h("code", {}, `${found.folder}/${found.prefix}`)),
  ];
}

function crumbs(found) {
  const parts = found.prefix.split("/").slice(0, -1);
  const steps = parts.map((part, i) => [
    " / ",
    h("a", { href: link("buckets", found.name, parts.slice(0, i + 1).join("/") + "/") }, part || "(empty)"),
  ]);
  return [
    h("a", { href: "#/buckets" }, "Buckets"),
    " / ",
    h("a", { href: link("buckets", found.name) }, found.name),
    steps,
  ];
}
