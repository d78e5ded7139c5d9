import { Argument } from 'commander'
import type { ExplanationView } from './api.ts'
import {
  examples,
  jsonOption,
  showAnswer,
  socketOption,
  type AddCommand,
  type Looks,
  type ShowOptions,
} from './command.ts'
import { oneLine } from './text.ts'

export const addExplain: AddCommand = (program, cli) => {
  program
    .command('explain')
    .summary('why something was deployed, or was not, in words')
    .description(
      'Says in words what became of a delivery, a deployment or an app, and what to try next.\nWithout a subject: the whole picture, for when nothing happens.',
    )
    .addArgument(
      new Argument('[subject...]', "an app, a deployment's id, delivery ID, or the git host's own delivery id"),
    )
    .addOption(jsonOption())
    .addOption(socketOption())
    .addHelpText(
      'after',
      examples(
        ['deployhook explain', 'nothing happens: what to check'],
        ['deployhook explain blog', 'an app'],
        ['deployhook explain 12', 'a deployment'],
        ['deployhook explain delivery 12', 'a delivery'],
        ['deployhook explain 72d3162e-cc78-11e3-81ab-4c9367dc0958', "a delivery by the git host's id"],
      ),
    )
    .action(
      cli.action((words: readonly string[], options: ShowOptions) =>
        showAnswer(options, { cli, ask: (client) => client.explain(subjectOf(words)), text: explanationText }),
      ),
    )
}

/** `delivery 12` and `delivery:12` are one; null: the whole picture. */
function subjectOf(words: readonly string[]): string | null {
  return words.length === 0 ? null : words.join(':')
}

function explanationText({ headline, facts, next }: ExplanationView, { paint }: Looks): string {
  const tell = (lines: readonly string[], mark: string): readonly string[] =>
    lines.map((line) => `  ${mark} ${oneLine(line)}`)
  const advice = next.length === 0 ? [] : ['', paint.bold('Next'), ...tell(next, paint.cyan('→'))]
  return [paint.bold(oneLine(headline)), ...tell(facts, '·'), ...advice].join('\n')
}
