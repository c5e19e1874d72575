"""What each service does with each argument: one table a service, in the classes of `mooring_local.wire.arguments`.

`docs/reference/operations.md` is written from these tables, and a test compares them with botocore's models.
"""
