#!/bin/sh -eu
# build.sh TARGET PROGRAM: builds the harness of that name with AddressSanitizer and UBSan.  With
# CC=clang it is a fuzzer of its own; with any other compiler it runs the files that it is given.
# SOURCES=FOLDER takes the core's C from there.
target=$1 program=$2
fuzz=$(cd "$(dirname "$0")" && pwd)
sources=${SOURCES:-$fuzz/../damon_core/_native}
case $target in
perf_record) files="perf_record perf_sample" ;;
perf_ring) files="perf_record perf_sample perf_ring" ;;
perf_file) files="perf_record perf_sample perf_file" ;;
*)
	echo "build.sh: no harness $target, there are perf_record, perf_ring, perf_file" >&2
	exit 2
	;;
esac
case ${CC:-cc} in
*clang*) sanitizers=fuzzer,address,undefined driver= ;;
*) sanitizers=address,undefined driver=$fuzz/replay.c ;;
esac
paths=
for file in $files; do
	paths="$paths $sources/$file.c"
done
# shellcheck disable=SC2086  # lists of files
exec ${CC:-cc} -g -O1 -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wstrict-prototypes -Werror \
	-fsanitize=$sanitizers -fno-sanitize-recover=all \
	-I"$sources" -I"$fuzz/../damon_core/include" -o "$program" "$fuzz/$target.c" $driver $paths
