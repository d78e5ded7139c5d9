import { renameSync, writeFileSync } from 'node:fs'
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * The gauge of `steady.ts`, loaded into its daemon by `NODE_OPTIONS=--import`: at SIGUSR2 it collects all garbage and
 * writes into the file that HEAP_GAUGE names how many bytes of objects are left. What V8 has compiled is not among them.
 */
const { HEAP_GAUGE: file = '/dev/null' } = process.env
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const ofObjects = ['old_space', 'new_space', 'large_object_space']

process.on('SIGUSR2', () => {
  collect()
  collect()
  const spaces = getHeapSpaceStatistics().filter(({ space_name: name }) => ofObjects.includes(name))
  const bytes = spaces.reduce((sum, { space_used_size: used }) => sum + used, 0)
  writeFileSync(`${file}.new`, String(bytes))
  renameSync(`${file}.new`, file)
})
