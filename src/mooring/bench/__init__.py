"""The load generator behind `moor bench`. It has a client of its own: docs/dependencies.md says why.

exchange.py   one connection, one request in flight, as little work as possible
client.py     a connection that is replaced when it is lost
loops.py      what is sent when: a closed loop, or an open one (by alarm.py)
load.py       many clients, one run → what was counted (tally.py, histogram.py)
bodies.py     files, or texts of chosen lengths (lengths.py) → requests
session.py    runs one after the other, as a plan or a sweep (sweep.py) says
report.py     what was counted → figures for people and machines
page.py       figures → one HTML page with charts (page_plots.py, drawn by mooring/charts.py)
machine.py    what it was measured on
"""
