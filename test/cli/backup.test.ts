import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openDoor, secret } from '../http/door.ts'
import { verifyBackup } from '../../src/store/index.ts'
import { arrival, claimed, openTestStore, temporaryDirectory as stateDirectory } from '../store/support.ts'
import { run, startDaemon, temporaryDirectory } from './world.ts'

/** A state directory that holds nothing but the backup, as docs/backup.md says to restore it. */
function restored(file: string): string {
  const directory = stateDirectory()
  renameSync(file, join(directory, 'state.db'))
  return directory
}

describe('deployhook backup', () => {
  it('copies the database of the running daemon, for this user alone; restored elsewhere, the queue goes on', async () => {
    const door = await openDoor()
    await door.push({ id: 'one' })
    const file = join(await temporaryDirectory(), 'backup.db')

    const { code, out } = await run(['backup', file, '--socket', door.socket])

    expect({ code, out }).toMatchObject({
      code: 0,
      out: expect.stringContaining('1 delivery and 1 deployment') as string,
    })
    expect(out).toContain('from the running daemon')
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600')
    expect(readdirSync(join(file, '..'))).toEqual(['backup.db'])
    expect(readdirSync(join(door.directory, 'state'))).not.toContain('backup.partial')
    expect(readFileSync(file).includes(secret)).toBe(false)

    const { store } = await openTestStore(restored(file))
    const { deployment, owner } = await claimed(store)
    expect(deployment).toMatchObject({ app: 'blog', trigger: 'push' })
    const ended = await store.finish(owner, { outcome: 'succeeded', reason: null, message: null }, new Date())
    expect(ended.outcome).toBe('succeeded')
    expect(await store.enqueue({ ...again, at: new Date() })).toMatchObject({ id: deployment.id + 1 })
  })

  it('copies what a stopped daemon left, also what is in its write-ahead log alone, and says from where', async () => {
    const { store, directory } = await openTestStore()
    await store.accept(arrival({}))
    await store.close()
    const file = join(await temporaryDirectory(), 'backup.db')

    const { code, out } = await run(['backup', file, '--state', directory, '--socket', join(directory, 'none.sock')])

    expect(code).toBe(0)
    expect(out).toContain(`1 delivery and 1 deployment`)
    expect(out).toContain(`(from ${directory}, no daemon runs)`)
  })

  it('does not go behind the back of a daemon that uses the state directory', async () => {
    const { directory } = await openTestStore()
    const folder = await temporaryDirectory()

    const { code, err } = await run([
      ...['backup', join(folder, 'backup.db'), '--state', directory, '--socket', join(directory, 'none.sock')],
    ])

    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining('another deployhook') as string })
    expect(readdirSync(folder)).toEqual([])
  })

  it('removes what a backup to the same file left that was killed, and no other', async () => {
    const door = await openDoor()
    const folder = await temporaryDirectory()
    const dead = spawnSync('true').pid
    const alive = `.backup.db.${process.ppid}.partial`
    for (const name of [`.backup.db.${dead}.partial`, alive, `.other.db.${dead}.partial`])
      writeFileSync(join(folder, name), '')

    expect(await run(['backup', join(folder, 'backup.db'), '--socket', door.socket])).toMatchObject({ code: 0 })
    expect(readdirSync(folder).sort()).toEqual([alive, `.other.db.${dead}.partial`, 'backup.db'].sort())
  })

  it('says of a directory that is not there how to make it', async () => {
    const folder = join(await temporaryDirectory(), 'missing')
    expect(await run(['backup', join(folder, 'backup.db')])).toMatchObject({
      code: 1,
      err: `deployhook: there is no directory ${folder}: make it (mkdir -p ${folder}), or give another name\n`,
    })
  })

  it('leaves what is there alone, unless told to replace it', async () => {
    const door = await openDoor()
    const file = join(await temporaryDirectory(), 'backup.db')
    writeFileSync(file, 'precious')

    expect(await run(['backup', file, '--socket', door.socket])).toMatchObject({
      code: 2,
      err: `deployhook: ${file} is there already: give another name, or replace it with --force\n`,
    })
    expect(readFileSync(file, 'utf8')).toBe('precious')
    expect(await run(['backup', '--force', file, '--socket', door.socket])).toMatchObject({ code: 0 })
    expect(readFileSync(file, 'utf8').startsWith('SQLite format 3')).toBe(true)
  })

  it.each([
    ['garbage', 'garbage '.repeat(100), 800, "is not deployhook's database"],
    ['cut off', 'SQLite', 4096, 'could not be written'],
  ])('keeps the backup from before when what arrives is %s', async (_, sent, length, problem) => {
    const folder = await temporaryDirectory()
    const file = join(folder, 'backup.db')
    writeFileSync(file, 'from before')
    const daemon = await startDaemon({
      'POST /api/backup': (_asked, response) => {
        response.writeHead(200, { 'content-length': length }).write(sent, () => {
          if (sent.length < length) setImmediate(() => response.destroy())
          else response.end()
        })
      },
    })

    const { code, err } = await run(['backup', '--force', file, '--socket', daemon.socket])

    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining(problem) as string })
    expect(readFileSync(file, 'utf8')).toBe('from before')
    expect(readdirSync(folder)).toEqual(['backup.db'])
  })

  it('says so when it may not write there', async () => {
    const door = await openDoor()
    const folder = await temporaryDirectory()
    mkdirSync(join(folder, 'backup.db'))

    const { code, err } = await run(['backup', '--force', join(folder, 'backup.db'), '--socket', door.socket])

    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining('could not be written') as string })
    expect(readdirSync(folder)).toEqual(['backup.db'])
  })

  it('is not to be had over the public listener, whatever the token', async () => {
    const door = await openDoor()
    expect(await door.api('/api/backup', { method: 'POST', body: '{}' })).toMatchObject({ status: 403 })
  })
})

const again = {
  app: 'blog',
  trigger: 'manual',
  ref: 'refs/heads/main',
  requestedRevision: null,
  adopt: false,
} as const

describe('a backup of a busy store', () => {
  it('is of one moment, while what arrives is kept as ever; a second one waits for the first', async () => {
    const { store } = await openTestStore()
    const body = 'x'.repeat(50_000)
    for (let push = 0; push < 30; push++)
      await store.accept(arrival({ body: `${push} ${body}`, apps: [`app-${push}`] }))
    const backups = Promise.all([store.backup(), store.backup()])
    const over = new AbortController()
    void backups.then(() => {
      over.abort()
    })
    let kept = 0
    while (!over.signal.aborted) {
      await store.accept(arrival({ apps: [`busy-${kept++}`] }))
    }

    const [first] = await backups
    const file = join(await temporaryDirectory(), 'copy.db')
    const chunks: Buffer[] = []
    for await (const chunk of first.stream) chunks.push(chunk as Buffer)
    writeFileSync(file, Buffer.concat(chunks))
    const held = verifyBackup(file)
    expect(kept).toBeGreaterThan(0)
    expect(held.deliveries).toBeGreaterThanOrEqual(30)
    expect(held.deliveries).toBeLessThanOrEqual(30 + kept)
    expect(held.deployments).toBe(held.deliveries)
  })
})
