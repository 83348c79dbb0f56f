#!/bin/sh
# Installs the Debian packages that hold the tools named below, where a tool is
# missing, and says so. Usage: install-tools.sh demo|test|arm64|bench-peers
# Without root and with a tool missing it says which and exits 1.
set -eu
PATH=$PATH:/usr/sbin:/sbin
for servers in /usr/lib/postgresql/*/bin; do # whatever the version
	PATH=$PATH:$servers
done

# tool, the Debian package that holds it
demo_tools='
aws        awscli
qemu-img   qemu-utils
nbdcopy    libnbd-bin
mke2fs     e2fsprogs
strings    binutils
'
test_tools='
qemu-io    qemu-utils
qemu-nbd   qemu-utils
nbdinfo    libnbd-bin
nbdfuse    libnbd-bin
nbdsh      python3-libnbd
nbdkit     nbdkit
fio        fio
skopeo     skopeo
certtool   gnutls-bin
curl       curl
initdb     postgresql
pgbench    postgresql
xz         xz-utils
busybox    busybox-static
qemu-system-x86_64 qemu-system-x86
gcc        gcc libc6-dev
chromium   chromium fonts-dejavu-core
qemu-aarch64-static qemu-user-static
'
arm64_tools='
qemu-aarch64-static qemu-user-static
'
peers_tools='
qemu-nbd   qemu-utils
nbdkit     nbdkit
fio        fio
cryptsetup cryptsetup-bin
openssl    openssl
'

# boto3 answers for the Python that runs aws, or the system's own.
has_boto3() {
	for python in "$(head -n 1 "$(command -v aws)" 2>/dev/null | sed -n 's/^#!\(.*python[^ ]*\).*/\1/p')" python3 /usr/bin/python3; do
		[ -n "$python" ] && "$python" -c 'import boto3' 2>/dev/null && return 0
	done
	return 1
}

# has_kernel says whether there is a kernel for the tests to boot.
has_kernel() {
	for kernel in /boot/vmlinuz-*; do
		[ -e "$kernel" ] && return 0
	done
	return 1
}

missing_packages() {
	echo "$1" | while read -r tool packages; do
		[ -z "$tool" ] || command -v "$tool" >/dev/null || echo "$packages"
	done | tr ' ' '\n' | sort -u
}

case "${1:-}" in
demo) packages=$(missing_packages "$demo_tools") ;;
test)
	packages=$(missing_packages "$demo_tools$test_tools")
	has_boto3 || packages="$packages python3-boto3"
	[ "$(uname -m 2>/dev/null)" != x86_64 ] || has_kernel || packages="$packages linux-image-cloud-amd64"
	;;
arm64) packages=$(missing_packages "$arm64_tools") ;;
bench-peers) packages=$(missing_packages "$peers_tools") ;;
*)
	echo "usage: $0 demo|test|arm64|bench-peers" >&2
	exit 2
	;;
esac
packages=$(echo $packages)
[ -n "$packages" ] || exit 0

if [ "$(id -u)" != 0 ]; then
	echo "make $1 needs the Debian packages: $packages. Install them, or run this once as root." >&2
	exit 1
fi
if ! command -v apt-get >/dev/null; then
	echo "make $1 needs the tools of the Debian packages: $packages. This machine has no apt-get; install them by hand." >&2
	exit 1
fi
echo "installing Debian packages: $packages"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # one word per package
if ! { apt-get update && apt-get install -y --no-install-recommends $packages; } >"$log" 2>&1 </dev/null; then
	tail -n 20 "$log" >&2
	echo "could not install: $packages" >&2
	exit 1
fi
