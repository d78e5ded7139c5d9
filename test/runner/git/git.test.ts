import { execa } from 'execa'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { queryObjects } from 'node:v8'
import { describe, expect, it, onTestFinished } from 'vitest'
import { configValue, gitEnvironment, writeGlobalConfig } from '../../../src/runner/git-environment.ts'
import { GitCommandError } from '../../../src/runner/git-command-error.ts'
import { createGit } from '../../../src/runner/git.ts'
import { fetchCommand, lsRemoteCommand } from '../../../src/runner/remote-commands.ts'
import { createLocks } from '../../../src/runner/locks.ts'
import { mirrorDirectory } from '../../../src/runner/mirror.ts'
import { layOutRepository, writeRepositoryConfig } from '../../../src/runner/repository-files.ts'
import { savedRefsToDrop } from '../../../src/runner/saved-commit.ts'
import { ancestorsOf, shown, shownList, treePath } from '../../../src/runner/tree-path.ts'
import { gitPath } from './git-world.ts'

describe('the commands that reach a remote', () => {
  const place = { gitDir: '/state/mirrors/x.git' }
  const fetch = fetchCommand(place, {
    url: 'https://git.example/x',
    refspecs: ['+refs/heads/main:refs/deployhook/tip/blog'],
  })

  it('have the URL and everything from outside after the end of the options', () => {
    expect(fetch.slice(fetch.indexOf('--end-of-options') + 1)).toEqual([
      'https://git.example/x',
      '+refs/heads/main:refs/deployhook/tip/blog',
    ])
    const asked = lsRemoteCommand(place, { url: '--upload-pack=evil', ref: '--exec=evil' })
    expect(asked.slice(asked.indexOf('--end-of-options') + 1)).toEqual(['--upload-pack=evil', '--exec=evil'])
  })

  it('switch off whatever could run or lead elsewhere', () => {
    const settings = fetch.filter((_, index) => fetch[index - 1] === '-c')
    for (const setting of [
      'core.hooksPath=/dev/null',
      'core.fsmonitor=false',
      'core.attributesFile=/dev/null',
      'safe.bareRepository=explicit',
      'transfer.fsckObjects=true',
      'transfer.bundleURI=false',
      'submodule.recurse=false',
      'gc.auto=0',
      'credential.helper=',
      'fetch.fsck.zeroPaddedFilemode=warn',
    ]) {
      expect(settings).toContain(setting)
    }
    for (const option of [
      '--git-dir=/state/mirrors/x.git',
      '--no-recurse-submodules',
      '--no-write-fetch-head',
      '--upload-pack=git-upload-pack',
    ]) {
      expect(fetch).toContain(option)
    }
  })
})

describe('git', () => {
  it('is given an environment of ours alone, with one protocol', () => {
    const env = gitEnvironment({ stateDirectory: '/state', path: '/usr/bin' }, { cookie: 'c', protocol: 'ssh' })
    expect(env).toEqual({
      PATH: '/usr/bin',
      HOME: '/nonexistent',
      LC_ALL: 'C',
      DEPLOYHOOK_COOKIE: 'c',
      GIT_ALLOW_PROTOCOL: 'ssh',
      GIT_ATTR_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/state/git.config',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_NO_REPLACE_OBJECTS: '1',
      GIT_OPTIONAL_LOCKS: '0',
      GIT_TERMINAL_PROMPT: '0',
    })
  })

  it('fails by its exit code, and is ended by the signal', async () => {
    const { git, place } = await createRepositoryOfOurs()
    expect(await git.commitOf(place, 'refs/heads/none')).toBeNull()
    const nothing = '1'.repeat(40)
    await expect(git.setRef(place, 'refs/x', nothing)).rejects.toBeInstanceOf(GitCommandError)
    const { git: stopped } = await createRepositoryOfOurs(AbortSignal.abort('cancelled'))
    await expect(stopped.writeTree(place)).rejects.toThrow(/[Aa]bort/)
  })

  it('sees no variable of the daemon that steers git', async () => {
    const { git, place, dir } = await createRepositoryOfOurs()
    process.env['GIT_DIR'] = join(dir, 'elsewhere.git')
    process.env['GIT_CONFIG_COUNT'] = 'not a number'
    onTestFinished(() => {
      delete process.env['GIT_DIR']
      delete process.env['GIT_CONFIG_COUNT']
    })
    expect(await git.writeTree(place)).toBe('4b825dc642cb6eb9a060e54bf8d69288fbee4904')
  })

  it('reads a configuration as data, without following its includes', async () => {
    const { git, place, dir } = await createRepositoryOfOurs()
    await writeFile(join(dir, 'more'), '[remote "evil"]\n\turl = evil\n')
    await writeFile(
      join(dir, 'config'),
      `[include]\n\tpath = ${join(dir, 'more')}\n[remote "Origin"]\n\tURL = x\n[core]\n\tbare\n`,
    )
    expect(await git.configOf(place, join(dir, 'config'))).toEqual([
      { key: 'include.path', value: join(dir, 'more') },
      { key: 'remote.origin.url', value: 'x' },
      { key: 'core.bare', value: '' },
    ])
  })

  it('is heard to its end, which may come after its exit', async () => {
    const { place, dir } = await createRepositoryOfOurs()
    const another = '#!/bin/sh\n(sleep 0.2; echo refs/late) & echo refs/early\n'
    await writeFile(join(dir, 'git'), another, { mode: 0o755 })
    const { signal } = new AbortController()
    const git = createGit({ stateDirectory: dir, path: `${dir}:${gitPath}` }, { signal, cookie: 'c' })
    expect(await git.refNames(place)).toEqual(['refs/early', 'refs/late'])
  })

  it('leaves nothing of a call in memory', async () => {
    const { git, place } = await createRepositoryOfOurs()
    const call = async (times: number): Promise<number> => {
      for (let time = 0; time < times; time++) await git.commitOf(place, 'refs/heads/none')
      return queryObjects(Promise, { format: 'count' })
    }
    const before = await call(5)
    expect((await call(50)) - before).toBeLessThan(25)
  })

  it('trusts exactly the named local repositories, whatever their names', async () => {
    const { dir } = await createRepositoryOfOurs()
    const odd = join(dir, 'a "b\\c #d.git')
    await mkdir(odd)
    await writeGlobalConfig(dir, [odd])
    const { stdout } = await execa('git', ['config', '--file', join(dir, 'git.config'), '--get-all', 'safe.directory'])
    expect(stdout.split('\n').sort()).toEqual(['', '.git', '.git/.git', '/.git'].map((suffix) => odd + suffix).sort())
    expect(configValue('a"b\\')).toBe('"a\\"b\\\\"')
    await writeGlobalConfig(dir, [])
    expect(await readFile(join(dir, 'git.config'), 'utf8')).toBe('[safe]\n')
  })
})

describe('names', () => {
  it('make one readable directory per repository, whatever its identity holds', () => {
    const nameOf = (identity: string) => mirrorDirectory('/state', { identity }).slice('/state/mirrors/'.length)
    expect(nameOf('github.com/acme/blog')).toMatch(/^github-com-acme-blog-[0-9a-f]{12}\.git$/)
    expect(nameOf('file:/srv/../../etc/Passwd')).toMatch(/^file-srv-etc-passwd-[0-9a-f]{12}\.git$/)
    expect(nameOf('a/b-c')).not.toBe(nameOf('a-b/c'))
    expect(nameOf(`x/${'y'.repeat(4000)}`).length).toBeLessThan(80)
  })

  it('of files are shown to people without control characters, and not by the thousand', () => {
    const name = treePath(Buffer.from('ü\n\x1b[31m').toString('latin1'))
    expect(shown(name)).toBe('ü??[31m')
    expect(shownList(Array.from({ length: 25 }, () => treePath('a')))).toMatch(/a and 5 more$/)
    expect(ancestorsOf(treePath('a/b/c'))).toEqual(['a', 'a/b'])
  })

  it('of saved changes beyond the newest 20 are dropped, by number and not by alphabet', () => {
    const names = Array.from({ length: 21 }, (_, index) => `refs/deployhook/dirty/${index + 5}`)
    expect(savedRefsToDrop([...names, 'refs/deployhook/dirty/25-2', 'refs/deployhook/dirty/25-10'])).toEqual(
      [7, 6, 5].map((id) => `refs/deployhook/dirty/${id}`),
    )
  })
})

describe('locks', () => {
  it('let one at a time through per key, in order, also after a failure', async () => {
    const locks = createLocks()
    const patient = { signal: new AbortController().signal }
    const order: string[] = []
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const first = locks.run(
      'a',
      async () => {
        await promise
        order.push('first')
        throw new Error('x')
      },
      patient,
    )
    const second = locks.run('a', () => Promise.resolve(order.push('second')), patient)
    await locks.run('b', () => Promise.resolve(order.push('other')), patient)
    resolve(undefined)
    await expect(first).rejects.toThrow('x')
    await second
    expect(order).toEqual(['other', 'first', 'second'])
  })
})

async function createRepositoryOfOurs(signal = new AbortController().signal) {
  const dir = await mkdtemp(join(tmpdir(), 'deployhook-git-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const gitDir = join(dir, 'x.git')
  await layOutRepository(gitDir)
  await writeRepositoryConfig(gitDir, { bare: 'true' })
  return { dir, place: { gitDir }, git: createGit({ stateDirectory: dir, path: gitPath }, { signal, cookie: 'c' }) }
}
