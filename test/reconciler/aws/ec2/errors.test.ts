import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FailureKind } from '../../../../reconciler/core/route/outcome.ts';
import { failureOf } from '../../../../reconciler/aws/ec2/errors.ts';
import { Ec2Error, LostAnswer } from '../../../support/ec2/error.ts';

/** The error codes of the three route calls, by the kind that the reconciler assigns to them. */
const answers: Readonly<Record<FailureKind, readonly (readonly [code: string, message?: string])[]>> = {
  stale: [
    ['RouteAlreadyExists', 'The route identified by 10.0.0.0/16 already exists.'],
    ['InvalidRoute.NotFound', 'no route with destination-cidr-block 10.0.0.0/16 in route table rtb-aaaaaaaa'],
    [
      'InvalidParameterValue',
      "There is no route defined for '10.0.0.0/16' in the route table. Use CreateRoute instead.",
    ],
  ],
  transient: [
    ['RequestLimitExceeded'],
    ['Throttling'],
    ['ThrottlingException'],
    ['RequestThrottled'],
    ['RequestThrottledException'],
    ['EC2ThrottledException'],
    ['BandwidthLimitExceeded'],
    ['RequestExpired'],
    ['InvalidParameterException'],
    ['InternalError'],
    ['InternalFailure'],
    ['ServerInternal'],
    ['Unavailable'],
    ['ServiceUnavailable'],
  ],
  'not-ready': [
    ['InvalidRouteTableID.NotFound'],
    ['InvalidGatewayID.NotFound'],
    ['InvalidInternetGatewayID.NotFound'],
    ['InvalidVpnGatewayID.NotFound'],
    ['InvalidVpnGatewayState'],
    // An internet gateway that is not attached, or not yet.
    ['InvalidParameterValue', 'route table rtb-aaaaaaaa and network gateway igw-aaaaaaaa belong to different networks'],
    ['Gateway.NotAttached'],
    ['InvalidNatGatewayID.NotFound'],
    ['NatGatewayNotFound'],
    ['InvalidTransitGatewayID.NotFound'],
    ['InvalidVpcPeeringConnectionID.NotFound'],
    ['InvalidVpcPeeringConnectionId.NotFound'],
    ['InvalidVpcEndpointId.NotFound'],
    ['InvalidVpcEndpoint.NotFound'],
    ['InvalidNetworkInterfaceID.NotFound'],
    ['InvalidNetworkInterface.NotFound'],
    ['InvalidInstanceID.NotFound'],
    ['InvalidEgressOnlyInternetGatewayId.NotFound'],
    ['InvalidCarrierGatewayID.NotFound'],
    ['InvalidLocalGatewayID.NotFound'],
    ['InvalidCoreNetworkArn.NotFound'],
    ['InvalidPrefixListID.NotFound'],
    ['IncorrectState'],
    ['InvalidState'],
    ['ResourceNotReady'],
  ],
  rejected: [
    ['InvalidParameterValue', 'cannot remove local route 10.0.0.0/16 in route table rtb-aaaaaaaa'],
    ['InvalidParameterValue', 'Cannot create or replace a prefix list route targeting a VPC Endpoint.'],
    ['InvalidParameterValue', "Route destination doesn't match any subnet CIDR blocks."],
    [
      'InvalidParameterValue',
      'Route target is not supported. This route only supports interface and instance targets.',
    ],
    ['InvalidParameterValue', 'route table rtb-aaaaaaaa and interface eni-aaaaaaaa belong to different networks'],
    ['InvalidParameterValue', 'route table rtb-aaaaaaaa and network gateway vgw-aaaaaaaa belong to different networks'],
    [
      'InvalidParameterValue',
      'Value (x) for parameter destinationCidrBlock is invalid. This is not a valid CIDR block.',
    ],
    ['InvalidParameterCombination'],
    ['MissingParameter'],
    ['InvalidParameter'],
    ['UnknownParameter'],
    ['InvalidRouteTableId.Malformed'],
    ['InvalidRoute.Malformed'],
    ['InvalidRoute.InvalidState'],
    ['RouteLimitExceeded'],
    ['InvalidInternetGatewayId.Malformed'],
    ['NatGatewayMalformed'],
    ['InvalidStateTransition'],
    ['InvalidVpcEndpointId.Malformed'],
    ['RouteNotSupported'],
    ['InvalidNetworkInterfaceId.Malformed'],
    ['InvalidInstanceID'],
    ['InvalidInstanceID.Malformed'],
    ['InvalidPrefixListId.Malformed'],
    ['OperationNotPermitted'],
    ['UnsupportedOperation'],
  ],
  denied: [
    [
      'UnauthorizedOperation',
      'You are not authorized to perform this operation. Encoded authorization failure message: a1b2',
    ],
    ['AuthFailure'],
    ['AccessDenied'],
    ['AccessDeniedException'],
    ['ExpiredToken'],
    ['ExpiredTokenException'],
    ['InvalidClientTokenId'],
    ['OptInRequired'],
    ['Blocked'],
    ['PendingVerification'],
  ],
};

const table = Object.entries(answers).flatMap(([kind, codes]) =>
  codes.map(([code, message = `${code}, says EC2`]) => ({ kind, code, message })),
);

describe('failureOf', () => {
  it.each(table)('classifies $code ($message) as $kind', ({ kind, code, message }) => {
    expect(failureOf(new Ec2Error(code, message))).toMatchObject({ kind, code, message });
  });

  it.each(table)('recognizes $code in any case, and as CloudTrail spells it', ({ kind, code, message }) => {
    for (const spelled of [code.toLowerCase(), code.toUpperCase(), `Client.${code}`, `Server.${code}`])
      expect(failureOf(new Ec2Error(spelled, message.toUpperCase()))).toMatchObject({ kind });
  });

  it.each(['InternalError', 'InternalFailure', 'ServerInternal', 'Unavailable', 'ServiceUnavailable'])(
    'reports an unknown outcome for %s',
    (code) => expect(failureOf(new Ec2Error(code, '', 500))).toMatchObject({ outcomeUnknown: true }),
  );

  it('reports for every other code that nothing was done', () => {
    const unknown = table.filter(({ code, message }) => failureOf(new Ec2Error(code, message)).outcomeUnknown);
    expect(unknown.map(({ code }) => code)).toEqual([
      'InternalError',
      'InternalFailure',
      'ServerInternal',
      'Unavailable',
      'ServiceUnavailable',
    ]);
  });

  it('has a remedy for every failure that a person must fix', () => {
    const silent = table
      .filter(({ kind }) => kind === 'rejected' || kind === 'denied' || kind === 'not-ready')
      .filter(({ code, message }) => !failureOf(new Ec2Error(code, message)).remedy);
    expect(silent).toEqual([]);
  });

  it.each([
    ['InvalidInstanceID', /list a network interface \(eni-…\)/],
    ['RouteLimitExceeded', /L-93826ACB/],
    ['InvalidTransitGatewayID.NotFound', /attach the VPC/],
    ['UnauthorizedOperation', /role may not write/],
  ])('has a specific remedy for %s', (code, remedy) => {
    expect(failureOf(new Ec2Error(code, '')).remedy).toMatch(remedy);
  });

  it('rejects an unknown code and keeps its message', () => {
    expect(failureOf(new Ec2Error('RouteTooRound', 'the route is too round'))).toMatchObject({
      kind: 'rejected',
      code: 'RouteTooRound',
      message: 'the route is too round',
      outcomeUnknown: false,
    });
  });

  it.each([
    ['a timeout', new LostAnswer('no answer in time')],
    ['a broken connection', Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })],
    ['an abort', new DOMException('The operation was aborted', 'AbortError')],
    ['a service fault with an unknown code', new Ec2Error('Mishap', 'something broke', 500)],
    ['an answer that is not JSON', new SyntaxError('Unexpected token < in JSON')],
  ])('reports an unknown outcome after %s', (_, error) => {
    expect(failureOf(error)).toMatchObject({ kind: 'transient', outcomeUnknown: true });
  });

  it.each([
    [429, 'transient'],
    [403, 'denied'],
    [401, 'denied'],
    [400, 'rejected'],
  ])('uses HTTP status %i if the code is unknown', (status, kind) => {
    expect(failureOf(new Ec2Error('Novelty', 'news', status))).toMatchObject({ kind, outcomeUnknown: false });
  });

  it('never throws, whatever error it gets', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.anything(),
          fc.string().map((name) => new Ec2Error(name, name)),
        ),
        (thrown) => {
          expect(failureOf(thrown)).toMatchObject({ kind: expect.any(String), code: expect.any(String) });
        },
      ),
    );
  });
});
