"""Of `mooring_local.page`."""
