import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { manPage } from '../../packaging/man.ts'
import { ioOf } from '../../src/cli/io.ts'
import { wholeProgram } from '../../src/cli/index.ts'
import { builtPackages, root, type Packages } from './built.ts'

let packages: Packages
beforeAll(async () => {
  packages = await builtPackages()
}, 300_000)

describe('the npm tarball', () => {
  it('holds what is compiled and documented, no sources, no packages, nothing to run at installation', () => {
    const files = run('tar', '-tzf', packages.npm).trim().split('\n')
    expect(files).toEqual(
      expect.arrayContaining(['package/dist/main.js', 'package/systemd/deployhook.service', 'package/LICENSE']),
    )
    expect(files).toContain('package/dist/store/migrations/0001-first.sql')
    expect(files.filter((file) => /\.ts$|\.map$|\.deb$|\.tgz$|node_modules|test\//.test(file))).toEqual([])
    const manifest = JSON.parse(run('tar', '-xzOf', packages.npm, 'package/package.json')) as Record<string, unknown>
    expect(Object.keys(manifest)).not.toContain('scripts')
    expect(manifest).toMatchObject({
      name: 'deployhook',
      bin: { deployhook: 'dist/main.js' },
      engines: { node: '>=24' },
    })
  })

  it('has nothing that publint objects to', { timeout: 120_000 }, async () => {
    const directory = unpack(packages.npm)
    const { messages, pkg } = await publint({ pkgDir: join(directory, 'package'), pack: false, strict: true })
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([])
  })

  it('is the same bytes when somebody else builds it, whose files nobody may read', { timeout: 120_000 }, () => {
    const out = temporary()
    run('sh', '-c', `umask 077; exec "$0" ${root}/packaging/main.ts --only npm --out ${out}`, process.execPath)
    expect(readFileSync(join(out, basename(packages.npm))).equals(readFileSync(packages.npm))).toBe(true)
  })

  it('of a checkout, as `npm pack` makes it, never takes the packages along', () => {
    const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { files: readonly string[] }
    expect(files).toContain('!dist/packages')
  })
})

describe('the self-contained tarball', () => {
  it('runs on its own Node, wherever it lies and through a link', { timeout: 120_000 }, () => {
    const directory = unpack(packages.tarball)
    const home = join(directory, basename(packages.tarball, '.tar.gz'))
    const link = join(directory, 'deployhook')
    run('ln', '-s', join(home, 'bin/deployhook'), link)
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
    expect(bare(link, '--version')).toBe(`${version}\n`)
    const told = JSON.parse(bare(link, 'version', '--json')) as { node: string }
    expect(told.node).toMatch(/^v?24\./)
    expect(bare(link, 'check', join(root, 'packaging/debian/deploy.yml'), '--json')).toContain('secrets/github')
  })

  it('belongs to root and bears one time, whoever made it', () => {
    const lines = run('tar', '--numeric-owner', '--full-time', '-tvzf', packages.tarball).trim().split('\n')
    const facts = new Set(
      lines.map((line) => line.split(/\s+/)).map(([, owner, , day, time]) => `${owner} ${day} ${time}`),
    )
    expect(facts.size).toBe(1)
    expect([...facts][0]).toMatch(/^0\/0 /)
  })
})

describe('the Debian package', () => {
  let known: readonly string[] | null = null
  const listing = (): readonly string[] => (known ??= run('dpkg-deb', '-c', packages.deb).trim().split('\n'))
  const modeOf = (path: string): string | undefined =>
    listing()
      .find((line) => line.endsWith(` ./${path}`))
      ?.slice(0, 20)

  it('holds program, units, man page, completions and the conffile, with their modes', () => {
    expect(modeOf('usr/bin/deployhook')).toBe('-rwxr-xr-x root/root')
    expect(modeOf('usr/lib/deployhook/bin/node')).toBe('-rwxr-xr-x root/root')
    expect(modeOf('etc/deployhook/')).toBe('drwxr-x--- root/root')
    expect(modeOf('etc/deployhook/deploy.yml')).toBe('-rw-r----- root/root')
    for (const path of [
      ...['usr/lib/systemd/system/deployhook.service', 'usr/lib/systemd/system/deployhook.socket'],
      ...['usr/share/man/man1/deployhook.1.gz', 'usr/share/bash-completion/completions/deployhook'],
      ...['usr/share/zsh/vendor-completions/_deployhook', 'usr/share/fish/vendor_completions.d/deployhook.fish'],
      ...['usr/share/doc/deployhook/copyright', 'usr/share/doc/deployhook/NODE-LICENSE'],
    ])
      expect(`${path} ${modeOf(path)}`).toBe(`${path} -rw-r--r-- root/root`)
    expect(listing().filter((line) => !/ root\/root /.test(line))).toEqual([])
    expect(run('dpkg-deb', '-I', packages.deb, 'conffiles')).toBe('/etc/deployhook/deploy.yml\n')
  })

  it('needs git and the C libraries, and no Node', () => {
    const depends = run('dpkg-deb', '-f', packages.deb, 'Depends')
      .split(', ')
      .map((one) => one.split(' ')[0]?.trim())
    expect(depends).toEqual(['git', 'passwd', 'libc6', 'libgcc-s1', 'libstdc++6'])
  })

  it.each(['postinst', 'prerm', 'postrm'])('has a %s that a shell without extras reads', (script) => {
    const text = readFileSync(join(root, 'packaging/debian', script), 'utf8')
    expect(run('dpkg-deb', '-I', packages.deb, script)).toBe(text)
    run('dash', '-n', join(root, 'packaging/debian', script))
  })
})

describe('all packages', () => {
  it('are what SHA256SUMS says', () => {
    const told = execFileSync('sha256sum', ['-c', 'SHA256SUMS'], { cwd: dirname(packages.sums), encoding: 'utf8' })
    expect(
      told
        .trim()
        .split('\n')
        .map((line) => line.replace(/.*: /, '')),
    ).toEqual(['OK', 'OK', 'OK'])
  })
})

describe('the man page', () => {
  it('names every command, argument and option of --help, and nothing more', async () => {
    const io = ioOf(process, { version: '0', serve: () => Promise.resolve({ kind: 'stopped' }) })
    const program = await wholeProgram(io)
    const page = (await manPage({ version: '0', epoch: 0 })).replaceAll('\\-', '-').replaceAll('\\(aq', "'")
    const visible = program
      .createHelp()
      .visibleCommands(program)
      .map((command) => command.name())
    const named = [...page.matchAll(/^\.SS "deployhook ([a-z]+)/gm)].map(([, name]) => name)
    expect([...new Set(named)]).toEqual(visible.filter((name) => name !== 'help'))
    for (const command of program.commands.filter((one) => visible.includes(one.name())))
      for (const { flags, description } of command
        .createHelp()
        .visibleOptions(command)
        .filter(({ long }) => long !== '--help'))
        expect(page).toContain(`\\fB${flags}\\fR\n${description.replaceAll('"', '\\(dq')}`)
  })

  it.skipIf(!has('man'))('is roff without a warning', async () => {
    const page = await manPage({ version: '0', epoch: 0 })
    const options = {
      input: page,
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8', MANROFFSEQ: '' },
    } as const
    const shown = execFileSync('sh', ['-c', 'man --warnings -E UTF-8 -l -Tutf8 -Z - 2>&1 >/dev/null'], options)
    expect(shown).toBe('')
  })
})

function unpack(archive: string): string {
  const directory = temporary()
  run('tar', '-xzf', archive, '-C', directory)
  return directory
}

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'deployhook-packages-'))
  onTestFinished(() => {
    rmSync(directory, { recursive: true })
  })
  return directory
}

function run(command: string, ...args: readonly string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
}

/** With nothing of this process: no other Node in PATH. */
function bare(command: string, ...args: readonly string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', env: { PATH: '/usr/bin:/bin', HOME: '/' }, stdio: 'pipe' })
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    if (args[0] === 'check') return stdout
    throw new Error(`${command} ${args.join(' ')} failed: ${stderr}`, { cause: error })
  }
}

function has(program: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`])
    return true
  } catch {
    return false
  }
}
