import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { z } from 'zod';
import type { RouteReconcilerProps } from '../../infra/props.ts';
import { RouteReconciler } from '../../infra/route-reconciler.ts';
import { readSettings } from '../../infra/settings.ts';
import { RouteReconcilerStack } from '../../infra/stack.ts';

export const account = '111122223333';
export const localAccount = '000000000000';
export const region = 'eu-west-1';

const scratch = mkdtempSync(path.join(tmpdir(), 'route-reconciler-template-'));
// Several files of tests may use this module in one process.
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));

const resource = z.object({
  Type: z.string(),
  Properties: z.record(z.string(), z.unknown()).default({}),
  DeletionPolicy: z.string().optional(),
  UpdateReplacePolicy: z.string().optional(),
});
const template = z.object({
  Resources: z.record(z.string(), resource),
  Outputs: z.record(z.string(), z.unknown()).default({}),
});
type Resource = z.infer<typeof resource>;

const cdkJson = z
  .object({ context: z.record(z.string(), z.unknown()) })
  .parse(JSON.parse(readFileSync(path.resolve(import.meta.dirname, '../../cdk.json'), 'utf8')));

/** The app as `cdk synth -c key=value…` builds it, with the feature flags of cdk.json and stub functions. */
export function routeReconcilerApp(context: Record<string, unknown> = {}): { app: App; stack: RouteReconcilerStack } {
  const app = emptyApp(context);
  const env = { account: context['local'] ? localAccount : account, region };
  const settings = readSettings(app.node, env);
  return {
    app,
    stack: new RouteReconcilerStack(app, 'RouteReconciler', { env, settings, code: { directory: functions } }),
  };
}

const emptyApp = (context: Record<string, unknown> = {}): App =>
  new App({ context: { ...cdkJson.context, ...context }, outdir: mkdtempSync(path.join(scratch, 'synth-')) });

/** Somebody's app with the construct in it, with stub functions. */
export function constructApp(props: (stack: Stack) => RouteReconcilerProps = () => ({})): {
  readonly app: App;
  readonly stack: Stack;
  readonly reconciler: RouteReconciler;
} {
  const app = emptyApp();
  const stack = new Stack(app, 'Network', { env: { account, region } });
  const code = { directory: functions };
  return { app, stack, reconciler: new RouteReconciler(stack, 'RouteReconciler', { code, ...props(stack) }) };
}

function emptyFunctions(): string {
  const directory = mkdtempSync(path.join(scratch, 'functions-'));
  for (const name of ['on-route-change', 'on-desired-change', 'on-requeue', 'sweep', 'widget', 'desired-item']) {
    mkdirSync(path.join(directory, name));
    writeFileSync(path.join(directory, name, 'index.mjs'), `export const handler = async () => '${name}';\n`);
  }
  return directory;
}

const functions = emptyFunctions();

/** A synthesized template. Resources have the names of their constructs: `OnRouteChangeRole`, `DesiredRouteTables`. */
export class StackTemplate {
  readonly file: string;
  /** As it is deployed. */
  readonly text: string;
  readonly outputs: readonly string[];
  /** Each resource as `type name`. */
  readonly resources: readonly string[];
  readonly #resources: ReadonlyMap<string, Resource>;

  constructor(
    context: Record<string, unknown> = {},
    { app, stack }: { readonly app: App; readonly stack: Stack } = routeReconcilerApp(context),
  ) {
    this.file = path.join(app.synth().directory, stack.templateFile);
    this.text = readFileSync(this.file, 'utf8');
    const { Resources, Outputs } = template.parse(readable(JSON.parse(this.text)));
    this.outputs = Object.keys(Outputs);
    this.resources = Object.entries(Resources).map(([id, { Type }]) => `${Type} ${constructName(id)}`);
    this.#resources = new Map(Object.entries(Resources).map(([id, found]) => [constructName(id), found]));
  }

  /** All resources of a type, such as `AWS::SQS::Queue`, by name. */
  all(type: string): Map<string, Resource['Properties']> {
    const found = [...this.#resources].filter(([, { Type }]) => Type === type);
    return new Map(found.map(([name, { Properties }]) => [name, Properties]));
  }

  /** The properties of the one resource of this type and name. */
  one(type: string, name: string): Resource['Properties'] {
    const found = this.all(type).get(name);
    if (!found) throw new Error(`no ${type} is named ${name}; there are: ${[...this.all(type).keys()].join(', ')}`);
    return found;
  }

  /** The resources that remain when the stack is deleted. */
  retained(policy = 'Retain'): string[] {
    return [...this.#resources]
      .filter(
        ([, { DeletionPolicy, UpdateReplacePolicy }]) => DeletionPolicy === policy && UpdateReplacePolicy === 'Retain',
      )
      .map(([name]) => name);
  }
}

/** `RouteReconcilerSweepRole5F6AB87A` → `SweepRole` */
function constructName(logicalId: string): string {
  return logicalId.replace(/^RouteReconciler/, '').replace(/[0-9A-F]{8}$/, '');
}

/** `{ "Fn::GetAtt": ["RouteReconcilerSweepRole5F6AB87A", "Arn"] }` → `SweepRole.Arn`, `{ "Ref": … }` → `SweepRole` */
function readable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((element: unknown) => readable(element));
  if (typeof value !== 'object' || value === null) return value;
  const reference = z.object({ Ref: z.string() }).safeParse(value).data;
  if (reference) return constructName(reference.Ref);
  const attribute = z.object({ 'Fn::GetAtt': z.tuple([z.string(), z.string()]) }).safeParse(value).data;
  if (attribute) return `${constructName(attribute['Fn::GetAtt'][0])}.${attribute['Fn::GetAtt'][1]}`;
  return Object.fromEntries(Object.entries(value).map(([key, inner]: [string, unknown]) => [key, readable(inner)]));
}
