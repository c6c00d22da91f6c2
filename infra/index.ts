// What `import … from 'route-reconciler'` gives to a CDK app. `bin/build.ts` builds it into the package.
export { RouteReconciler } from './route-reconciler.ts';
export type { RouteReconcilerProps } from './props.ts';
export {
  DesiredRouteTable,
  type DesiredRouteTableProps,
  type DesiredRoute,
  type IgnoredRoutes,
} from './desired-route-table.ts';
export type { FunctionCode, ReconcilerFunction } from './reconciler-function.ts';
