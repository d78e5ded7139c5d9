import { describe, expect, it } from 'vitest'
import { run } from './world.ts'

const names = [
  'serve',
  'check',
  'status',
  'reload',
  'apps',
  'deployments',
  'show',
  'logs',
  'deploy',
  'rollback',
  'releases',
  'retry',
  'cancel',
  'approve',
  'hold',
  'unhold',
  'freeze',
  'unfreeze',
  'deliveries',
  'explain',
  'token',
  'doctor',
  'completion',
  'version',
]

describe('the command line', () => {
  it('tells every command and the exit codes in its help', async () => {
    const { code, out, err } = await run(['--help'])
    expect(code).toBe(0)
    expect(err).toBe('')
    for (const name of names) expect(out).toMatch(new RegExp(`^  ${name}\\b`, 'm'))
    expect(out).toContain(
      'Exit codes: 0 done (or skipped), 1 failed, 2 wrong usage, 3 the daemon is not reachable, 78 serve cannot start,\n130 left by Ctrl-C.',
    )
  })

  it.each(names)('shows what %s does, with an example', async (name) => {
    const { code, out } = await run([name, '--help'])
    expect(code).toBe(0)
    expect(out).toContain(`Usage: deployhook ${name}`)
    expect(out).toMatch(new RegExp(`Examples:\n  deployhook ${name}`))
  })

  it('prints its version', async () => {
    expect(await run(['--version'])).toEqual({ code: 0, out: '1.2.3\n', err: '' })
  })

  it('prints its help as an error when nothing is asked for', async () => {
    const { code, out, err } = await run([])
    expect(code).toBe(2)
    expect(out).toBe('')
    expect(err).toContain('Usage: deployhook')
  })

  it('corrects a mistyped command', async () => {
    const { code, out, err } = await run(['deploi', 'blog'])
    expect(code).toBe(2)
    expect(out).toBe('')
    expect(err).toContain("unknown command 'deploi'")
    expect(err).toContain('Did you mean deploy?')
  })

  it('corrects a mistyped option', async () => {
    const { code, err } = await run(['deploy', 'blog', '--no-wiat'])
    expect(code).toBe(2)
    expect(err).toContain("unknown option '--no-wiat'")
    expect(err).toContain('Did you mean --no-wait?')
  })

  it.each([
    { argv: ['show'], says: "missing required argument 'id'" },
    { argv: ['show', 'twelve'], says: 'An id is a positive whole number.' },
    { argv: ['show', '0'], says: 'An id is a positive whole number.' },
    { argv: ['cancel', '-1'], says: 'An id is a positive whole number.' },
    { argv: ['cancel', '1e3'], says: 'An id is a positive whole number.' },
    { argv: ['retry', '12', '13'], says: 'too many arguments' },
    { argv: ['freeze'], says: 'give the name of an app or --all, one of them' },
    { argv: ['unfreeze', 'blog', '--all'], says: 'give the name of an app or --all, one of them' },
    { argv: ['approve', 'blog'], says: 'An id is a positive whole number.' },
    { argv: ['deploy'], says: "missing required argument 'app'" },
    { argv: ['deployments', '--limit', '501'], says: 'A limit is a whole number from 1 to 500.' },
    { argv: ['deployments', '--limit', '0'], says: 'A limit is a whole number from 1 to 500.' },
    { argv: ['deployments', '--state', 'dead'], says: 'Allowed choices are queued, running, done, succeeded,' },
    { argv: ['token', '--can', 'everything'], says: 'Allowed choices are read, operate.' },
    { argv: ['token', '--name', 'CI token'], says: 'A name is lower-case letters' },
  ])('refuses $argv as wrong usage before it asks the daemon', async ({ argv, says }) => {
    const { code, out, err } = await run(argv)
    expect(err).toContain(says)
    expect(out).toBe('')
    expect(code).toBe(2)
  })
})
