interface Restriction {
  /** What to report, as an ESTree selector. */
  readonly selector: string;
  readonly message: string;
}

interface Context {
  readonly options: readonly Restriction[];
  report(problem: { readonly node: unknown; readonly message: string }): void;
}

/** ESLint's `no-restricted-syntax`, which oxlint does not have. */
export default {
  meta: { name: 'project' },
  rules: {
    'no-restricted-syntax': {
      meta: { schema: false },
      create: (context: Context) =>
        Object.fromEntries(
          context.options.map(({ selector, message }) => [
            selector,
            (node: unknown) => context.report({ node, message }),
          ]),
        ),
    },
  },
};
