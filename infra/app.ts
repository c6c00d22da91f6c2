import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { readSettings } from './settings.ts';
import { RouteReconcilerStack } from './stack.ts';

const { CDK_DEFAULT_ACCOUNT: account, CDK_DEFAULT_REGION: region } = process.env;
const env = { ...(account && { account }), ...(region && { region }) };

const app = new App();
new RouteReconcilerStack(app, 'RouteReconciler', { env, settings: readSettings(app.node, env) });
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
