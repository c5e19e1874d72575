"""The load client: `moor bench`, and what `ask` and `eval` speak to a running server with.

target.py   a URL → where to connect and what a request looks like
exchange.py one connection, one request in flight, as little work as possible
load.py     many connections in a closed loop → raw results
report.py   raw results → figures for people and machines
oneshot.py  a single request with the standard library
"""
