"""Running endpoints: start, watch, replace, update and stop them on the control plane's orders."""
