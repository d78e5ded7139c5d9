import childProcess from 'node:child_process'
import { syncBuiltinESMExports } from 'node:module'

/** The negative control of `cut-trees.ts`, loaded into its daemon by `NODE_OPTIONS=--import`: `sync` does nothing. */
const { spawn } = childProcess
childProcess.spawn = ((file: string, ...rest: never[]) =>
  spawn(file === 'sync' ? 'true' : file, ...rest)) as typeof spawn
syncBuiltinESMExports()
