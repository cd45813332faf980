#!/bin/sh -eu
# Editable installs of every package into the present Python; C is rebuilt on import.
# Core goes first: the plugins' CMakeLists ask it for its header.  Needs pip >= 25.1.
cd "$(dirname "$0")"
pip install -q -U "pip>=25.1"
pip install -q --group dev
quiet="-Ceditable.rebuild=true -Ceditable.verbose=false"
# shellcheck disable=SC2086 # two settings, two words
pip install -q --no-build-isolation $quiet -e .
pip install -q --no-build-isolation $quiet -e plugins/accessed_bit -e plugins/page_fault -e plugins/perf_pmu
