"""Of `mooring.local.page`."""
