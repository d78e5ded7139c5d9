import { Argument } from 'commander'
import { exit } from './cli-error.ts'
import { examples, jsonOption, socketOption, withDaemon, type AddCommand, type ShowOptions } from './command.ts'
import { oneLine } from './text.ts'

export const addReport: AddCommand = (program, cli) => {
  program
    .command('report')
    .summary('try a reporter out with a made-up report')
    .description('Tells a made-up report by one of the reporters of deploy.yml, once and now, and says how that went.')
    .addArgument(new Argument('<reporter>', 'its name in deploy.yml'))
    .addOption(jsonOption())
    .addOption(socketOption())
    .addHelpText('after', examples(['deployhook report ops', 'does anybody hear of a failure?']))
    .action(
      cli.action(async (reporter: string, options: ShowOptions) => {
        const answer = await withDaemon(options, { cli, ask: (client) => client.report(reporter) })
        const { print, printJson, warn, paint } = cli.terminal
        if (options.json) await printJson(answer)
        else if (answer.problem === null) await print(paint.green('told'))
        else await warn(notTold(reporter, answer.problem))
        return answer.result === 'told' ? exit.done : exit.failed
      }),
    )
}

function notTold(reporter: string, problem: string): string {
  const name = oneLine(reporter)
  return `${name} was not told: ${oneLine(problem)}. Mend that, or ${name} of reporters in deploy.yml, then: deployhook report ${name}`
}
