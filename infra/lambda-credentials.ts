import { fromEnv } from '@aws-sdk/credential-provider-env';

/**
 * Takes the place of `@aws-sdk/credential-provider-node` in the bundles. Lambda passes the credentials of the function's
 * role in environment variables, so a function needs no code that signs in by SSO, asks a web identity or runs a program.
 */
export const defaultProvider = (): ReturnType<typeof fromEnv> => fromEnv();
