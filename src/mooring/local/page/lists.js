// Models, transform jobs, and how to connect.
function models() {
  const root = h("div", { class: "stack" });
  return {
    root,
    update: () =>
      swap(root, data.models, () =>
        data.models.length
          ? [
              h("h1", {}, "Models"),
              panel(
                null,
                table(
                  ["Model", "Image", "Model data", "Environment", "Created"],
                  data.models.map((one) => [
                    h("strong", {}, one.name),
                    one.containers.map((c) => h("div", {}, h("code", {}, c.image))),
                    one.containers.map((c) =>
                      h(
                        "div",
                        {},
                        c.data
                          ? h("code", {}, c.data)
                          : h(
                              "span",
                              { class: "quiet" },
                              "none: the embedded model, unless HF_MODEL_ID names one",
                            ),
                      ),
                    ),
                    one.containers.map((c) =>
                      Object.entries(c.environment)
                        .filter(([, v]) => v !== "")
                        .map(([k, v]) => h("div", {}, h("code", {}, `${k}=${v}`))),
                    ),
                    when(one.created),
                  ]),
                ),
              ),
            ]
          : [
              empty(
                "No model yet",
                "A model is an image and, if you like, model data. One that needs nothing else:",
                code(SNIPPETS.model()),
              ),
            ],
      ),
  };
}

function jobs(chosen) {
  return split(
    "jobs",
    () => data.jobs,
    chosen,
    (one) => [
      h("strong", {}, one.name),
      h("span", { class: "row" }, status(one.status), h("span", { class: "quiet small" }, when(one.created))),
    ],
    (name) => {
      const head = h("section", { class: "panel stack" }),
        said = log(`/jobs/${encodeURIComponent(name)}/log`);
      return {
        node: h("div", { class: "stack" }, head, panel("Log", said.node)),
        update: async (one) => {
          swap(head, one, () =>
            [
              h("div", { class: "row between" }, h("h1", {}, one.name), status(one.status)),
              one.reason && h("p", { class: "callout", role: "alert" }, one.reason),
              h(
                "dl",
                { class: "pairs" },
                [
                  ["Model", one.model],
                  ["Input", place(one.input)],
                  ["Output", place(one.output)],
                  ["Took", one.began && one.ended ? `${(one.ended - one.began).toFixed(1)} s` : "–"],
                ].map(([k, v]) => [h("dt", {}, k), h("dd", {}, v)]),
              ),
            ].filter(Boolean),
          );
          await said.update();
        },
      };
    },
    () =>
      empty(
        "No transform job yet",
        "A transform job asks a model about every line of the files in a bucket, and writes the answers down:",
        code(SNIPPETS.transform()),
      ),
  );
}

function place(uri) {
  const found = /^s3:\/\/([^/]+)\/?(.*)$/.exec(uri);
  return found
    ? h("a", { href: link("buckets", found[1], found[2].replace(/[^/]*$/, "")) }, h("code", {}, uri))
    : uri || "–";
}

function connect() {
  const root = h("div", { class: "stack" });
  return {
    root,
    update: () =>
      swap(root, data.account, () => [
        h("h1", {}, "Connect"),
        h(
          "p",
          { class: "quiet" },
          "What speaks to AWS through boto3, the SageMaker SDK or the AWS CLI can speak to this address instead. " +
            "No account is needed, and any keys will do.",
        ),
        panel("In a shell: for all programs that it starts", code(SNIPPETS.shell())),
        panel("In Python: for one client", code(SNIPPETS.client("sagemaker"))),
        panel("With the AWS CLI", code(SNIPPETS.cli())),
        panel(
          "What is here",
          h(
            "dl",
            { class: "pairs" },
            [
              ["Address", h("code", {}, location.origin)],
              [
                "Services",
                "SageMaker, its runtime, S3, STS, IAM, ECR, CloudWatch Logs, Application Auto Scaling",
              ],
              ["Account", h("code", {}, data.account)],
              ["Data", h("code", {}, data.data)],
              ["Mooring", data.version],
            ].map(([k, v]) => [h("dt", {}, k), h("dd", {}, v)]),
          ),
        ),
      ]),
  };
}
