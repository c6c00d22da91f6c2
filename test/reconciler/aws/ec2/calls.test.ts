import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as ec2 from '@aws-sdk/client-ec2';
import { describe, expect, it } from 'vitest';
import { ec2Calls } from '../../../../reconciler/aws/ec2/calls.ts';

// docs/events.md records a decision on every call of EC2.

const page = readFileSync(path.join(import.meta.dirname, '../../../../docs/events.md'), 'utf8');
const [taken = '', left = ''] = page.split('\n## Left to the sweep\n');

/** The calls in backquotes in a text. A call has at least two words, and a pattern has an asterisk. */
const namesIn = (text: string): readonly string[] =>
  [...text.matchAll(/`([A-Za-z0-9*]+)`/g)]
    .map(([, name = '']) => name)
    .filter((name) => /^[A-Z][a-z0-9]+[A-Z]|\*/.test(name));

/** Every call that may change something, by its name. */
const calls = Object.keys(ec2)
  .flatMap((name) => (name.endsWith('Command') ? name.slice(0, -'Command'.length) : []))
  .filter((name) => !/^(\$|Describe|Get|List|Search|Export)/.test(name));

const patterns = namesIn(left)
  .filter((name) => name !== '*')
  .map((name) => ({ name, matches: new RegExp(`^${name.replaceAll('*', '[A-Za-z0-9]*')}$`) }));

describe('docs/events.md', () => {
  it('describes exactly the calls that the rules and the parser know', () => {
    const groups = namesIn(
      taken.slice(taken.indexOf('## Calls by group'), taken.indexOf('## How the tables are found')),
    );
    expect(new Set(groups)).toEqual(new Set(Object.keys(ec2Calls)));
  });

  it('says of every other call that changes something why it is left to the sweep', () => {
    expect(calls.length).toBeGreaterThan(500);
    const undecided = calls.filter(
      (call) => !Object.hasOwn(ec2Calls, call) && !patterns.some(({ matches }) => matches.test(call)),
    );
    expect(undecided).toEqual([]);
  });

  it('leaves no call to the sweep that is taken, and none that does not exist', () => {
    const both = Object.keys(ec2Calls).filter((call) => patterns.some(({ matches }) => matches.test(call)));
    const unknown = patterns.filter(({ matches }) => !calls.some((call) => matches.test(call)));
    expect(both).toEqual([]);
    expect(unknown.map(({ name }) => name)).toEqual([]);
  });

  it('names only calls that exist as taken', () => {
    expect(Object.keys(ec2Calls).filter((call) => !calls.includes(call))).toEqual([]);
  });
});
