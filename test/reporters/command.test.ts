import { describe, expect, it } from 'vitest'
import { Secret } from '../../src/lib/secret.ts'
import { reporters, type ReporterContext } from '../../src/reporters/index.ts'
import { contextOf, report } from './telling.ts'

async function tell(script: string, change: Partial<ReporterContext> & { readonly env?: object } = {}) {
  const { env = {}, ...rest } = change
  return reporters.command.tell(report, await contextOf({ run: ['sh', '-c', script, 'page'], env }, rest))
}

const failure = (problem: string) => ({ kind: 'failed', problem, retryAfterMs: null, isPermanent: false })

describe('a report by command', () => {
  it('comes on stdin as JSON, whole, with what matters in the environment and nothing of the daemon in it', async () => {
    expect(await tell('test "$(cat | tail -c 1)" = "}"')).toEqual({ kind: 'told' })
    const told = await tell(
      'cat >/dev/null; echo "$DEPLOYHOOK_APP $DEPLOYHOOK_KIND $TOKEN"; env -u PWD -u _ -u SHLVL | sed "s/=.*//" | sort | tr "\\n" " "; exit 3',
      {
        env: { TOKEN: new Secret('tkn') },
      },
    )
    expect(told).toEqual(
      failure(
        'sh ended with exit code 3: DEPLOYHOOK_APP DEPLOYHOOK_COOKIE DEPLOYHOOK_DEPLOYMENT DEPLOYHOOK_KIND DEPLOYHOOK_MESSAGE DEPLOYHOOK_OUTCOME DEPLOYHOOK_REASON DEPLOYHOOK_REF DEPLOYHOOK_REPORT DEPLOYHOOK_REVISION DEPLOYHOOK_URL HOME LANG LOGNAME PATH TOKEN USER',
      ),
    )
  })

  it('is told although the program does not read it', async () => {
    expect(await tell('exec true')).toEqual({ kind: 'told' })
  })

  it('that takes too long is ended, with all that it started', async () => {
    expect(await tell('sleep 300 & sleep 300', { timeoutMs: 100 })).toEqual(failure('sh took longer than 0.1 s'))
  })

  it('ends with the daemon', async () => {
    const stop = new AbortController()
    const telling = tell('sleep 300', { signal: stop.signal })
    stop.abort()
    expect(await telling).toEqual(failure('sh was stopped with the daemon'))
  })

  it('whose program is missing says so', async () => {
    const context = await contextOf({ run: ['/no/such/program'] })
    const told = await reporters.command.tell(report, context)
    expect(told).toMatchObject({ problem: expect.stringContaining('/no/such/program could not be started') as string })
  })

  it('that fails tells its last line, and none that was cut in its middle', async () => {
    expect(await tell('echo first; echo "  last  "; echo; exit 1')).toEqual(failure('sh ended with exit code 1: last'))
    expect(await tell('head -c 9000 /dev/zero | tr "\\0" x; exit 1')).toEqual(failure('sh ended with exit code 1'))
  })
})
