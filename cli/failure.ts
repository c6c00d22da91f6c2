import { printable } from './printable.ts';

/** A failure with a message of one printable line: what failed, where, and what was expected. */
export class Failure extends Error {
  override readonly name = 'Failure';

  constructor(sentence: string, options?: ErrorOptions) {
    super(printable(sentence.replace(/\s+/g, ' ').trim()), options);
  }
}

/** The facts about an error of the AWS SDK or of Node. */
interface Facts {
  /** The error's name and its code, in lower case. */
  readonly codes: readonly string[];
  readonly message: string;
}

const unreachable = ['econnrefused', 'enotfound', 'eai_again', 'ehostunreach', 'enetunreach', 'econnreset', 'epipe'];
const tooSlow = ['timeouterror', 'etimedout', 'econnaborted', 'requesttimeout', 'aborterror'];
const notValid = ['authfailure', 'invalidclienttokenid', 'unrecognizedclientexception', 'signaturedoesnotmatch'];
const expired = ['expiredtoken', 'expiredtokenexception', 'requestexpired'];
const denied = ['unauthorizedoperation', 'accessdenied', 'accessdeniedexception'];
const throttled = ['requestlimitexceeded', 'throttling', 'throttlingexception'];

type Explanation = readonly [fits: (facts: Facts) => boolean, advice: string];

/** Why every call of this caller fails, and what to do about it. The first match wins. */
const aboutCaller: readonly Explanation[] = [
  [
    ({ message }) => /region is missing/i.test(message),
    'no Region is set: set AWS_REGION, or a region in your profile',
  ],
  [
    ({ codes, message }) => has(codes, ['credentialsprovidererror']) && /from any providers/i.test(message),
    'no AWS credentials were found: set AWS_PROFILE or AWS_ACCESS_KEY_ID, or run "aws sso login"; to plan without credentials, use --actual',
  ],
  [
    ({ codes }) => has(codes, ['credentialsprovidererror', 'tokenprovidererror']),
    'the AWS credentials could not be loaded',
  ],
  [
    ({ codes }) => has(codes, expired),
    'the AWS credentials have expired: renew them and check the clock of this machine',
  ],
  [({ codes }) => has(codes, notValid), 'AWS rejected the credentials: check them and the Region'],
];

/** The same for a single call that needs a permission. */
const explanationsFor = (permission: string): readonly Explanation[] => [
  ...aboutCaller,
  [({ codes }) => has(codes, denied), `the AWS credentials do not allow this call: they need ${permission}`],
  [({ codes }) => has(codes, throttled), 'AWS is throttling this account: try again in a minute'],
  [
    ({ codes }) => has(codes, unreachable),
    'AWS cannot be reached: check the network, the Region and AWS_ENDPOINT_URL or AWS_ENDPOINT_URL_EC2',
  ],
  [({ codes }) => has(codes, tooSlow), 'AWS did not answer in time: check the network and the endpoint'],
];

const has = (codes: readonly string[], known: readonly string[]): boolean => known.some((code) => codes.includes(code));

/** Whether a call failed because of the caller: no Region, or credentials that are missing, expired or rejected. */
export function isAboutCaller(error: unknown): boolean {
  const facts = factsOf(error);
  return aboutCaller.some(([fits]) => fits(facts));
}

/**
 * Describes a failed AWS call in one line: what was tried, what to do, and what AWS answered.
 *
 * @param permission what the call needs
 */
export function failedCall(what: string, error: unknown, permission = 'ec2:DescribeRouteTables'): Failure {
  const facts = factsOf(error);
  const advice = explanationsFor(permission).find(([fits]) => fits(facts))?.[1];
  const answer = shortened(facts.message);
  return new Failure(`${what}: ${advice === undefined ? answer : `${advice} (${answer})`}`, { cause: error });
}

function factsOf(error: unknown): Facts {
  if (!(error instanceof Error)) return { codes: [], message: String(error) };
  const code = 'code' in error ? [String(error.code).toLowerCase()] : [];
  // A host with several addresses fails once per address, and the aggregate error has no message.
  const [first]: unknown[] = error instanceof AggregateError ? error.errors : [];
  const inner = first instanceof Error ? first.message : undefined;
  return { codes: [error.name.toLowerCase(), ...code], message: error.message || inner || error.name };
}

/** The longest answer to show, in characters: EC2 may append kilobytes of encoded authorization details. */
const answerLength = 300;

function shortened(answer: string): string {
  const text = answer
    .replace(/encoded authorization failure message:.*/is, '')
    .trim()
    .replace(/\.$/, '');
  return text.length > answerLength ? `${text.slice(0, answerLength - 1)}…` : text;
}
