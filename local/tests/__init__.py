"""Of `mooring_local`."""
