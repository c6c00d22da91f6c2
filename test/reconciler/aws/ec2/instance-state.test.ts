import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { instanceChange } from '../../../../reconciler/aws/ec2/instance-state.ts';

const event = {
  id: '7bf73129-1428-4cd3-a780-95db273d1602',
  'detail-type': 'EC2 Instance State-change Notification',
  source: 'aws.ec2',
  account: '111122223333',
  time: '2026-11-23T12:00:07Z',
  region: 'eu-west-1',
  resources: ['arn:aws:ec2:eu-west-1:111122223333:instance/i-0a1b2c3d4e5f60718'],
  detail: { 'instance-id': 'i-0a1b2c3d4e5f60718', state: 'stopped' },
};

const changed = (detail: Record<string, unknown>) => ({ ...event, detail: { ...event.detail, ...detail } });

describe('a change of the state of an instance', () => {
  it('concerns the tables that the index has under the instance, and has no actor', () => {
    const call = {
      id: event.id,
      name: 'EC2 Instance State-change Notification: stopped',
      time: event.time,
      about: 'target-down',
      ids: ['i-0a1b2c3d4e5f60718'],
    };
    expect(instanceChange(event)).toEqual({
      routeTableIds: [],
      call,
      others: [{ id: 'i-0a1b2c3d4e5f60718', call: { ...call, via: 'i-0a1b2c3d4e5f60718' } }],
    });
  });

  it.each([
    ['running', 'target-up'],
    ['stopping', 'target-down'],
    ['stopped', 'target-down'],
    ['shutting-down', 'target-down'],
    ['terminated', 'target-down'],
  ])('to %s is %s', (state, about) => {
    expect(instanceChange(changed({ state }))?.call).toMatchObject({ about });
  });

  it.each([
    ['to pending', changed({ state: 'pending' })],
    ['to a state that nobody knows', changed({ state: 'dancing' })],
    ['of a malformed id', changed({ 'instance-id': 'i-nonsense' })],
    ['of several instances', changed({ 'instance-id': ['i-aaaaaaaa'] })],
    ['without a time', { ...event, time: 'yesterday' }],
    ['of another kind', { ...event, 'detail-type': 'AWS API Call via CloudTrail' }],
  ])('%s is ignored', (_, other) => {
    expect(instanceChange(other)).toBeUndefined();
  });

  it('never throws, whatever the event is', () => {
    fc.assert(fc.property(fc.anything(), (other) => instanceChange(other) === undefined));
    fc.assert(fc.property(fc.anything(), (detail) => instanceChange({ ...event, detail }) === undefined));
  });
});
