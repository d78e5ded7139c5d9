import { describe, expect, it } from 'vitest'
import { keepUnusedMs, whatUpkeepNeeds, type MirrorFacts } from '../../src/model/upkeep.ts'

const facts = (change: Partial<MirrorFacts> = {}): MirrorFacts => ({
  apps: new Set(['blog']),
  borrowers: new Set(['blog']),
  unusedMs: null,
  packs: [5000, 40, 3],
  looseObjects: 12,
  refs: ['refs/deployhook/tip/blog', 'refs/deployhook/borrowed/blog/1'],
  leftovers: [],
  hasRoom: true,
  ...change,
})
const borrowed = (app: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `refs/deployhook/borrowed/${app}/${index}`)
const packs = (count: number, objects: (index: number) => number): readonly number[] =>
  Array.from({ length: count }, (_, index) => objects(index))

describe('what an idle mirror needs', () => {
  it.each<[string, Partial<MirrorFacts>, readonly string[]]>([
    ['nothing, mostly', {}, []],
    ['fewer packs, when there are many', { packs: packs(11, () => 3) }, ['repack']],
    ['no other packs, as long as there are few', { packs: packs(10, () => 3) }, []],
    ['no other packs, when each is twice the next', { packs: packs(15, (index) => 2 ** index) }, []],
    ['a pack of what is loose, when that is much', { looseObjects: 101 }, ['repack']],
    ['nothing that the disk has no room for', { looseObjects: 101, hasRoom: false }, []],
    ['no tip of an app that is gone', { refs: ['refs/deployhook/tip/shop'] }, ['sort_refs']],
    ['no refs of an app that is gone with its tree', { refs: borrowed('shop', 1) }, ['sort_refs']],
    ['the refs of an app whose tree is left', { refs: borrowed('shop', 1), borrowers: new Set(['shop']) }, []],
    ['only so many refs of what was ever deployed', { refs: borrowed('blog', 51) }, ['sort_refs']],
    ['no more than 50 of them sorted', { refs: borrowed('blog', 50) }, []],
    ['nothing that a killed git left behind', { leftovers: ['objects/pack/tmp_pack_x'] }, ['clear_leftovers']],
  ])('%s', (_, change, chores) => {
    expect(whatUpkeepNeeds(facts(change))).toEqual(chores)
  })

  it('is to be removed a week after it was seen that nobody has use for it', () => {
    const unused = { apps: new Set<string>(), borrowers: new Set<string>(), looseObjects: 500 }
    expect(whatUpkeepNeeds(facts(unused))).toEqual(['note_unused'])
    expect(whatUpkeepNeeds(facts({ ...unused, unusedMs: keepUnusedMs - 1 }))).toEqual([])
    expect(whatUpkeepNeeds(facts({ ...unused, unusedMs: keepUnusedMs }))).toEqual(['remove'])
  })

  it.each(['apps', 'borrowers'])('is not to be removed while there are %s, and the week starts over', (kind) => {
    const used = { apps: new Set<string>(), borrowers: new Set<string>(), refs: [], [kind]: new Set(['blog']) }
    expect(whatUpkeepNeeds(facts({ ...used, unusedMs: 10 * keepUnusedMs }))).toEqual(['note_used'])
  })
})
