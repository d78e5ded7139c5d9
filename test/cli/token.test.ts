import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { run } from './world.ts'

describe('token', () => {
  it('shows the token once and the entry that lets it in, which holds only its digest', async () => {
    const { code, out, err } = await run(['token', '--name', 'deployer', '--can', 'operate'])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const [token, ...others] = out.match(/dh_[A-Za-z0-9_-]{43}/g) ?? []
    expect(others).toEqual([])
    const digest = createHash('sha256')
      .update(token ?? '')
      .digest('hex')
    expect(out).toContain(
      ['server:', '  api_tokens:', '    - name: deployer', `      sha256: "${digest}"`, '      can: operate'].join(
        '\n',
      ),
    )
  })

  it('is for reading unless it is said to operate', async () => {
    const { out } = await run(['token', '--json'])
    expect(JSON.parse(out)).toMatchObject({ entry: { name: 'ci', can: 'read' } })
  })

  it('never makes the same token twice', async () => {
    expect((await run(['token'])).out).not.toBe((await run(['token'])).out)
  })

  it('quotes a name that YAML would take for something else', async () => {
    const { out } = await run(['token', '--name', '0123'])
    expect(out).toContain('- name: "0123"')
  })
})
