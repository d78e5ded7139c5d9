import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'

export default defineConfig(
  { ignores: ['dist/', 'coverage/', 'node_modules/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-restricted-syntax': [
        'error',
        {
          selector: "Property[key.name='shell'][value.value=true]",
          message: 'Commands are argument lists (STYLE 11).',
        },
        { selector: "Property[key.name='rejectUnauthorized'][value.value=false]", message: 'TLS is always checked.' },
      ],
      'no-restricted-imports': [
        'error',
        { paths: [{ name: 'node:child_process', message: 'Commands are run by src/runner/exec.ts alone.' }] },
      ],
    },
  },
  {
    files: ['test/**/*.ts', 'demo/**/*.ts', 'bench/**/*.ts', 'packaging/**/*.ts'],
    rules: { 'no-restricted-imports': 'off' },
  },
)
