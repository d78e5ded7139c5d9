#!/bin/bash
# Boots a systemd of its own over a throw-away copy of this machine's root, for tests that install and restart a real
# service: own processes, network (loopback only), mounts and cgroups. What happens inside never reaches the host.
# Used by support/machine.ts:
#   boot.sh can                  says why this machine cannot, and fails; or says nothing
#   boot.sh up DIRECTORY NAME    becomes the machine; DIRECTORY keeps what is written to its disk, so that the same
#                                machine can be booted again. Ends when the machine is off.
#   boot.sh clean DIRECTORY NAME removes what it leaves on the host
set -euo pipefail

cgroups=/sys/fs/cgroup
hierarchies=(systemd unified memory pids cpu cpuacct blkio devices freezer cpuset)

can() {
  [[ $(id -u) == 0 ]] || { echo "only root can boot a systemd"; return 1; }
  [[ -x /lib/systemd/systemd ]] || { echo "there is no systemd to boot (Debian: apt-get install systemd)"; return 1; }
  for tool in unshare nsenter ip dpkg-deb; do
    command -v "$tool" >/dev/null || { echo "$tool is missing"; return 1; }
  done
  case $(realpath "$0") in
    /tmp/* | /run/*) echo "the checkout lies below /tmp or /run, which are empty in a booted machine: clone it elsewhere"; return 1 ;;
  esac
  for hierarchy in "${hierarchies[@]}"; do
    [[ -d $cgroups/$hierarchy ]] || { echo "it knows cgroups of version 1 beside 2 only, and $hierarchy is not there"; return 1; }
  done
  unshare --mount --pid --net --cgroup --fork true 2>/dev/null || { echo "namespaces are forbidden here"; return 1; }
}

up() {
  local directory=$1 name=$2 hierarchy
  mountpoint -q "$directory" || mount -t tmpfs -o size=3g,mode=0755 tmpfs "$directory"
  mkdir -p "$directory"/{upper,work,root}
  for hierarchy in "${hierarchies[@]}"; do mkdir -p "$cgroups/$hierarchy/$name"; done
  # A new cpuset is empty, and nobody can enter an empty one.
  cat "$cgroups/cpuset/cpuset.cpus" >"$cgroups/cpuset/$name/cpuset.cpus"
  cat "$cgroups/cpuset/cpuset.mems" >"$cgroups/cpuset/$name/cpuset.mems"
  echo 1 >"$cgroups/cpuset/$name/cgroup.clone_children"
  for hierarchy in "${hierarchies[@]}"; do echo $$ >"$cgroups/$hierarchy/$name/cgroup.procs"; done
  exec unshare --mount --uts --ipc --pid --net --cgroup --fork --kill-child --propagation private "$0" inside "$directory"
}

# Process 1 of the new namespaces: lays out the root, then becomes systemd.
inside() {
  local directory=$1 root=$1/root hierarchy device
  mount -t overlay overlay -o "lowerdir=/,upperdir=$directory/upper,workdir=$directory/work" "$root"
  mount -t proc proc "$root/proc"
  mount -t sysfs -o ro sysfs "$root/sys"
  mount -t tmpfs -o mode=0755 tmpfs "$root/sys/fs/cgroup"
  for hierarchy in "${hierarchies[@]}"; do
    mkdir "$root/sys/fs/cgroup/$hierarchy"
    case $hierarchy in
      systemd) mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd" ;;
      unified) mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup/unified" ;;
      *) mount -t cgroup -o "$hierarchy" cgroup "$root/sys/fs/cgroup/$hierarchy" ;;
    esac
  done
  mount -t tmpfs -o mode=0755 tmpfs "$root/dev"
  for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
  done
  mkdir "$root/dev/pts" "$root/dev/shm"
  mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$root/dev/pts"
  mount -t tmpfs tmpfs "$root/dev/shm"
  ln -s pts/ptmx "$root/dev/ptmx"
  ln -s /proc/self/fd "$root/dev/fd"
  mount -t tmpfs -o mode=0755 tmpfs "$root/run"
  mount -t tmpfs tmpfs "$root/tmp"
  ip link set lo up
  # Images for containers forbid what packages do when they are installed.
  rm -f "$root/usr/sbin/policy-rc.d"
  cd "$root"
  mkdir -p .host
  pivot_root . .host
  umount --lazy /.host
  # As a container's manager leaves it: what systemd mounts for a service (credentials) must reach that service.
  mount --make-rshared /
  exec env -i container=deployhook-test PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
    /lib/systemd/systemd systemd.unit=multi-user.target </dev/null
}

clean() {
  local directory=$1 name=$2 hierarchy
  for hierarchy in "${hierarchies[@]}"; do
    # Not before its last process is gone.
    [[ ! -d $cgroups/$hierarchy/$name ]] || find "$cgroups/$hierarchy/$name" -depth -type d -exec rmdir {} +
  done
  ! mountpoint -q "$directory" || umount "$directory"
}

"$@"
