import {
  branchOrGlobs,
  gitFitsRepository,
  needsRepoAndPath,
  sshFilesAreUsable,
  wasNamesAreFree,
  webhookExists,
} from './apps.ts'
import { limitsNeedSystemd, sandboxFits } from './executor.ts'
import { bakeHasChecks, checkHasOneKind, checksFitPreview, previewIsAsked } from './health.ts'
import { pathsAreApart, pathsAreSafe, treesHoldNoDeployMap } from './paths.ts'
import { keysOfReleases, sharedPathsAreApart, windowsOpen } from './releases.ts'
import { notifiedReporterExists, reporterFitsKind, reporterIsAllowed, reporterKindIsKnown } from './reporters.ts'
import type { Rule } from './rule.ts'
import { rootNeedsPermission, runAsIsPossible } from './run-as.ts'
import { apiTokensHaveOneSecret, apiTokenNamesDiffer } from './server.ts'
import { hasSecret, optionsFitProvider, providerIsKnown, secretsFitProvider, someWebhook } from './webhooks.ts'

/** Everything that has to hold beyond the schema; the order does not matter. */
export const rules: readonly Rule[] = [
  providerIsKnown,
  hasSecret,
  optionsFitProvider,
  secretsFitProvider,
  someWebhook,
  needsRepoAndPath,
  branchOrGlobs,
  gitFitsRepository,
  sshFilesAreUsable,
  webhookExists,
  wasNamesAreFree,
  keysOfReleases,
  sharedPathsAreApart,
  windowsOpen,
  checkHasOneKind,
  bakeHasChecks,
  previewIsAsked,
  checksFitPreview,
  runAsIsPossible,
  rootNeedsPermission,
  limitsNeedSystemd,
  sandboxFits,
  pathsAreSafe,
  pathsAreApart,
  treesHoldNoDeployMap,
  reporterKindIsKnown,
  reporterFitsKind,
  reporterIsAllowed,
  notifiedReporterExists,
  apiTokensHaveOneSecret,
  apiTokenNamesDiffer,
]
