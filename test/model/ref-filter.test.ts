import { describe, expect, it } from 'vitest'
import { globOf } from '../../src/model/glob.ts'
import { refAskedFor, refsOf, refToDeploy } from '../../src/model/ref-filter.ts'
import { createApp } from '../support/map.ts'

const single = createApp('blog', { branch: 'live' })
const globs = createApp('blog', { branch: null, branches: [globOf('release/*')], tags: [globOf('v*')] })

describe('what was queued for a ref', () => {
  it('is deployed from the branch that deploy.yml names by now', () => {
    expect(refToDeploy(single, 'refs/heads/main')).toBe('refs/heads/live')
  })

  it('is deployed from that ref where the globs still match it, and not at all where they do not', () => {
    expect(refToDeploy(globs, 'refs/tags/v1')).toBe('refs/tags/v1')
    expect(refToDeploy(globs, 'refs/heads/main')).toBeNull()
  })
})

describe('a request for a deployment', () => {
  it('means the one branch of the app, whatever was deployed last', () => {
    expect(refAskedFor(single, { named: null, newest: 'refs/heads/main' })).toEqual({ ref: 'refs/heads/live' })
  })

  it('means what was deployed last where there are globs', () => {
    expect(refAskedFor(globs, { named: null, newest: 'refs/tags/v1' })).toEqual({ ref: 'refs/tags/v1' })
  })

  it('means the ref that it names', () => {
    expect(refAskedFor(globs, { named: 'refs/heads/release/2', newest: 'refs/tags/v1' })).toEqual({
      ref: 'refs/heads/release/2',
    })
  })

  it('is refused for a ref that the app does not deploy', () => {
    const problem = 'That is no ref that it deploys: branches release/*; tags v*.'
    expect(refAskedFor(globs, { named: 'refs/heads/v1', newest: null })).toEqual({ problem })
    expect(refAskedFor(single, { named: 'refs/heads/main', newest: null })).toEqual({
      problem: 'That is no ref that it deploys: live.',
    })
  })

  it.each([null, 'refs/heads/main'])('is refused when nothing says which: newest %s', (newest) => {
    expect(refAskedFor(globs, { named: null, newest })).toEqual({
      problem:
        'It deploys branches release/*; tags v*, and nothing says which: name one, with --branch NAME or --tag NAME (in the API: "ref").',
    })
  })
})

it('what an app deploys is told in the words of deploy.yml', () => {
  expect(refsOf(single)).toBe('live')
  expect(refsOf(createApp('blog', { branch: null, tags: [globOf('v*'), globOf('rc-?')] }))).toBe('tags v*, rc-?')
})
