#!/bin/sh
# What live capture takes, in the containers in which cibuildwheel makes the wheels for Linux.
set -eu

# The last release of a line that Debian and Alpine have, too, with the commit that it was.
LIBBPF=v1.5.1
LIBBPF_COMMIT=b4fa3e39a77fd65574fb5f899486795fc3d89bd9

if command -v apk >/dev/null; then
    # musllinux is Alpine.
    apk add --no-cache clang libbpf-dev elfutils-dev zlib-dev linux-headers
    exit
fi

# manylinux_2_28 is AlmaLinux 8, whose own libbpf is too old. auditwheel puts what is built here into the wheels.
dnf --assumeyes install clang elfutils-libelf-devel zlib-devel
sources=$(mktemp -d)
git clone --quiet --depth 1 --branch "$LIBBPF" https://github.com/libbpf/libbpf "$sources"
test "$(git -C "$sources" rev-parse HEAD)" = "$LIBBPF_COMMIT"
make -C "$sources/src" install install_uapi_headers PREFIX=/usr LIBDIR=/usr/lib64 CFLAGS="-O2 -fPIC"
rm -r "$sources"
ldconfig
