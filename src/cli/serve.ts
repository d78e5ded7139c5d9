import { CliError, exit } from './cli-error.ts'
import { examples, type AddCommand } from './command.ts'
import { configFile, socketToServe, stateDirectory, variable } from './locations.ts'
