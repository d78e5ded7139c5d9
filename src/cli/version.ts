import { machine, release } from 'node:os'
import { exit } from './cli-error.ts'
import { examples, jsonOption, type AddCommand, type Cli } from './command.ts'
import { facts } from './table.ts'
import { oneLine } from './text.ts'

export const addVersion: AddCommand = (program, cli) => {
  program
    .command('version')
    .summary('the version, and what it runs on')
    .description(
      'Prints the version of this deployhook and of what it runs on: Node, SQLite, git and the machine. ' +
        'Whether those have known holes: deployhook doctor. The version of the running daemon: deployhook status.',
    )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(['deployhook version', 'at a glance'], ['deployhook version --json', 'for programs and bug reports']),
    )
    .action(
      cli.action(async ({ json }: { readonly json?: boolean }) => {
        const { terminal } = cli
        const found = await versionsOf(cli)
        if (json) await terminal.printJson(found)
        else await terminal.print(versionText(found, terminal.paint.dim))
        return exit.done
      }),
    )
}

export type Versions = {
  readonly version: string
  readonly node: string
  readonly sqlite: string
  /** null: there is no git in PATH, or it does not answer. */
  readonly git: string | null
  /** `linux`, with its own version and the kind of processor. */
  readonly platform: string
  readonly kernel: string
  readonly arch: string
  readonly machine: string
  /** The program that runs the JavaScript. */
  readonly executable: string
}

async function versionsOf({ io }: Cli): Promise<Versions> {
  const { gitVersion } = await import('../runner/git-version.ts')
  return {
    version: io.version,
    node: process.versions.node,
    sqlite: process.versions.sqlite ?? 'none',
    git: await gitVersion(io.env),
    platform: process.platform,
    kernel: release(),
    arch: process.arch,
    machine: machine(),
    executable: process.execPath,
  }
}

function versionText(found: Versions, style: (name: string) => string): string {
  const { version, node, sqlite, git, platform, kernel, arch, executable } = found
  return facts(
    [
      ['deployhook', oneLine(version)],
      ['Node', `${node} (${oneLine(executable)})`],
      ['SQLite', sqlite],
      ['git', git === null ? 'none in PATH' : oneLine(git)],
      ['system', `${platform} ${oneLine(kernel)}, ${arch}`],
    ],
    style,
  )
}
