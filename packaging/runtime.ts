import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Build } from './build.ts'
import { run } from './run.ts'

/** Node as the npm package `node` brings it: the official build, once more for each kind of machine. */
export type Runtime = { readonly version: string; readonly program: string; readonly licence: string }

/** The Node that the checkout itself runs on; for another kind of machine the same version from the registry. */
export function findRuntime({ root, work, arch }: Build): Runtime {
  const { version } = JSON.parse(readFileSync(join(root, 'node_modules/node/package.json'), 'utf8')) as {
    version: string
  }
  const name = `node-linux-${arch}`
  const installed = [join(root, 'node_modules/node/node_modules', name), join(root, 'node_modules', name)]
  const directory = installed.find((path) => existsSync(join(path, 'bin/node'))) ?? fetch(name, { version, work })
  return { version, program: join(directory, 'bin/node'), licence: join(directory, 'LICENSE') }
}

/** npm compares what it downloads with the hash that the registry tells. */
function fetch(name: string, { version, work }: { readonly version: string; readonly work: string }): string {
  const into = join(work, name)
  mkdirSync(into)
  const archive = run(['npm', 'pack', `${name}@${version}`, '--silent', '--pack-destination', into]).trim()
  run(['tar', '-xzf', join(into, archive), '-C', into])
  return join(into, 'package')
}

export function writeRuntime(directory: string, { program }: Runtime): void {
  mkdirSync(join(directory, 'bin'), { recursive: true })
  cpSync(program, join(directory, 'bin/node'))
  chmodSync(join(directory, 'bin/node'), 0o755)
}
