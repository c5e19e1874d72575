"""Construct concrete objects from settings. Below this package, constructors take plain values.

source.py  settings → a model's folder, without an engine
model.py   a model's folder → its task and compiled graph
server.py  both → an engine, its routes and a listening process
"""
