// Endpoints: status, variants, log and the form to ask one. A view has a root, and an update after each poll.
import { askBox } from "./ask.js";
import { SNIPPETS } from "./commands.js";
import { log } from "./log.js";
import { empty, link, status, when } from "./parts.js";
import { code } from "./shared/code.js";
import { h, panel, swap, table } from "./shared/dom.js";
import { state } from "./state.js";

// A list beside the details of the selected item.
export function split(kind, items, chosen, line, detail, none) {
  const list = h("ul", { class: "items" }),
    side = h("div", { class: "stack" }),
    root = h("div", {});
  let open = null,
    opened;
  return {
    root,
    update: async () => {
      const all = items();
      if (!all.length && !chosen) {
        open = null;
        opened = undefined;
        swap(root, "none", none);
        return;
      }
      swap(root, "some", () => h("div", { class: "split" }, h("nav", { "aria-label": kind }, list), side));
      const name = chosen || all[0].name,
        one = all.find((item) => item.name === name);
      swap(list, [name, all], () =>
        all.map((item) =>
          h(
            "li",
            {},
            h("a", { href: link(kind, item.name), "aria-current": item.name === name && "true" }, line(item)),
          ),
        ),
      );
      if (opened !== `${name}/${!!one}`) {
        opened = `${name}/${!!one}`;
        open = one ? detail(name) : null;
        side.replaceChildren(
          open
            ? open.node
            : h(
                "p",
                { class: "panel quiet" },
                `${kind === "jobs" ? "Transform job" : "Endpoint"} '${name}' not found. `,
                h("a", { href: link(kind) }, "Show all"),
              ),
        );
      }
      if (open) await open.update(one);
    },
  };
}

export function endpoints(chosen) {
  const none = () => {
    const said = "Deploy the embedded model from a shell, then ask it a question here:";
    const more = [
      "Or use your own code with this address: ",
      h("a", { href: "#/connect" }, "how to connect"),
      ".",
    ];
    return empty("No endpoint yet", said, code(SNIPPETS.deploy()), h("p", { class: "quiet" }, more));
  };
  return split("endpoints", () => state.data.endpoints, chosen, listed, endpoint, none);
}

export function listed(one) {
  const stamp = h("span", { class: "quiet small" }, when(one.created));
  return [h("strong", {}, one.name), h("span", { class: "row" }, status(one.status), stamp)];
}

function endpoint(name) {
  const head = h("section", { class: "panel stack" }),
    said = log(`/endpoints/${encodeURIComponent(name)}/log`),
    asking = h("div", { class: "stack" });
  return {
    node: h("div", { class: "stack" }, head, asking, panel("Log", said.node)),
    update: async (one) => {
      const serving = ["InService", "Updating", "SystemUpdating"].includes(one.status);
      swap(head, one, () => endpointFacts(one));
      swap(asking, [serving, one.asynchronous, one.status, one.target], () =>
        serving && !one.asynchronous ? askBox(name, one.target) : panel("Ask", whyNot(one)),
      );
      await said.update();
    },
  };
}

function endpointFacts(one) {
  const variants = one.variants.map((v) => [
    v.name,
    h("a", { href: "#/models" }, v.model || "–"),
    [v.image && h("code", {}, v.image), v.image && h("br"), v.kind],
    `${v.instances ?? 0} of ${v.wanted ?? "?"}`,
    v.weight ?? "–",
  ]);
  const stamps = [" · created ", when(one.created), " · modified ", when(one.modified)];
  return [
    h("div", { class: "row between" }, h("h1", {}, one.name), status(one.status)),
    one.reason && h("p", { class: "callout", role: "alert" }, one.reason),
    h("p", { class: "quiet small" }, "Configuration ", h("code", {}, one.config), stamps),
    variants.length > 0 && table(["Variant", "Model", "Runs as", "#Instances", "#Weight"], variants),
  ].filter(Boolean);
}

function whyNot(one) {
  const said =
    one.status === "Failed"
      ? "This endpoint failed; the reason is above. Delete it and create it again."
      : one.asynchronous
        ? "This endpoint is asynchronous: upload the request to a bucket and call invoke_endpoint_async."
        : "Available when the endpoint is InService.";
  return h("p", { class: "quiet" }, said);
}
