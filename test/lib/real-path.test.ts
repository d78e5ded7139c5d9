import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { findRealPath, realPath } from '../../src/lib/real-path.ts'

/** A folder with `real/`, a `file`, and the symbolic links given. */
function createFolder(links: Readonly<Record<string, string>>): (...parts: readonly string[]) => string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'deployhook-path-')))
  onTestFinished(() => {
    rmSync(folder, { recursive: true })
  })
  mkdirSync(join(folder, 'real'))
  writeFileSync(join(folder, 'file'), '')
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(folder, name))
  return (...parts) => join(folder, ...parts)
}

describe('where a path really lies', () => {
  it.each([
    ['what is there', 'real', 'real'],
    ['what is not there yet', 'real/new/deep', 'real/new/deep'],
    ['what is behind a link', 'link', 'real'],
    ['what is not there yet behind a link', 'link/new', 'real/new'],
    ['what a dangling link leads to', 'dangling', 'nowhere'],
    ['what is below that', 'dangling/new', 'nowhere/new'],
    ['what a link to a dangling link leads to', 'twice', 'nowhere'],
  ])('is told of %s', (_, path, real) => {
    const at = createFolder({ link: 'real', dangling: 'nowhere', twice: 'dangling' })
    expect(findRealPath(at(path))).toEqual({ real: at(real) })
    expect(realPath(at(path))).toBe(at(real))
  })

  it.each([
    ['a circle of links', 'a', 'ELOOP', 'a'],
    ['a path below a file', 'file/new', 'ENOTDIR', 'file/new'],
    ['a name that is too long', `link/${'x'.repeat(300)}`, 'ENAMETOOLONG', `real/${'x'.repeat(300)}`],
  ])('cannot be said of %s, but is guessed as far as it goes', (_, path, code, guess) => {
    const at = createFolder({ link: 'real', a: 'b', b: 'a' })
    expect(findRealPath(at(path))).toEqual({ code })
    expect(realPath(at(path))).toBe(at(guess))
  })
})
