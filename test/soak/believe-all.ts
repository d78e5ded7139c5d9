import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'

/** The negative control of `deliveries.ts`, for `node --import`: a daemon that takes every signature for the right one. */
crypto.timingSafeEqual = () => true
syncBuiltinESMExports()
