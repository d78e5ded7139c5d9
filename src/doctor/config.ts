import { ok, problem, warning } from './finding.ts'
import type { Check } from './patient.ts'

/** deploy.yml as it is on the disk, judged as `check` judges it. */
export const checkConfig: Check = ({ config: { file, problems, warnings }, daemon }) => {
  const cure = `deployhook check ${file} shows the lines${daemon === null ? '' : '; until it is mended the map from before stays in force'}`
  const found = [
    ...problems.map((text) => problem(file, firstLine(text, file), cure)),
    ...warnings.map((text) => warning(file, firstLine(text, file))),
  ]
  return Promise.resolve(problems.length === 0 ? [ok(file, 'is right'), ...found] : found)
}

/** `/etc/deployhook/deploy.yml:3:5 apps.blog.path: …` and then the source line with a caret. */
function firstLine(text: string, file: string): string {
  const [line = ''] = text.split('\n')
  return line.startsWith(file) ? line.slice(file.length).replace(/^:\s*/, '') : line
}
