# make demo   see it work: monitors a program whose hot memory moves (30 s)
# make test   all tests, on every Python from 3.10 that is found
# make bench  the measured claims, as JSON lines
# Each sets up what it needs, in .venv; tools/set-up.sh says what that is.

.PHONY: help demo test bench check clean

help:
	@sed -n 's/^# //p' Makefile

demo:
	@tools/set-up.sh
	@.venv/bin/python examples/demo.py
	@echo "demo: the command damon is .venv/bin/damon"

test:
	@tools/set-up.sh vm
	@.venv/bin/tox run

bench:
	@tools/set-up.sh
	@.venv/bin/tox run -e wheels,bench

# What to run before a commit: the present Python and source tree, nothing slow.
check:
	@tools/set-up.sh
	@.venv/bin/tox run -e lint,type
	@.venv/bin/python -m pip install -q --group test
	@.venv/bin/pytest -m "not vm and not slow"

clean:
	rm -rf .venv .tox build dist plugins/*/build plugins/*/dist
