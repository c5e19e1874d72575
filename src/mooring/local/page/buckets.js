// Buckets as folders, objects as files.
function buckets(name, prefix) {
  const root = h("div", { class: "stack" });
  if (!name)
    return {
      root,
      update: () =>
        swap(root, data.buckets, () =>
          data.buckets.length
            ? [
                h("h1", {}, "Buckets"),
                panel(
                  null,
                  table(
                    ["Bucket", "Region", "Created"],
                    data.buckets.map((b) => [
                      h("a", { href: link("buckets", b.name) }, b.name),
                      b.region,
                      when(b.created),
                    ]),
                  ),
                ),
              ]
            : [
                empty(
                  "No bucket yet",
                  "A bucket is a folder on this machine, and objects are plain files in it. Make one:",
                  code(SNIPPETS.bucket()),
                ),
              ],
        ),
    };
  return {
    root,
    update: async () => {
      const found = await get(`/buckets/${encodeURIComponent(name)}?prefix=${encodeURIComponent(prefix)}`),
        parts = prefix.split("/").slice(0, -1);
      swap(root, found, () => [
        h(
          "h1",
          { class: "crumbs" },
          h("a", { href: "#/buckets" }, "Buckets"),
          " / ",
          h("a", { href: link("buckets", name) }, name),
          parts.map((part, i) => [
            " / ",
            h("a", { href: link("buckets", name, parts.slice(0, i + 1).join("/") + "/") }, part || "(empty)"),
          ]),
        ),
        panel(
          null,
          found.folders.length + found.objects.length
            ? table(
                ["Name", "#Size", "Type", "Changed"],
                [
                  ...found.folders.map((f) => [
                    h("a", { href: link("buckets", name, f) }, f.slice(prefix.length)),
                    "",
                    "folder",
                    "",
                  ]),
                  ...found.objects.map((o) => [
                    h(
                      "a",
                      {
                        href: `${API}/buckets/${encodeURIComponent(name)}/object?key=${encodeURIComponent(o.key)}`,
                        download: "",
                      },
                      o.key.slice(prefix.length) || "(the folder itself)",
                    ),
                    bytes(o.size),
                    o.content_type,
                    when(o.modified),
                  ]),
                ],
              )
            : h(
                "p",
                { class: "quiet" },
                "Nothing here. Upload with any S3 client, or copy files into the folder below.",
              ),
          found.next &&
            h(
              "p",
              { class: "quiet" },
              `Only the first ${found.objects.length + found.folders.length} are shown.`,
            ),
        ),
        h("p", { class: "quiet small" }, "On disk: ", h("code", {}, `${found.folder}/${prefix}`)),
      ]);
    },
  };
}
