import { inspect } from 'node:util'

/** A value that must not be seen. It prints, logs and serialises as `[secret]`; only `reveal` gives the text. */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  [inspect.custom](): string {
    return '[secret]'
  }
}

/** The text, secret or not. */
export function revealed(value: string | Secret): string {
  return typeof value === 'string' ? value : value.reveal()
}
