"""Run containers, with a container engine or as plain processes."""
