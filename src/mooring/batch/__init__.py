"""Answer a whole corpus: files of records in, files of answers out (`moor batch`).

The unit of work is a shard, a range of records of one file. `job.py` fixes all shards in a manifest before the first
one is answered. `local.py` or `cluster.py` then answers them one by one with `shards.py`: read, answer, and commit the
part under a name that depends on the shard alone. A shard counts as done once the manifest says so. What was killed is
therefore continued by running the same job again, and a shard that is answered twice replaces its part by an equal one.
"""
