#!/bin/sh -eu
# Makes .venv with everything that `make demo` and `make test` need, from nothing but python3, a C
# compiler and make.  As root it installs the Debian packages that are missing, and says so; else it
# says what to install.  With "vm" as its argument also what only tests need: servers to be monitored,
# a browser for pages, a terminal, and QEMU for another kernel.
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

say() {
	echo "set-up: $*" >&2
}

die() {
	say "$*"
	exit 1
}

# install WHY PACKAGE...: by apt where that is possible, else the advice to do so.
install() {
	why=$1
	shift
	if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
		say "$why: apt-get install $*"
		DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null ||
			{ apt-get update -qq &&
				DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null; } ||
			return 1
	else
		say "$why: as root, apt-get install $*"
		return 1
	fi
}

# As install, for servers that tests start themselves: the package must not start its own.
install_unstarted() {
	policy=/usr/sbin/policy-rc.d
	if [ "$(id -u)" -ne 0 ] || [ -e $policy ]; then
		install "$@"
		return
	fi
	trap 'rm -f /usr/sbin/policy-rc.d' EXIT
	printf '#!/bin/sh\nexit 101\n' >$policy && chmod +x $policy
	install "$@" && rc=0 || rc=$?
	rm -f $policy
	trap - EXIT
	return $rc
}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null ||
	die "$python is missing or older than 3.10: install it, or set PYTHON to a newer one"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
	install "no module venv" python3-venv || die "cannot go on without it"
"$python" -c 'import os, sysconfig as s; os.stat(s.get_path("include") + "/Python.h")' 2>/dev/null ||
	install "no Python headers" python3-dev || die "cannot go on without them"
command -v "${CC:-cc}" >/dev/null || install "no C compiler" gcc libc6-dev ||
	die "cannot go on without it"
if [ "${1:-}" = vm ]; then
	for server in redis-server memcached; do
		command -v $server >/dev/null ||
			install_unstarted "no $server" $server || say "the tests with it will be skipped"
	done
fi
if [ "${1:-}" = vm ]; then
	command -v chromium >/dev/null || command -v google-chrome >/dev/null ||
		install "no Chromium" chromium || say "the tests of pages in a browser will be skipped"
	command -v tmux >/dev/null ||
		install "no tmux" tmux || say "the tests of the live view on a terminal will be skipped"
	command -v qemu-system-x86_64 >/dev/null ||
		install "no QEMU" qemu-system-x86 || say "the tests under other kernels will be skipped"
	command -v busybox >/dev/null ||
		install "no busybox" busybox-static || say "the tests under other kernels will be skipped"
	tools/vm-kernels || say "the tests under those kernels will be skipped"
fi

# Anew when one of these has changed; Python files need no new installation.
stamp=.venv/set-up
inputs=$(find pyproject.toml CMakeLists.txt plugins/*/pyproject.toml plugins/*/CMakeLists.txt \
	damon_core plugins/*/src plugins/*/bpf tools/set-up.sh -name '*.py' -prune -o \
	-name __pycache__ -prune -o -type f -exec cksum {} + | cksum)
if [ -f $stamp ] && [ "$(cat $stamp)" = "$inputs" ]; then
	exit 0
fi
say "building into .venv (about a minute the first time)"
[ -x .venv/bin/python ] || "$python" -m venv .venv
PATH=$PWD/.venv/bin:$PATH
export PATH
python -m pip install -q -U "pip>=25.1"
python -m pip install -q --group build --group tox
python -m pip install -q --no-build-isolation -e .
python -m pip install -q --no-build-isolation -e plugins/accessed_bit -e plugins/page_fault
echo "$inputs" >$stamp
