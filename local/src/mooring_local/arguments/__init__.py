"""What each service does with each argument: one table per service (classes: see `mooring_local.wire.arguments`).

`docs/reference/operations.md` is generated from these tables, and a test compares them with botocore's models.
"""
