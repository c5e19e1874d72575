"""What `moor serve` is inside a container: process 1, nginx in front, workers on unix sockets behind it. Unix only.

supervisor.py   the life of it all          crew.py         the workers             child.py    one slot, kept filled
board.py        who is ready, who is not    background.py   what must not end       folders.py  where files lie
layout.py       what is to run              front_server.py the front's socket
topology.py     which workers, which cores  registry.py     models of an MME        link.py     "ready", "still there"
proxy.py        nginx as a child            nginx_conf.py   its configuration       worker.py   inside a worker
front.py        /ping, /metrics, /info      metrics.py      the sum over workers    asking.py   a GET to a worker
privileges.py   who runs as whom            healthcheck.py  for HEALTHCHECK
"""
