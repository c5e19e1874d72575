"""From a model to a SageMaker endpoint: facts → decisions → effects. `plan` is pure; `apply` only executes it."""
