import { registerHooks } from 'node:module'

/** A negative control of `stages.ts`, for `node --import`: a daemon whose start leaves as it is what an earlier one left. */
registerHooks({
  load(url, context, next) {
    if (!url.endsWith('/src/app/settle-the-past.ts')) return next(url, context)
    const source = 'export const settleThePast = () => Promise.resolve([])'
    return { format: 'module', source, shortCircuit: true }
  },
})
