"""The only place that constructs concrete things from settings: below it, constructors take plain values.

source.py  settings → a model's folder, without an engine
model.py   a model's folder → its task and its compiled graph
server.py  both → an engine, its routes and a process that listens
"""
