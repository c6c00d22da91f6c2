import { CustomResource, Duration, Stack, Token } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { parseDesired } from '../reconciler/core/desired/desired.ts';
import { problemsText } from '../reconciler/deployed-item.ts';
import type { RouteReconciler } from './route-reconciler.ts';

/** A route that a table should have. */
export interface DesiredRoute {
  /** IPv4 CIDR block, IPv6 CIDR block or prefix list (`pl-…`). */
  readonly destination: string;
  /** What carries the traffic: an id such as `nat-…` or `pcx-…`, an ARN, or `local`. */
  readonly target: string;
  /**
   * At most 5 other targets that the route may have. If others move it to one of these, it stays there. If its target
   * dies, it is moved to the first that is up.
   * @default - none
   */
  readonly alternates?: readonly string[];
  /**
   * Must be true to retarget the local route of this destination.
   * @default false
   */
  readonly overrideLocal?: boolean;
  /**
   * Free text, at most 256 characters.
   * @default - none
   */
  readonly description?: string;
}

/** Routes that somebody else owns. Needs a destination, a target, or both. */
export interface IgnoredRoutes {
  /**
   * Routes equal to or inside this CIDR block, or routes of this prefix list.
   * @default - every destination
   */
  readonly destination?: string;
  /**
   * A target id, or a glob such as `eni-*`.
   * @default - every target
   */
  readonly target?: string;
  /** Why these routes are ignored. */
  readonly reason: string;
  /**
   * The entry expires at this time. ISO 8601 with a time zone.
   * @default - never
   */
  readonly until?: string;
}

export interface DesiredRouteTableProps {
  /** The reconciler that keeps the table. */
  readonly reconciler: RouteReconciler;
  readonly routeTableId: string;
  /** Every route that the table should have, apart from routes that others maintain. An empty list means none. */
  readonly routes: readonly DesiredRoute[];
  /**
   * `enforce` repairs drift, `observe` only reports it.
   * @default 'enforce'
   */
  readonly mode?: 'enforce' | 'observe';
  /**
   * What happens to unlisted routes that the reconciler may change. `keep` removes only those that the reconciler wrote.
   * @default 'delete'
   */
  readonly unlisted?: 'delete' | 'keep';
  /**
   * Only destinations equal to or inside one of these are managed.
   * @default - the whole table
   */
  readonly scope?: readonly string[];
  /** @default - none */
  readonly ignore?: readonly IgnoredRoutes[];
  /**
   * A plan with more deletes than this needs approval.
   * @default - half of the routes, but at least 1 and at most 10
   */
  readonly maxDeletes?: number;
  /**
   * While the pause is active, nothing is changed. `until`: ISO 8601 with a time zone.
   * @default - not paused
   */
  readonly paused?: { readonly reason: string; readonly until?: string };
}

/**
 * Writes the item of one route table at deployment, and deletes it when it leaves the stack. Without an item nobody
 * reconciles the table: no route is changed.
 *
 * What others wrote is never overwritten. If somebody edited the item since the last deployment, an update fails and a
 * delete leaves the item. An equal item that is already there is taken over.
 */
export class DesiredRouteTable extends Construct {
  /** @throws Error if the item is invalid, with every problem. What is known only at deployment is checked then */
  constructor(scope: Construct, id: string, { reconciler, ...item }: DesiredRouteTableProps) {
    super(scope, id);
    const parsed = parseDesired(withPlaceholders(item), new Date());
    if (!parsed.ok) throw new Error(`${this.node.path}: ${problemsText(parsed.problems)}`);
    const resource = new CustomResource(this, 'Item', {
      resourceType: 'Custom::DesiredRouteTable',
      serviceToken: reconciler.itemWriter().function.functionArn,
      // As text: CloudFormation turns the numbers and booleans of a map into strings.
      properties: { Item: Stack.of(this).toJsonString(item) },
      serviceTimeout: Duration.minutes(2),
    });
    // The item is written when the function is there that acts on it, and deleted while it is still there.
    resource.node.addDependency(reconciler.onDesiredChange);
  }
}

/** Each text that is known only at deployment becomes another valid value of its field. */
function withPlaceholders(item: unknown): unknown {
  let count = 0;
  const id = (prefix: string): string => `${prefix}-${(++count).toString(16).padStart(17, '0')}`;
  const placeholders: Readonly<Record<string, () => string>> = {
    routeTableId: () => id('rtb'),
    // A transit gateway carries every kind of destination.
    target: () => id('tgw'),
    alternates: () => id('tgw'),
    destination: () => id('pl'),
    scope: () => id('pl'),
  };
  const replaced = (value: unknown, field: string): unknown => {
    if (typeof value === 'string') return Token.isUnresolved(value) ? (placeholders[field]?.() ?? 'text') : value;
    if (Array.isArray(value)) return value.map((element: unknown) => replaced(element, field));
    if (typeof value !== 'object' || value === null) return value;
    const known = Object.entries(value).filter(([, inner]: [string, unknown]) => inner !== undefined);
    return Object.fromEntries(known.map(([key, inner]: [string, unknown]) => [key, replaced(inner, key)]));
  };
  return replaced(item, '');
}
