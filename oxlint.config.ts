import type { OxlintConfig, OxlintOverride } from 'oxlint';

/** The folders of `reconciler/core`. Each imports only itself and the folders to its right. */
const rooms = ['announce', 'status', 'plan', 'memory', 'desired', 'route'];

const pureLibraries = ['zod', 'ip-bigint', 'fastest-levenshtein'];
const pureNodeFunctions = {
  'node:crypto': ['createHash'],
  'node:util': ['inspect', 'isDeepStrictEqual'],
  'node:net': ['isIP'],
};

/** Files in the core import their own folder, pure libraries and the core files in `others`; nothing else. */
const coreImports = (files: string, others: readonly string[]): OxlintOverride => ({
  files: [files],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        paths: Object.entries(pureNodeFunctions).map(([name, allowImportNames]) => ({
          name,
          allowImportNames,
          message: 'the core imports only the pure functions of this module',
        })),
        patterns: [
          {
            group: [
              '**',
              ...['./*', ...others, ...pureLibraries, ...Object.keys(pureNodeFunctions)].map((a) => `!${a}`),
            ],
            message: `${files} imports only ${['./*', ...others].join(', ')} and pure libraries`,
          },
        ],
      },
    ],
  },
});

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
    'import/no-cycle': ['error', { ignoreTypes: false }],
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
      jsPlugins: ['./oxlint.plugin.ts'],
      rules: {
        // No environment is set, so only the globals of ECMAScript are defined: no process, console, fetch, timers,
        // performance, crypto, Buffer or require.
        'no-undef': ['error', { typeof: true }],
        'no-restricted-globals': [
          'error',
          { name: 'globalThis', message: 'it leads to the clock, the environment and I/O' },
          { name: 'Intl', message: "it depends on the machine's locale and time zone" },
          { name: 'Promise', message: 'the core is synchronous: it waits for nothing' },
          { name: 'Atomics', message: 'the core is synchronous: it waits for nothing' },
          { name: 'Function', message: 'no rule can read the code it runs' },
        ],
        'no-restricted-properties': [
          'error',
          { object: 'Date', property: 'now', message: 'take the time as an argument' },
          { object: 'Math', property: 'random', message: 'the core is deterministic' },
        ],
        'project/no-restricted-syntax': [
          'error',
          {
            selector: 'NewExpression[callee.name="Date"][arguments.length=0], CallExpression[callee.name="Date"]',
            message: 'this reads the clock: take the time as an argument',
          },
          {
            selector: 'NewExpression[callee.name="Date"][arguments.length>1]',
            message: "this depends on the machine's time zone: use Date.UTC",
          },
          {
            selector:
              'MemberExpression > .property[name=/^([gs]et(Date|Day|FullYear|Hours|Minutes|Month|Seconds)|getTimezoneOffset|to(Date|Time)String|toLocale.*)$/]',
            message: "this depends on the machine's locale or time zone: use UTC",
          },
          {
            selector: 'CallExpression[callee.property.name="localeCompare"][arguments.length<2]',
            message: "this depends on the machine's locale: pass one",
          },
          { selector: 'MetaProperty', message: 'import.meta tells where the code runs' },
          { selector: 'ImportExpression', message: 'the core imports statically, so that its imports can be checked' },
          { selector: ':function[async=true]', message: 'the core is synchronous: it waits for nothing' },
        ],
      },
    },
    coreImports('reconciler/core/**', []),
    ...rooms.map((room, index) =>
      coreImports(
        `reconciler/core/${room}/**`,
        rooms.slice(index + 1).map((other) => `../${other}/*`),
      ),
    ),
  ],
  ignorePatterns: ['dist', 'cdk.out', 'node_modules', '.local'],
} satisfies OxlintConfig;
