import { execa } from 'execa'

/** Runs git as somebody in particular, whoever runs the demo and however their git is set up. Answers what it printed. */
export async function git(directory: string, ...args: readonly string[]): Promise<string> {
  return (await execa('git', ['-C', directory, ...args], { env: ada, stderr: 'pipe' })).stdout
}

const ada = {
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.com',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.com',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
}
