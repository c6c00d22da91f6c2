import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { App } from 'aws-cdk-lib';
import { type Zippable, zipSync } from 'fflate';
import { z } from 'zod';
import { buildFunctions } from './build.ts';
import { type BundledPackage, licencesOf, packagesIn } from './packages.ts';
import { ReleaseStack } from './release-stack.ts';

const root = path.resolve(import.meta.dirname, '..');

/** What npm says about the packages of the lock file, as far as it is used here. */
const bom = z.looseObject({
  serialNumber: z.string().optional(),
  metadata: z.looseObject({ timestamp: z.string().optional(), component: z.looseObject({ name: z.string() }) }),
  components: z.array(z.looseObject({ name: z.string(), version: z.string(), 'bom-ref': z.string() })),
  dependencies: z.array(z.looseObject({ ref: z.string(), dependsOn: z.array(z.string()).default([]) })),
});

/**
 * Writes a release: what somebody needs to deploy with the AWS CLI alone, without Node, npm or the CDK.
 *
 * - `template.json`, a CloudFormation template with parameters
 * - `functions.zip`, the code of all functions
 * - `INSTALL.md`, the two commands that deploy them
 * - `sbom.json`, the npm packages in `functions.zip` (CycloneDX), and `LICENSES.txt`, their licences
 * - `SHA256SUMS` of all of them
 *
 * Equal sources give equal files, whatever the time, the time zone and the folder.
 *
 * @param directory is emptied first
 */
export async function buildRelease(directory: string): Promise<void> {
  const scratch = await mkdtemp(path.join(tmpdir(), 'route-reconciler-release-'));
  try {
    // Source maps name sources relative to the bundle, so this folder must lie in the repository.
    const functions = path.join(root, 'dist', 'lambdas');
    const bundles = await buildFunctions(path.join(root, 'lambdas'), functions);
    const packages = await packagesIn([...bundles.values()].flatMap(({ packages: folders }) => folders));

    const zip = await zipped(functions);
    const key = `route-reconciler/functions-${sha256(zip).slice(0, 16)}.zip`;
    const app = new App({ outdir: path.join(scratch, 'cdk'), analyticsReporting: false });
    const { templateFile } = new ReleaseStack(app, 'RouteReconciler', { defaultKey: key });
    app.synth();

    const files: Record<string, string | Uint8Array> = {
      'INSTALL.md': install(key),
      LICENSE: await readFile(path.join(root, 'LICENSE')),
      'LICENSES.txt': licencesOf(packages),
      'functions.zip': zip,
      'sbom.json': await sbomOf(packages),
      'template.json': await readFile(path.join(scratch, 'cdk', templateFile), 'utf8'),
    };
    files['SHA256SUMS'] = Object.entries(files)
      .map(([name, content]) => `${sha256(content)}  ${name}\n`)
      .join('');
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { recursive: true });
    for (const [name, content] of Object.entries(files)) await writeFile(path.join(directory, name), content);
  } finally {
    await rm(scratch, { recursive: true });
  }
}

/** The bundles, without their source maps' folders or anything else that differs between machines. */
async function zipped(functions: string): Promise<Uint8Array> {
  // A zip file stores local time. These fields are the same in every time zone.
  const options = { mtime: new Date(1980, 0, 1), os: 3, attrs: 0o644 << 16 };
  const files: Zippable = {};
  for (const name of (await readdir(functions)).sort())
    for (const file of (await readdir(path.join(functions, name))).sort())
      files[`${name}/${file}`] = [await readFile(path.join(functions, name, file)), options];
  return zipSync(files, { level: 6 });
}

/** The part of npm's bill of materials that is about these packages, without what differs each time. */
async function sbomOf(packages: readonly BundledPackage[]): Promise<string> {
  const { stdout } = await promisify(execFile)(
    'npm',
    ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only'],
    { cwd: root, maxBuffer: 64 * 1024 * 1024 },
  );
  const { serialNumber: _, metadata, components, dependencies, ...rest } = bom.parse(JSON.parse(stdout));
  const { timestamp: __, ...about } = metadata;
  const ids = new Set(packages.map(({ name, version }) => `${name}@${version}`));
  return `${JSON.stringify(
    {
      ...rest,
      metadata: { ...about, component: { ...about.component, name: 'route-reconciler' } },
      components: components.filter(({ name, version }) => ids.has(`${name}@${version}`)),
      dependencies: dependencies
        .filter(({ ref }) => ids.has(ref))
        .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((each) => ids.has(each)) })),
    },
    null,
    2,
  )}\n`;
}

const install = (key: string): string => `# Install Route Reconciler

You need version 2 of the AWS CLI, and a bucket in the Region of the stack. In this folder, run

\`\`\`sh
sha256sum --check SHA256SUMS
aws s3 cp functions.zip "s3://$BUCKET/${key}"
aws cloudformation deploy --stack-name RouteReconciler --template-file template.json --s3-bucket "$BUCKET" \\
  --capabilities CAPABILITY_IAM --parameter-overrides "CodeBucket=$BUCKET"
\`\`\`

Further parameters: \`AlarmEmail\`, \`HistoryDays\`. For an upgrade, run the same commands in the folder of the new release.
`;

const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

if (import.meta.main) {
  const directory = path.join(root, 'dist', 'release');
  await buildRelease(directory);
  for (const name of (await readdir(directory)).sort()) {
    const { byteLength } = await readFile(path.join(directory, name));
    console.error(`${name.padEnd(20)} ${(byteLength / 1024).toFixed(0).padStart(5)} KiB`);
  }
}
