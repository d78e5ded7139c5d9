import { execa } from 'execa'
import { mkdir } from 'node:fs/promises'

/** A bare repository with one commit of one file on `main`; answers its path. */
export async function makeRepository(path: string): Promise<string> {
  await mkdir(path, { recursive: true })
  const history = [
    'commit refs/heads/main',
    'committer Ada <ada@acme.example> 1763900934 +0000',
    'data 5',
    'First',
    'M 644 inline README',
    'data 6',
    'Hello',
    '',
    '',
  ].join('\n')
  await execa('git', ['init', '-q', '--bare', '-b', 'main', path])
  await execa('git', ['-C', path, 'fast-import', '--quiet'], { input: history })
  return path
}
