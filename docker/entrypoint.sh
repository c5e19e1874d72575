#!/bin/sh
# What the container runs: a platform gives `serve`, people may give any command of `moor`, or any other program.
# exec, so that it becomes process 1 and hears SIGTERM.
case "${1:-serve}" in
    serve | ask | eval | build | bench | image | pack | doctor | deploy | destroy | transform | local | worker | --help | -h | --version) exec moor "${@:-serve}" ;;
    -*) exec moor serve "$@" ;;
    *) exec "$@" ;;
esac
