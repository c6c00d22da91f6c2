import { App, Stack } from 'aws-cdk-lib';
import { DesiredRouteTable, RouteReconciler } from 'route-reconciler';

const app = new App();
const stack = new Stack(app, 'Network');
const reconciler = new RouteReconciler(stack, 'RouteReconciler');
// `npx routectl doctor --stack Network` reads them.
reconciler.addOutputs();

// `npx cdk deploy -c routeTableId=rtb-… -c internetGatewayId=igw-…`
new DesiredRouteTable(stack, 'Public', {
  reconciler,
  routeTableId: app.node.getContext('routeTableId'),
  routes: [{ destination: '0.0.0.0/0', target: app.node.getContext('internetGatewayId'), description: 'internet' }],
});
