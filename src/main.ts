#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'

const { version, engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string
  engines: { node: string }
}

// Everything else is imported afterwards: an older Node would fail at it without saying why.
if (Number.parseInt(process.versions.node, 10) < Number.parseInt(engines.node.replace(/\D+/, ''), 10)) {
  process.stderr.write(
    `deployhook ${version} needs Node ${engines.node}; this is ${process.version} (${process.execPath})\n`,
  )
  process.exit(78)
}

const [{ runCli }, { ioOf }] = await Promise.all([import('./cli/index.ts'), import('./cli/io.ts')])
const exitCode = await runCli(
  process.argv.slice(2),
  ioOf(process, {
    version,
    // The daemon's parts are loaded by the one command that needs them.
    async serve(options) {
      // Room for new objects stays as it is at the start: V8 would let it grow to 128 MiB, and keep that while nothing happens.
      setFlagsFromString('--semi-space-growth-factor=1')
      // Old ones may take half again what lives of them until the next look: V8 would let them fill up what they may for hours.
      setFlagsFromString('--heap-growing-percent=50')
      return (await import('./app.ts')).startApp(options, { process, version })
    },
  }),
)
// A daemon that could not sync its database ends without the closing that Node would do of itself: see store/trust.ts.
if (process.argv[2] === 'serve' && exitCode === 1) process.exit(exitCode)
process.exitCode = exitCode
