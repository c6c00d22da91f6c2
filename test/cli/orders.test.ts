import { expect, it } from 'vitest';
import { routectl } from '../support/routectl.ts';

it('an unreachable deployment is reported in one sentence that says what was tried', async () => {
  const env = { AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', AWS_MAX_ATTEMPTS: '1' };
  const { code, stderr } = await routectl(['status', '--state-table', 'Elsewhere'], {
    env: { ...env, AWS_ENDPOINT_URL: 'http://127.0.0.1:1' },
  });
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /\nroutectl: could not read the fleet \(tables DesiredRouteTables, RouteTableOrders, Elsewhere; .*\n$/,
  );
});
