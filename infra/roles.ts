import { type IPrincipal, Role } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';

/** How the roles of one deployment are named. */
export interface RoleNames {
  readonly rolePath: string;
  /** @default - CloudFormation names the roles */
  readonly roleNamePrefix?: string | undefined;
}

/** A role of the reconciler. With a prefix, its name is `<prefix><name>`. */
export const namedRole = (
  scope: Construct,
  id: string,
  { rolePath, roleNamePrefix, name, assumedBy }: RoleNames & { readonly name: string; readonly assumedBy: IPrincipal },
): Role =>
  new Role(scope, id, {
    assumedBy,
    path: rolePath,
    ...(roleNamePrefix !== undefined && { roleName: `${roleNamePrefix}${name}` }),
  });
