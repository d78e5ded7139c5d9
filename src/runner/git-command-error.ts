/** A git that answered with an exit code it should not have. */
export class GitCommandError extends Error {
  readonly output: string

  constructor(command: string, exitCode: number, output: string) {
    super(`git ${command} ended with ${exitCode}: ${output}`)
    // simple-git has no exit code to tell, whatever its types say, of one that was killed.
    this.output = Number.isInteger(exitCode) ? output : `${output}\ngit ${command} was ended by a signal`
  }
}
