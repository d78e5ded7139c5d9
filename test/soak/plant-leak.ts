import { subscribe } from 'node:diagnostics_channel'
import { openSync } from 'node:fs'

/**
 * The negative control of `steady.ts`, loaded into its daemon by `NODE_OPTIONS=--import`: each request to it stays in
 * memory, with half a mebibyte of objects and an open descriptor.
 */
const kept: unknown[] = []
subscribe('http.server.request.start', (request) => {
  kept.push(request, openSync('/dev/null', 'r'), new Array<number>(2 ** 16).fill(0.5))
})
