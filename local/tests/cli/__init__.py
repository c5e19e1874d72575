"""Of `mooring_local.cli`."""
