// Snippets to copy and run, with the address of this page.
import { state } from "./state.js";

// `moor local env` defaults to 127.0.0.1, port 4567.
function where() {
  const host = location.hostname.replace(/^\[|\]$/g, "");
  const named = ["127.0.0.1", "localhost"].includes(host) ? [] : [`--host ${host}`];
  return location.port === "4567" ? named : [...named, `--port ${location.port || 80}`];
}

export const SNIPPETS = {
  shell: () => `eval "$(${["moor local env", ...where()].join(" ")})"`,
  deploy: () => `${SNIPPETS.shell()}
moor deploy --name qa`,
  transform: () => `${SNIPPETS.shell()}
moor transform qa --input s3://my-bucket/questions/ --output s3://my-bucket/answers/`,
  bucket: () => `${SNIPPETS.shell()}
aws s3 mb s3://my-bucket`,
  cli: () => `aws --endpoint-url ${location.origin} sagemaker list-endpoints`,
  client: (service) => `import boto3

${service.replaceAll("-", "_")} = boto3.client(
    "${service}", endpoint_url="${location.origin}", region_name="us-east-1",
    aws_access_key_id="any", aws_secret_access_key="any",
)`,
  model: () => `${SNIPPETS.client("sagemaker")}
sagemaker.create_model(
    ModelName="qa", PrimaryContainer={"Image": "mooring"},
    ExecutionRoleArn="arn:aws:iam::${state.data.account}:role/SageMakerLocal",
)`,
};
