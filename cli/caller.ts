import { Failure, failedCall, isAboutCaller } from './failure.ts';
import { printable } from './printable.ts';
import type { Terminal } from './terminal.ts';

/** Whose credentials these are, and where they are used. */
export interface Caller {
  readonly region: string;
  /** Undefined if STS did not answer. */
  readonly account?: string;
  readonly arn?: string;
}

/** Options of every command that touches AWS. */
export interface AwsOptions {
  /** The only account in which the command may work. */
  readonly account?: string;
}

/** How long STS may take. A stop of all tables must not wait for it. */
const patience = { connectionTimeout: 2_000, requestTimeout: 3_000 };

/**
 * Asks STS whose credentials these are, and prints account and Region. Every command that touches AWS comes through here
 * first. If STS cannot be reached, the command goes on without a name, unless `--account` asks for one.
 *
 * @throws Failure if there is no Region, if the credentials are missing or rejected, or if `--account` names another
 *   account
 */
export async function enterAws({ account }: AwsOptions, { note }: Pick<Terminal, 'note'>): Promise<Caller> {
  if (account !== undefined && !/^\d{12}$/.test(account))
    throw new Failure(`--account ${account}: expected the 12 digits of an account id`);
  const { GetCallerIdentityCommand, STSClient } = await import('@aws-sdk/client-sts');
  const client = new STSClient({ maxAttempts: 2, requestHandler: patience });
  let region = 'unknown';
  let caller: Caller;
  try {
    region = await client.config.region();
    const { Account, Arn } = await client.send(new GetCallerIdentityCommand({}));
    caller = { region, ...(Account && { account: Account }), ...(Arn && { arn: Arn }) };
  } catch (error) {
    const failure = failedCall('could not find out which account this is', error, 'sts:GetCallerIdentity');
    if (isAboutCaller(error) || account !== undefined) throw failure;
    note(failure.message);
    caller = { region };
  }
  note(printable(`AWS account ${caller.account ?? 'unknown'}, Region ${region}, as ${authorOf(caller)}`));
  if (account !== undefined && account !== caller.account)
    throw new Failure(`--account ${account}: these credentials are of account ${caller.account}; nothing was done`);
  return caller;
}

/** The name under which a caller gives orders: its ARN, or `unknown caller`. */
export const authorOf = ({ arn }: Caller): string => arn ?? 'unknown caller';
