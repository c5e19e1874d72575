"""Of `mooring_local.batch`."""
