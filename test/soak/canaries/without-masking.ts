import { registerHooks } from 'node:module'

/** The negative control, for `node --import`: the daemon as it is, but for a mask that masks nothing. */
registerHooks({
  load(url, context, next) {
    if (!url.endsWith('/src/lib/masker.ts')) return next(url, context)
    const source = `
      export const createMask = () => ({
        text: (text) => text,
        stream: () => ({ push: (chunk) => chunk, end: () => Buffer.alloc(0) }),
      })
      export const maskText = (_, text) => text
      export const formsOf = () => []
    `
    return { format: 'module', source, shortCircuit: true }
  },
})
