import type { Delivery } from '../model/delivery.ts'
import { formField } from './form.ts'
import { headerOf } from './headers.ts'

/** The JSON text of a delivery: its body, or the field `payload` where the host sends a form. */
export function jsonTextOf({
  headers,
  body,
}: Pick<Delivery, 'headers' | 'body'>): { readonly value: Buffer } | { readonly problem: string } {
  const isForm = /^\s*application\/x-www-form-urlencoded\s*(?:;|$)/i.test(headerOf(headers, 'content-type') ?? '')
  return isForm ? formField(body, 'payload') : { value: body }
}
