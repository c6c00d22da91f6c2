import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, it } from 'vitest';
import { routeReconcilerApp, StackTemplate } from '../support/stack.ts';

const variants: Record<string, Record<string, unknown>> = {
  'the real stack': {},
  'a stack with the settings of an organisation': {
    managedVpcIds: 'vpc-0123456789abcdef0',
    createTrail: true,
    encryptionKeyArn: 'arn:aws:kms:eu-west-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef',
    permissionsBoundaryArn: 'arn:aws:iam::111122223333:policy/boundary',
    rolePath: '/network/',
    roleNamePrefix: 'routes-',
    removalPolicy: 'retain-on-update-or-delete',
  },
  'the local stack': { local: true, ec2Endpoint: 'http://127.0.0.1:5000' },
};

// Each case synthesizes a stack, and cfn-lint starts Python. On a busy machine this takes a minute.
describe('the template', { timeout: 180_000 }, () => {
  it.each(Object.entries(variants))(
    'of %s passes cdk-nag: each finding is fixed, or acknowledged with a reason',
    (_, context) => {
      const { app } = routeReconcilerApp(context);
      Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
      expect(() => app.synth()).not.toThrow();
    },
  );

  it('passes cfn-lint without an error', async ({ skip }) => {
    const cfnLint = path.resolve(import.meta.dirname, '../../.venv/bin/cfn-lint');
    skip(!existsSync(cfnLint), 'cfn-lint is not installed; run `npm run setup`');
    const templates = Object.values(variants).map((context) => new StackTemplate(context).file);
    const lint = promisify(execFile)(cfnLint, [
      '--non-zero-exit-code',
      'error',
      '--regions',
      'eu-west-1',
      '--',
      ...templates,
    ]);
    await expect(lint).resolves.toBeDefined();
  });
});
