#!/bin/bash
# enclose.sh ROOT [CGROUP...] -- COMMAND...: becomes COMMAND, in a mount namespace that the caller has made (unshare --mount), as a container
# runtime would start it: in the cgroups named, with ROOT as its whole and read-only file system, 64 MB of memory as its /tmp, as uid 1000 without
# a group, a capability or a way to any. Nothing in ROOT is a shell, and this one is gone when COMMAND begins.
set -euo pipefail
root=$1
shift
while [ "$1" != -- ]; do
  echo $$ >"$1/cgroup.procs"
  shift
done
shift

mount --bind "$root" "$root"
mount -t tmpfs -o size=64m,mode=1777,nosuid,nodev tmpfs "$root/tmp"
mount -t proc -o ro,nosuid,nodev,noexec proc "$root/proc"
mount --rbind "/sys/fs/cgroup" "$root/sys/fs/cgroup"
for device in null urandom; do mount --bind "/dev/$device" "$root/dev/$device"; done
mount -o remount,bind,ro "$root"

exec /usr/bin/env PATH=/usr/local/bin "$(command -v unshare)" --root="$root" --wd=/app \
  /setpriv --reuid 1000 --regid 1000 --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs "$@"
