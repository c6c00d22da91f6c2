import type { OxlintConfig } from 'oxlint';

export default {
  plugins: ['typescript', 'unicorn', 'oxc', 'import', 'promise', 'node'],
  categories: { correctness: 'error', suspicious: 'error' },
  rules: {
    'typescript/no-explicit-any': 'error',
    'typescript/no-non-null-assertion': 'error',
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/switch-exhaustiveness-check': 'error',
    'typescript/consistent-type-imports': 'error',
    'import/no-cycle': 'error',
    'import/no-unassigned-import': 'off',
    'unicorn/no-array-sort': 'off',
    'no-await-in-loop': 'off',
    'no-shadow': 'off',
    'no-unused-vars': [
      'error',
      {
        ignoreRestSiblings: true,
        argsIgnorePattern: '^_',
        destructuredArrayIgnorePattern: '^_',
        varsIgnorePattern: '^_',
      },
    ],
    'typescript/no-import-type-side-effects': 'error',
    'unicorn/consistent-function-scoping': 'off',
    'no-new': 'off',
  },
  overrides: [
    {
      files: ['reconciler/**', 'lambdas/**', 'cli/**', 'infra/**'],
      rules: {
        'no-restricted-imports': [
          'error',
          { patterns: [{ group: ['**/test/**'], message: 'nothing outside test/ imports test/' }] },
        ],
      },
    },
    {
      files: ['reconciler/core/**'],
      rules: {
        'no-restricted-imports': [
          'error',
          {
            patterns: [
              {
                group: ['../**', '@aws-sdk/*', '@smithy/*', '@aws-lambda-powertools/*'],
                message: 'core is pure: it imports only core',
              },
              { group: ['**/test/**'], message: 'nothing outside test/ imports test/' },
            ],
          },
        ],
        'no-console': 'error',
      },
    },
  ],
  ignorePatterns: ['dist', 'cdk.out', 'node_modules', '.local'],
} satisfies OxlintConfig;
