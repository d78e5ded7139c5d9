import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Build } from './build.ts'
import { gzipped, put, settle } from './files.ts'
import { writeDocs, type InstallTree } from './install-tree.ts'
import { run } from './run.ts'

/** `deployhook-<version>-linux-<arch>.tar.gz`: to be unpacked anywhere. */
export function packTarball(build: Build, tree: InstallTree): string {
  const { root, work, out, version, arch, epoch, isQuick } = build
  const name = `deployhook-${version}-linux-${arch}`
  const directory = join(work, 'tarball', name)
  cpSync(tree.program, join(directory, 'lib'), { recursive: true, verbatimSymlinks: true })
  put(join(directory, 'bin/deployhook'), launcher, 0o755)
  put(join(directory, 'share/man/man1/deployhook.1.gz'), gzipped(tree.man))
  for (const [shell, script] of Object.entries(tree.completions))
    put(join(directory, 'share/completions', `deployhook.${shell}`), script)
  writeDocs(directory, build, tree.runtime)
  put(join(directory, 'LICENSE'), readFileSync(join(root, 'LICENSE')))
  settle(directory, epoch)

  const file = join(out, `${name}.tar.gz`)
  const archive = join(work, `${name}.tar`)
  const owners = ['--owner=0', '--group=0', '--numeric-owner']
  run(['tar', '--format=gnu', '--sort=name', ...owners, '-C', join(work, 'tarball'), '-cf', archive, name])
  run(['sh', '-c', `exec gzip -n ${isQuick ? '-1' : '-9'} < "$0" > "$1"`, archive, file])
  return file
}

/** Also through a link from /usr/local/bin. */
const launcher = `#!/bin/sh
here=$(dirname -- "$(readlink -f -- "$0")")
exec "$here/../lib/bin/node" "$here/../lib/dist/main.js" "$@"
`
