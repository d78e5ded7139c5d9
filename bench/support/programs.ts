import { execa } from 'execa'

/** A program that is here, or why it is not. */
export type Program = { readonly path: string } | { readonly missing: string }

/** Why each of these is not measured: those that are here are left out. */
export function missing(sides: Readonly<Record<string, Program>>): readonly string[] {
  return Object.entries(sides).flatMap(([side, program]) =>
    'missing' in program ? [`${side}: ${program.missing}`] : [],
  )
}

/** Finds a program, or installs the Debian package of that name where root may. */
export async function programOf(name: string): Promise<Program> {
  const found = await locate(name)
  if (found !== null) return { path: found }
  if (process.getuid?.() !== 0) return { missing: `${name} is not installed, and only root may install it` }
  const apt = async (...args: readonly string[]) =>
    execa('apt-get', args, { reject: false, all: true, stdin: 'ignore', env: { DEBIAN_FRONTEND: 'noninteractive' } })
  await apt('update')
  const { all } = await apt('install', '--yes', '--no-install-recommends', name)
  const installed = await locate(name)
  if (installed !== null) return { path: installed }
  return { missing: `apt-get install ${name}: ${all.split('\n').at(-1) ?? 'says nothing'}` }
}

async function locate(name: string): Promise<string | null> {
  const { stdout, exitCode } = await execa('sh', ['-c', 'command -v "$1"', 'sh', name], {
    reject: false,
    stdin: 'ignore',
  })
  return exitCode === 0 ? stdout.trim() : null
}
