#!/bin/sh -eu
# SPDX-License-Identifier: Apache-2.0
# Builds the kernel of the VM tests from Debian's package linux-source-6.12 and lab.config.
# Usage: build-lab-kernel.sh IMAGE, the bzImage to write.  Needs 4 GB of disk, and half an hour on
# two CPUs.
here=$(cd "$(dirname "$0")" && pwd)
image=${1:?"usage: build-lab-kernel.sh IMAGE"}
needed="linux-source-6.12 flex bison bc libelf-dev libssl-dev dwarves xz-utils zstd kmod rsync gcc make"
missing=
for package in $needed; do
	dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
if [ -n "$missing" ]; then
	[ "$(id -u)" -eq 0 ] || { echo "build-lab-kernel: as root, apt-get install$missing" >&2; exit 1; }
	echo "build-lab-kernel: apt-get install$missing" >&2
	# shellcheck disable=SC2086 # several packages, several words
	apt-get install -qq -y --no-install-recommends $missing >/dev/null
fi
work=$(mktemp -d /var/tmp/lab-kernel.XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM # which alone would leave 2 GB behind
tar -C "$work" -xf /usr/src/linux-source-6.12.tar.xz
cd "$work"/linux-source-6.12
mkdir ../build
make -s O=../build ARCH=x86_64 tinyconfig
scripts/kconfig/merge_config.sh -s -O ../build -m ../build/.config "$here/lab.config" >/dev/null
make -s O=../build ARCH=x86_64 olddefconfig
make -s O=../build ARCH=x86_64 -j"$(nproc)" bzImage
cp ../build/arch/x86/boot/bzImage "$image"
echo "build-lab-kernel: $image" >&2
