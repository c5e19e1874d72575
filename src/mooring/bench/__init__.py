"""Generate load for `moor bench`, with its own HTTP client; docs/dependencies.md says why.

exchange.py   one connection with one request in flight, with minimal overhead
client.py     a connection that is reopened when lost
loops.py      when to send what: a closed loop, or an open one (timed by alarm.py)
load.py       many clients, one run → counts (tally.py, histogram.py)
bodies.py     files, or texts of chosen lengths (lengths.py) → requests
session.py    consecutive runs of a plan or a sweep (sweep.py)
report.py     counts → figures for people and machines
page.py       figures → one HTML page with charts (page_plots.py, drawn by mooring/charts.py)
"""
