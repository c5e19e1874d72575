"""For MXNet."""

from mooring.handler.not_offered import no_module

raise no_module(__name__, "MXNet is no longer maintained. Read images with pillow and arrays with numpy.")
