#!/bin/sh -eu
# fuzz.sh [-p] [SECONDS [TARGET...]]: looks for inputs that break the C that reads untrusted bytes:
# each harness of fuzz/ for so many seconds (60), from its corpus and the seeds.  An input that breaks
# one is kept in build/fuzz, and is run again by build/fuzz/TARGET FILE.  With -p the inputs found are
# minimised and packed into fuzz/corpus.
cd "$(dirname "$0")/.."
pack=
if [ "${1:-}" = -p ]; then
	pack=yes
	shift
fi
seconds=${1:-60}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- perf_record perf_ring perf_file
python=${PYTHON:-python3}
CC=${CLANG:-clang}
export CC
command -v "$CC" >/dev/null || {
	echo "fuzz: no $CC: as root, apt-get install clang, or set CLANG to one that has libFuzzer" >&2
	exit 1
}
for target in "$@"; do
	work=build/fuzz/$target.corpus
	mkdir -p "$work/found" "$work/seeds"
	fuzz/build.sh "$target" "build/fuzz/$target"
	"$python" fuzz/corpus.py unpack "$target" "$work/seeds"
	"$python" fuzz/seeds.py "$target" "$work/seeds"
	"build/fuzz/$target" -max_total_time="$seconds" -max_len=8192 -timeout=10 -verbosity=0 \
		-print_final_stats=1 -artifact_prefix="build/fuzz/$target-" "$work/found" "$work/seeds"
	if [ -n "$pack" ]; then
		rm -rf "$work/merged" && mkdir "$work/merged"
		"build/fuzz/$target" -merge=1 -max_len=1024 -verbosity=0 \
			"$work/merged" "$work/seeds" "$work/found"
		"$python" fuzz/corpus.py pack "$target" "$work/merged"
	fi
done
