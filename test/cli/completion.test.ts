import { describe, expect, it } from 'vitest'
import { complete, missing, shells } from './completing.ts'
import { aDelivery, aDeployment, json, run, startDaemon, temporaryDirectory, type Answer } from './world.ts'

const answers: Readonly<Record<string, Answer>> = {
  'GET /api/apps': json({
    apps: [
      { name: 'blog', path: '/srv/blog' },
      { name: 'books', path: '/srv/books' },
      { name: 'shop', path: '/srv/it: "shop"' },
    ],
  }),
  'GET /api/deployments': json({
    deployments: [aDeployment(), aDeployment({ id: 130, outcome: 'failed' })],
    next: null,
  }),
  'GET /api/deliveries': json({ deliveries: [aDelivery(), aDelivery({ id: 14 })], next: null, refused: [] }),
  'GET /api/webhooks': json({ webhooks: [{ name: 'github', provider: 'github' }] }),
  'GET /api/status': json({ reporters: [{ name: 'team', kind: 'webhook' }] }),
}

describe.each(shells)('completion in %s', (shell) => {
  const reason = missing(shell)
  const told = reason === null ? '' : ` (skipped: ${reason})`

  it.skipIf(reason !== null).each([
    { line: 'deployhook depl', offers: ['deploy', 'deployments'] },
    { line: 'deployhook un', offers: ['unfreeze', 'unhold'] },
    { line: 'deployhook deploy b', offers: ['blog', 'books'] },
    { line: 'deployhook deploy --force b', offers: ['blog', 'books'] },
    { line: 'deployhook deploy --reason books b', offers: ['blog', 'books'] },
    { line: 'deployhook deploy --branch ', offers: [] },
    { line: 'deployhook deploy blog ', offers: [] },
    { line: 'deployhook deploy --re', offers: ['--reason', '--revision'] },
    { line: 'deployhook deliveries --app ', offers: ['blog', 'books', 'shop'] },
    { line: 'deployhook deliveries --before ', offers: ['14', '9'] },
    { line: 'deployhook deployments --before ', offers: ['12', '130'] },
    { line: 'deployhook deployments --state s', offers: ['skipped', 'succeeded', 'superseded'] },
    { line: 'deployhook show 1', offers: ['12', '130'] },
    { line: 'deployhook logs -f ', offers: ['12', '130', 'blog', 'books', 'shop'] },
    { line: 'deployhook explain delivery b', offers: ['blog', 'books'] },
    { line: 'deployhook replay ', offers: ['14', '9'] },
    { line: 'deployhook report ', offers: ['team'] },
    { line: 'deployhook completion ', offers: ['bash', 'fish', 'zsh'] },
    { line: 'deployhook help unh', offers: ['unhold'] },
    { line: 'deployhook nonsense b', offers: [] },
  ])(`offers $offers after "$line"${told}`, async ({ line, offers }) => {
    const { socket } = await startDaemon(answers)
    expect(await complete(shell, line, { socket })).toEqual([...offers].sort())
  })

  it.skipIf(reason !== null)(`completes the value of --option=${told}`, async () => {
    const { socket } = await startDaemon(answers)
    const offered = await complete(shell, 'deployhook deliveries --webhook=git', { socket })
    expect(offered.map((word) => word.replace('--webhook=', ''))).toEqual(['github'])
  })

  it.skipIf(reason !== null)(`completes files${told}`, async () => {
    const offered = await complete(shell, 'deployhook check a', { socket: '/nowhere' })
    expect(offered.map((word) => word.replaceAll('\\', ''))).toEqual(['a file.yml'])
  })

  it.skipIf(reason !== null)(`asks the daemon of the --socket that was typed${told}`, async () => {
    const { socket } = await startDaemon(answers)
    expect(await complete(shell, `deployhook deploy --socket ${socket} bl`, { socket: '/nowhere' })).toEqual(['blog'])
  })

  it.skipIf(reason !== null)(`says nothing when there is no daemon, and completes the rest${told}`, async () => {
    expect(await complete(shell, 'deployhook deploy ', { socket: '/nowhere' })).toEqual([])
    expect(await complete(shell, 'deployhook dep', { socket: '/nowhere' })).toEqual(['deploy', 'deployments'])
  })

  it.skipIf(reason !== null)(`runs nothing of a name that the daemon tells${told}`, async () => {
    const directory = await temporaryDirectory()
    const name = `b$(touch\${IFS}${directory}/made)\`touch\${IFS}${directory}/made\``
    const { socket } = await startDaemon({ 'GET /api/apps': json({ apps: [{ name, path: name }] }) })
    await complete(shell, 'deployhook deploy b', { socket })
    expect((await import('node:fs')).existsSync(`${directory}/made`)).toBe(false)
  })
})

describe('completion', () => {
  it('knows every command and option that the help shows', async () => {
    const commands =
      (await run(['--help'])).out
        .split('Commands:')[1]
        ?.match(/^ {2}[a-z]+/gm)
        ?.map((name) => name.trim()) ?? []
    expect(commands.length).toBeGreaterThan(25)
    for (const shell of shells) {
      const { out } = await run(['completion', shell])
      for (const command of commands) {
        const help = (await run([command, '--help'])).out
        const options =
          help
            .split('Options:')[1]
            ?.split('Examples:')[0]
            ?.match(/--[a-z][a-z-]+/g) ?? []
        for (const option of options)
          expect([shell, command, option, out.includes(option) || out.includes(`-l ${option.slice(2)}`)]).toEqual([
            shell,
            command,
            option,
            true,
          ])
      }
    }
  })

  it('refuses a shell that it does not know, naming those that it does', async () => {
    const { code, out, err } = await run(['completion', 'tcsh'])
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain('Allowed choices are bash, zsh, fish')
  })
})

describe('complete', () => {
  it('prints names with what they are, harmless and one a line', async () => {
    const { socket } = await startDaemon({
      'GET /api/apps': json({ apps: [{ name: 'blog', path: '/srv/\u001b[31m\nblog' }] }),
    })
    expect(await run(['complete', 'apps', '--socket', socket])).toEqual({ code: 0, out: 'blog\t/srv/ blog\n', err: '' })
  })

  it('is silent and content without a daemon, and with one that refuses', async () => {
    const { socket } = await startDaemon({})
    for (const path of ['/nowhere', socket])
      expect(await run(['complete', 'apps', 'deployments', '--socket', path])).toEqual({ code: 0, out: '', err: '' })
  })

  it('does not wait for a daemon that does not answer', async () => {
    const { socket } = await startDaemon({ 'GET /api/apps': () => undefined })
    const begun = performance.now()
    expect(await run(['complete', 'apps', '--socket', socket])).toEqual({ code: 0, out: '', err: '' })
    expect(performance.now() - begun).toBeLessThan(10_000)
  })

  it('is not shown in the help', async () => {
    expect((await run(['--help'])).out).not.toMatch(/^ {2}complete /m)
  })
})
