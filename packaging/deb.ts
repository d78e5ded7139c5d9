import { chmodSync, cpSync, readFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Arch, Build } from './build.ts'
import { filesIn, gzipped, installedKiB, put, settle } from './files.ts'
import { shells, writeDocs, type InstallTree, type Shell } from './install-tree.ts'
import { run } from './run.ts'

const debianArch = { x64: 'amd64', arm64: 'arm64' } satisfies Record<Arch, string>

const completionPlace = {
  bash: 'usr/share/bash-completion/completions/deployhook',
  zsh: 'usr/share/zsh/vendor-completions/_deployhook',
  fish: 'usr/share/fish/vendor_completions.d/deployhook.fish',
} satisfies Record<Shell, string>

/** `deployhook_<version>_<arch>.deb`, laid out as Debian's policy wants it. */
export function packDeb(build: Build, tree: InstallTree): string {
  const { root, work, out, version, arch, epoch, isQuick } = build
  const directory = join(work, 'deb')
  const docs = join(directory, 'usr/share/doc/deployhook')
  const own = (name: string): string => readFileSync(join(root, 'packaging/debian', name), 'utf8')

  cpSync(tree.program, join(directory, 'usr/lib/deployhook'), { recursive: true, verbatimSymlinks: true })
  put(join(directory, 'usr/bin/deployhook'), launcher, 0o755)
  for (const unit of ['deployhook.service', 'deployhook.socket'])
    put(join(directory, 'usr/lib/systemd/system', unit), unitText(readFileSync(join(root, 'systemd', unit), 'utf8')))
  put(join(directory, 'usr/share/man/man1/deployhook.1.gz'), gzipped(tree.man))
  for (const shell of shells) {
    const script = tree.completions[shell]
    if (script !== undefined) put(join(directory, completionPlace[shell]), script)
  }
  writeDocs(docs, build, tree.runtime)
  put(join(docs, 'changelog.gz'), gzipped(changelogOf(build)))
  put(join(docs, 'copyright'), own('copyright'))
  put(join(directory, 'usr/share/lintian/overrides/deployhook'), own('lintian-overrides'))
  put(join(directory, 'etc/deployhook/deploy.yml'), own('deploy.yml'))
  settle(directory, epoch)
  chmodSync(join(directory, 'etc/deployhook'), 0o750)
  chmodSync(join(directory, 'etc/deployhook/deploy.yml'), 0o640)

  const control = join(directory, 'DEBIAN')
  const fields = { version, architecture: debianArch[arch], installedKiB: installedKiB(directory) }
  put(join(control, 'md5sums'), sumsOf(directory))
  put(join(control, 'control'), controlOf(fields))
  put(join(control, 'conffiles'), '/etc/deployhook/deploy.yml\n')
  for (const script of ['postinst', 'prerm', 'postrm']) put(join(control, script), own(script), 0o755)
  settle(control, epoch)

  const file = join(out, `deployhook_${version}_${debianArch[arch]}.deb`)
  const compression = isQuick ? ['-Zgzip', '-z1'] : ['-Zxz', '-z6']
  const env = { SOURCE_DATE_EPOCH: String(epoch) }
  run(['dpkg-deb', '--root-owner-group', ...compression, '--build', directory, file], { env })
  return file
}

const launcher = `#!/bin/sh
exec /usr/lib/deployhook/bin/node /usr/lib/deployhook/dist/main.js "$@"
`

/** Of this package, whatever else of the name comes first in PATH. */
function unitText(text: string): string {
  return text.replaceAll('/usr/bin/env deployhook', '/usr/bin/deployhook')
}

function sumsOf(directory: string): string {
  const lines = filesIn(directory)
    .filter((file) => !file.startsWith('etc/'))
    .map(
      (file) =>
        `${createHash('md5')
          .update(readFileSync(join(directory, file)))
          .digest('hex')}  ${file}\n`,
    )
  return lines.join('')
}

const maintainer = 'the deployhook authors <deployhook@localhost>'

/** The form that Debian's tools read; what has changed is told in CHANGELOG.md beside it. */
function changelogOf({ version, epoch }: Build): string {
  const date = new Date(epoch * 1000).toUTCString().replace('GMT', '+0000')
  return `deployhook (${version}) stable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- ${maintainer}  ${date}\n`
}

type Fields = { readonly version: string; readonly architecture: string; readonly installedKiB: number }

/** libc and libstdc++: what the symbols that Node's official build asks for came with. */
function controlOf({ version, architecture, installedKiB }: Fields): string {
  return `Package: deployhook
Version: ${version}
Architecture: ${architecture}
Maintainer: ${maintainer}
Installed-Size: ${installedKiB}
Depends: git (>= 1:2.25), passwd, libc6 (>= 2.28), libgcc-s1 | libgcc1, libstdc++6 (>= 8)
Recommends: systemd, ca-certificates, openssh-client
Section: admin
Priority: optional
Description: auto-deploy daemon: a verified push becomes exactly one deploy
 Takes push webhooks from GitHub, GitLab, Gitea, Forgejo, Gogs, Bitbucket,
 Gitee, Azure DevOps or a script of your own, proves them, matches them against
 one YAML file, and runs git and your build steps, one deployment at a time per
 repository.
 .
 Brings the Node.js that it runs on; what your build steps need is yours to
 install.
`
}
