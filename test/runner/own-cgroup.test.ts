import { expect, it } from 'vitest'
import { ownCgroup } from '../../src/runner/own-cgroup.ts'

const mounts = (mount: string) => `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n${mount}\n`
const unified = mounts('30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate')

it.each([
  ['a service', '0::/system.slice/deployhook.service', unified, '/sys/fs/cgroup/system.slice/deployhook.service'],
  ['the root, or a namespace of its own', '0::/', unified, '/sys/fs/cgroup'],
  [
    'beside version 1',
    '9:name=systemd:/user.slice\n4:memory:/user.slice\n0::/user.slice',
    mounts(
      '40 23 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n41 23 0:30 / /mnt/v\\0402 rw - cgroup2 v2 rw',
    ),
    '/mnt/v 2/user.slice',
  ],
  [
    'a part of the tree, mounted',
    '0::/docker/12ab/sub',
    mounts('30 23 0:26 /docker/12ab /sys/fs/cgroup ro - cgroup2 cgroup rw'),
    '/sys/fs/cgroup/sub',
  ],
  [
    'a part of the tree that is not ours',
    '0::/docker/cd34',
    mounts('30 23 0:26 /docker/12ab /c ro - cgroup2 c rw'),
    null,
  ],
  ['above the root of its namespace', '0::/../other', unified, null],
  ['version 1 only', '4:memory:/user.slice', mounts('40 23 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw'), null],
  ['nothing mounted', '0::/user.slice', mounts(''), null],
])('finds the directory of the own cgroup: %s', (_, membership, mountinfo, directory) => {
  expect(ownCgroup({ membership: `${membership}\n`, mounts: mountinfo })).toBe(directory)
})
