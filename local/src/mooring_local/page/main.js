// Select the view, and poll its data while the page is visible.
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
  const moved = current !== null;
  current = { name, ...VIEWS[name](rest[0] || "", rest[1] || "") };
  document.title = `${rest[0] || TITLES[name]} · Mooring`;
  if (data) {
    main.replaceChildren(current.root);
    refresh();
    if (moved) main.focus({ preventScroll: true });
  }
}

async function refresh() {
  const view = current;
  swap(
    document.getElementById("nav"),
    [view.name, data.endpoints.length, data.models.length, data.jobs.length, data.buckets.length],
    () =>
      Object.keys(VIEWS).map((kind) =>
        h(
          "li",
          {},
          h(
            "a",
            { href: link(kind), "aria-current": kind === view.name && "page" },
            TITLES[kind],
            kind in data && h("span", { class: "count" }, String(data[kind].length)),
          ),
        ),
      ),
  );
  try {
    await view.update();
  } catch (error) {
    if (view === current && !(error instanceof TypeError))
      view.root.replaceChildren(h("p", { class: "callout" }, error.message));
  }
}

async function poll() {
  if (!document.hidden) {
    try {
      data = await get("/overview");
      live.className = "live";
      document.getElementById("live-text").textContent = location.host;
      if (!current.root.isConnected) main.replaceChildren(current.root);
      await refresh();
    } catch {
      live.className = "live lost";
      document.getElementById("live-text").textContent = "moor local does not respond";
    }
  }
  setTimeout(poll, EVERY_MS);
}

addEventListener("hashchange", route);
route();
poll();
