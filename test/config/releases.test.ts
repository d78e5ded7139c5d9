import { describe, expect, it } from 'vitest'
import { headsOf, mapOf, problemsOf, withApp } from './support.ts'

const releases = (...lines: readonly string[]): string => withApp('strategy: releases', ...lines)

const appOf = async (text: string) => (await mapOf(text)).apps.get('blog')

describe('an app with releases', () => {
  it('goes back to what was live unless told otherwise', async () => {
    expect(await appOf(releases())).toMatchObject({ strategy: 'releases', keep: 5, shared: [], onFailure: 'rollback' })
    expect(await appOf(releases('on_failure: stop'))).toMatchObject({ onFailure: 'stop' })
  })

  it('says everything that can be said of it', async () => {
    const app = await appOf(
      releases(
        'shared: [uploads/, ./storage//logs, .env]',
        'keep: 0',
        'before_switch: [a]',
        'activate: [b]',
        'after: [c]',
        'hold_after_rollback: next_push',
        'approve: true',
        'windows: ["* 9-16 * * mon-fri", { cron: "0 3 * * *", time_zone: Europe/Berlin }]',
      ),
    )
    expect(app).toMatchObject({
      shared: [
        { path: 'uploads', kind: 'directory' },
        { path: 'storage/logs', kind: null },
        { path: '.env', kind: null },
      ],
      keep: 0,
      beforeSwitch: [{ name: 'a' }],
      activate: [{ name: 'b' }],
      after: [{ name: 'c' }],
      holdAfterRollback: 'next_push',
      approve: true,
      windows: [{ timeZone: 'UTC' }, { timeZone: 'Europe/Berlin' }],
    })
  })

  it.each([
    ['shared: [/srv/x]', 'apps.blog.shared[0]: must be a path of the repository, without the / in front'],
    ['shared: [../x]', 'apps.blog.shared[0]: must stay inside the repository: it leads out of it by ..'],
    ['shared: [a/../../x]', 'apps.blog.shared[0]: must stay inside the repository: it leads out of it by ..'],
    ['shared: [""]', 'apps.blog.shared[0]: is empty: name a file or a directory of the repository'],
    ['shared: [a/..]', 'apps.blog.shared[0]: is empty: name a file or a directory of the repository'],
    ['shared: [.git/hooks]', 'apps.blog.shared[0]: must not be in .git: that belongs to deployhook'],
    ['shared: []', 'apps.blog.shared: is empty: add an entry, or take the key out'],
    ['shared: [a, ./a/]', 'apps.blog.shared[1]: is in the list already: take one out'],
    ['shared: [a/b, a]', 'apps.blog.shared[0]: lies in "a", which is shared as a whole: take one of them out'],
    ['keep: -1', 'apps.blog.keep: must be a whole number from 0 to 1000'],
    ['on_failure: retry', 'apps.blog.on_failure: must be rollback or stop'],
    ['hold_after_rollback: never', 'apps.blog.hold_after_rollback: must be unhold or next_push'],
    ['approve: yes', 'apps.blog.approve: must be true or false'],
    ['bake: 30', 'apps.blog.bake: "30" is not a duration such as 30s or 5m (0s: none)'],
    ['windows: []', 'apps.blog.windows: is empty: add an entry, or take the key out'],
    ['windows: ["9-16"]', 'apps.blog.windows[0]: has not five fields (minute, hour, day of month, month, day of week)'],
    ['windows: ["* 24 * * *"]', 'apps.blog.windows[0]: is not a cron pattern, such as * 9-16 * * mon-fri'],
    [
      'windows: [{ cron: "* * * * *", time_zone: Berlin }]',
      'apps.blog.windows[0]: names a time zone that there is not: write it such as Europe/Berlin or UTC',
    ],
    ['windows: [{ time_zone: UTC }]', 'apps.blog.windows[0].cron: is missing'],
    ['windows: ["* * * * *", "0 0 30 2 *"]', 'apps.blog.windows[1]: never opens: no year has such a day'],
  ])('is refused for %s', async (line, told) => {
    expect(await headsOf(releases(line))).toEqual([expect.stringContaining(told)])
  })

  it('may share what only begins with the same letters', async () => {
    expect(await headsOf(releases('shared: [log, logs, a/b, a/bc]'))).toEqual([])
  })

  it('keeps other apps out of its directories', async () => {
    const shop = '  shop: { repo: /srv/git/shop, path: /srv/blog/current/shop }\n'
    expect(await problemsOf(releases() + shop)).toContain('the path of shop lies inside /srv/blog, the path of blog')
  })
})

describe('an app in place', () => {
  it.each(['shared: [a]', 'keep: 5'])('has no use for %s', async (line) => {
    const told = 'is for strategy: releases alone: add that to the app, or take this out'
    const [key = ''] = line.split(':')
    expect(await headsOf(withApp(line))).toEqual([`7:5 apps.blog.${key}: ${told}`])
    expect(await headsOf(releases(line))).toEqual([])
    expect(await headsOf(withApp(line) + 'defaults: { strategy: releases }\n')).toEqual([])
  })

  it('leaves what defaults say of releases to the apps that have them', async () => {
    expect(await headsOf(withApp() + 'defaults: { shared: [a], keep: 3 }\n')).toEqual([])
  })

  it('has the same phases, and may go back', async () => {
    const app = await appOf(
      withApp('before_switch: [a]', 'activate: [b]', 'on_failure: rollback', 'hold_after_rollback: unhold'),
    )
    expect(app).toMatchObject({ strategy: 'in-place', onFailure: 'rollback', beforeSwitch: [{}], activate: [{}] })
  })

  it('is told of a strategy that is none, and of nothing that would follow from it', async () => {
    expect(await headsOf(withApp('strategy: release', 'keep: 3'))).toEqual([
      '7:15 apps.blog.strategy: must be in-place or releases: did you mean "releases"?',
    ])
  })
})
