// Select the view, and poll its data while the page is visible.
import { buckets } from "./buckets.js";
import { endpoints } from "./endpoints.js";
import { connect, jobs, models } from "./lists.js";
import { link } from "./parts.js";
import { byId, h, swap } from "./shared/dom.js";
import { get, state } from "./state.js";

const EVERY_MS = 1500;
const main = byId("main"),
  live = byId("live");

const VIEWS = { endpoints, models, jobs, buckets, connect },
  TITLES = {
    endpoints: "Endpoints",
    models: "Models",
    jobs: "Transform jobs",
    buckets: "Buckets",
    connect: "Connect",
  };

// A typed address may be invalid.
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function route() {
  const [kind, ...rest] = location.hash.replace(/^#\//, "").split("/").map(decoded),
    name = Object.hasOwn(VIEWS, kind) ? kind : "endpoints";
  const moved = state.current !== null;
  state.current = { name, ...VIEWS[name](rest[0] || "", rest[1] || "") };
  document.title = `${rest[0] || TITLES[name]} · Mooring`;
  if (state.data) {
    main.replaceChildren(state.current.root);
    refresh();
    if (moved) main.focus({ preventScroll: true });
  }
}

async function refresh() {
  const view = state.current;
  swap(
    byId("nav"),
    [
      view.name,
      state.data.endpoints.length,
      state.data.models.length,
      state.data.jobs.length,
      state.data.buckets.length,
    ],
    () =>
      Object.keys(VIEWS).map((kind) =>
        h(
          "li",
          {},
          h(
            "a",
            { href: link(kind), "aria-current": kind === view.name && "page" },
            TITLES[kind],
            kind in state.data && h("span", { class: "count" }, String(state.data[kind].length)),
          ),
        ),
      ),
  );
  try {
    await view.update();
  } catch (error) {
    // Without a response `poll` tells.
    const answered = !(error instanceof TypeError) && error.name !== "TimeoutError";
    if (answered && view === state.current)
      swap(view.root, error.message, () => h("p", { class: "callout" }, error.message));
  }
}

async function poll() {
  if (!document.hidden) {
    try {
      state.data = await get("/overview");
      live.className = "live";
      byId("live-text").textContent = location.host;
      if (!state.current.root.isConnected) main.replaceChildren(state.current.root);
      await refresh();
    } catch {
      live.className = "live lost";
      byId("live-text").textContent = "moor local does not respond";
    }
  }
  setTimeout(poll, EVERY_MS);
}

addEventListener("hashchange", route);
route();
poll();
