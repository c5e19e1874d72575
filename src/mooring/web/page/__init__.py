"""The playground: the page that a browser gets at GET /. Plain ES modules, without a build step.

`shared/` has what the page of `moor local` uses, too.
"""
