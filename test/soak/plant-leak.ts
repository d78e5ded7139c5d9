import { subscribe } from 'node:diagnostics_channel'
import { openSync } from 'node:fs'

/**
 * The negative control of `steady.ts`, loaded into its daemon by `NODE_OPTIONS=--import`: each request to it stays in
 * memory, with half a mebibyte and an open descriptor.
 */
const kept: unknown[] = []
subscribe('http.server.request.start', (request) => {
  kept.push(request, openSync('/dev/null', 'r'), Buffer.alloc(2 ** 19, 1))
})
