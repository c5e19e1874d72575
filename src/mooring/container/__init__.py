"""`moor serve` inside a container: process 1, nginx in front, workers on Unix sockets behind it. Unix only.

supervisor.py   process 1                   crew.py         the workers             child.py    one worker slot
board.py        state of the service        folders.py      paths
layout.py       settings to workers
topology.py     number of workers, cores    registry.py     multi-model placement   link.py     worker messages
proxy.py        nginx as a child process    nginx_conf.py   its configuration       worker.py   inside a worker
front.py        /ping, /metrics, /info      metrics.py      sums over workers       asking.py   requests to workers
privileges.py   users of the processes      healthcheck.py  for HEALTHCHECK
"""
