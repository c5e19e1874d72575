"""Of `mooring_local.objects`."""
