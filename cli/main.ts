import { inspect } from 'node:util';
import { Argument, Command, CommanderError, Option } from 'commander';
import type { AcceptOptions } from './accept.ts';
import type { ApplyOptions } from './apply.ts';
import type { ApproveOptions } from './approve.ts';
import type { Shell } from './completion.ts';
import packageJson from '../package.json' with { type: 'json' };
import { exitCode } from './exit-code.ts';
import { Failure } from './failure.ts';
import type { DoctorOptions } from './doctor.ts';
import type { ImportOptions } from './import.ts';
import { printable } from './printable.ts';
import type { HoldOptions } from './hold.ts';
import type { PauseOptions, ResumeOptions } from './pause.ts';
import type { PlanOptions } from './plan.ts';
import type { ReconcileOptions } from './reconcile.ts';
import type { StatusOptions } from './status.ts';
import type { HistoryOptions } from './history.ts';
import type { ReportOptions } from './report.ts';
import { thisTerminal } from './terminal.ts';
import type { TraceOptions } from './trace.ts';
import type { ValidateOptions } from './validate.ts';
import type { WatchOptions } from './watch.ts';

const terminal = thisTerminal();

const program = new Command('routectl')
  .description('Keeps AWS VPC route tables exactly as written down: checks, plans, and repairs on demand.')
  .version(packageJson.version)
  .helpCommand(false)
  .showHelpAfterError()
  // Messages about arguments quote them.
  .configureOutput({ outputError: (text, write) => write(text.split('\n').map(printable).join('\n')) })
  .configureHelp({ subcommandTerm: (command) => command.name() })
  .exitOverride()
  .addHelpText(
    'after',
    `
Exit codes: 0 in sync, or done; 1 failed, refused, invalid or missing; 2 drift; 3 blocked.
AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL and the like work as in any AWS tool. NO_COLOR works, too.
DEBUG=routectl shows the details of an unexpected error.`,
  );

const file = ['-f, --file <files...>', 'YAML or JSON files of one or many tables; - is standard input'] as const;
const account = ['--account <id>', 'refuse to work in another account'] as const;
const json = ['--json', 'one JSON document per table, one per line'] as const;

// The help lists each command with its summary in one line. The help of the command starts with its description.
// Each command is loaded on demand: to load the AWS SDK alone takes longer than to validate a file.
program.commandsGroup('Without a deployed reconciler:');

program
  .command('import')
  .summary('write existing tables down as files, in mode observe')
  .description('write the routes of tables down as items in mode observe; changes nothing in AWS')
  .argument('[route-table-ids...]')
  .option('--vpc <ids...>', 'all tables of these VPCs')
  .option('--tag <key=value...>', 'all tables with these tags')
  .option('--all', 'all tables of this account and Region')
  .option('--actual <file>', 'a saved answer of "aws ec2 describe-route-tables" in place of EC2; needs no network')
  .addOption(new Option('--out-dir <folder>', 'write one file for each table').conflicts('json'))
  .addOption(new Option('-f, --file <file>', 'add what is missing to this file; its comments stay').conflicts('json'))
  .option(...account)
  .option(...json)
  .action(async (ids: string[], options: ImportOptions) => {
    const { importTables } = await import('./import.ts');
    process.exitCode = await importTables(ids, options, terminal);
  });

program
  .command('validate')
  .summary('report every problem in files, and where it is')
  .description('report every problem in files of tables, and where it is; needs no network')
  .requiredOption(...file)
  .option(...json)
  .action(async (options: ValidateOptions) => {
    const { validate } = await import('./validate.ts');
    process.exitCode = await validate(options, terminal);
  });

program
  .command('plan')
  .summary('show what would be changed')
  .description('show what would be changed, in EC2 or against a saved answer; changes nothing')
  .requiredOption(...file)
  .option('--actual <file>', 'a saved answer of "aws ec2 describe-route-tables" in place of EC2; needs no network')
  .option('--impact', 'show the addresses whose path changes, too')
  .addOption(
    new Option('-o, --output <format>', 'markdown is for pull requests, with impact').choices([
      'text',
      'json',
      'markdown',
    ]),
  )
  .option(...account)
  .addOption(new Option(...json).conflicts('output'))
  .action(async (options: PlanOptions) => {
    const { plan } = await import('./plan.ts');
    process.exitCode = await plan(options, terminal);
  });

program
  .command('reconcile')
  .summary('plan, apply and verify once')
  .description('plan, apply and verify once, from files alone: no DynamoDB, no Lambda, no questions asked')
  .requiredOption(...file)
  .option('--dry-run', 'plan only')
  .option('--approve <planIds...>', 'approve the deletes of the plans with these ids, as shown by "routectl plan"')
  .option(...account)
  .option(...json)
  .action(async ({ dryRun, ...options }: ReconcileOptions & { readonly dryRun?: boolean }) => {
    const { plan } = await import('./plan.ts');
    const { reconcile } = await import('./reconcile.ts');
    process.exitCode = await (dryRun ? plan : reconcile)(options, terminal);
  });

const tables = (command: Command): Command =>
  command
    .addOption(
      new Option('--desired-table <name>', 'the table of desired items')
        .env('DESIRED_TABLE')
        .default('DesiredRouteTables'),
    )
    .addOption(
      new Option('--orders-table <name>', 'the table of orders').env('ORDERS_TABLE').default('RouteTableOrders'),
    )
    .addOption(
      new Option('--state-table <name>', 'the table of status and history')
        .env('STATE_TABLE')
        .default('RouteTableStates'),
    )
    .option(...account);

program.commandsGroup('Give orders to a deployed reconciler:');

tables(program.command('apply'))
  .summary('show what files change, ask, write the items, and follow')
  .description('show what files change in items and routes, ask, write the items, and follow until all is settled')
  .requiredOption(...file)
  .option('--only <ids...>', 'only these tables of the files')
  .option('--prune', 'also delete the items that no file names; asks separately')
  .option('-y, --yes', 'do not ask')
  .option('--no-wait', 'do not follow the tables')
  .option('--timeout <time>', 'how long to follow them: 90s, 10m (the default), 1h')
  .option(...json)
  .action(async (options: ApplyOptions) => {
    const { apply } = await import('./apply.ts');
    process.exitCode = await apply(options, terminal);
  });

tables(program.command('pause'))
  .summary('stop all changes in some tables, or in all tables')
  .description('stop all changes in some tables, or in all tables; drift is still reported')
  .argument('[route-table-ids...]')
  .option('--all', 'the emergency stop: no table is changed')
  .requiredOption('--reason <text>', 'why, for the people on call')
  .option('--until <instant>', 'when it ends by itself, such as 2027-01-31T18:00:00Z')
  .option('--for <time>', 'the same as a time from now: 30m, 2h, 1d')
  .option(...json)
  .action(async (ids: string[], options: PauseOptions) => {
    const { pause } = await import('./pause.ts');
    process.exitCode = await pause(ids, options, terminal);
  });

tables(program.command('resume'))
  .summary('end a pause')
  .description('end what "routectl pause" began')
  .argument('[route-table-ids...]')
  .option('--all', 'end the stop of every table')
  .option(...json)
  .action(async (ids: string[], options: ResumeOptions) => {
    const { resume } = await import('./pause.ts');
    process.exitCode = await resume(ids, options, terminal);
  });

tables(program.command('hold'))
  .summary('leave one destination as it is for a while')
  .description('leave one destination of a table as it is for a while, or end that')
  .argument('<route-table-id>')
  .argument('<destination>', 'a CIDR block or a prefix list')
  .option('--reason <text>', 'why, for the people on call')
  .option('--until <instant>', 'when it ends by itself, such as 2027-01-31T18:00:00Z')
  .option('--for <time>', 'the same as a time from now: 30m, 2h, 1d')
  .option('--end', 'end the hold now')
  .option(...json)
  .action(async (id: string, destination: string, options: HoldOptions) => {
    const { hold } = await import('./hold.ts');
    process.exitCode = await hold(id, destination, options, terminal);
  });

tables(program.command('accept'))
  .summary('take a route that EC2 has into the item')
  .description('take the route that EC2 has at one destination into the item')
  .argument('<route-table-id>')
  .argument('<destination>', 'a CIDR block or a prefix list')
  .option('--patch', 'print what to change in a YAML file, and write nothing')
  .option('-y, --yes', 'do not ask')
  .option(...json)
  .action(async (id: string, destination: string, options: AcceptOptions) => {
    const { accept } = await import('./accept.ts');
    process.exitCode = await accept(id, destination, options, terminal);
  });

tables(program.command('approve'))
  .summary('let the deletes go that wait for a person')
  .description('show what waits in tables, ask, approve exactly that for 24 hours, and wait until it is done')
  .argument('<ids...>', 'ids of route tables, of plans as "routectl status" shows them, or the id of an edit')
  .option('-y, --yes', 'do not ask')
  .option('--no-wait', 'do not wait until the routes are gone')
  .option(...json)
  .action(async (ids: string[], options: ApproveOptions) => {
    const [id = ''] = ids;
    if (ids.length === 1 && id.startsWith('edit-')) {
      const { approveEdit } = await import('./approve-edit.ts');
      process.exitCode = await approveEdit(id, options, terminal);
      return;
    }
    const { approve } = await import('./approve.ts');
    process.exitCode = await approve(ids, options, terminal);
  });

program.commandsGroup('See what it does:');

tables(program.command('status'))
  .summary('the fleet, most urgent first, or one table in full')
  .description('the fleet, most urgent first, or one table in full; changes nothing')
  .argument('[route-table-ids...]')
  .option('--phase <phases...>', 'only tables in these phases')
  .option('--vpc <ids...>', 'only tables of these VPCs')
  .addOption(new Option('--sort <order>', 'the order of tables').choices(['urgency', 'id', 'name', 'drift']))
  .option(...json)
  .action(async (ids: string[], options: StatusOptions) => {
    const { status } = await import('./status.ts');
    process.exitCode = await status(ids, options, terminal);
  });

tables(program.command('history'))
  .summary('who changed what in a table, and how long it lasted')
  .description('who changed what in a table, and how long it lasted; changes nothing')
  .argument('<route-table-id>')
  .option('--since <time>', 'from then on: a time before now (2h, 7d) or an instant; by default the latest 25 entries')
  .option('--actor <text>', 'only what somebody with this in the name caused')
  .option(...json)
  .action(async (id: string, options: HistoryOptions) => {
    const { history } = await import('./history.ts');
    process.exitCode = await history(id, options, terminal);
  });

tables(program.command('watch'))
  .summary('the fleet as it changes, until Ctrl-C')
  .description('the fleet as it changes, until Ctrl-C; one line for each change if the output is no terminal')
  .option('--every <time>', 'how often to read the fleet: 5s (the default), 1m')
  .option(...json)
  .action(async (options: WatchOptions) => {
    const { watch } = await import('./watch.ts');
    process.exitCode = await watch(options, terminal);
  });

tables(program.command('trace'))
  .summary('which route carries a packet, since when, and made by whom')
  .description('which route carries a packet, since when, made by whom, and after the plan; changes nothing')
  .argument('<subnet-or-table>', 'where the packet comes from: subnet-… or rtb-…')
  .argument('<address>', 'where it goes: one IPv4 or IPv6 address')
  .option('-f, --file <files...>', 'after the plan of these files, in place of the deployed item')
  .option('--actual <file>', 'a saved answer of "aws ec2 describe-route-tables" in place of EC2; needs no network')
  .option('--json', 'one JSON document')
  .action(async (from: string, address: string, options: TraceOptions) => {
    const { trace } = await import('./trace.ts');
    process.exitCode = await trace(from, address, options, terminal);
  });

tables(program.command('doctor'))
  .summary('check every part that a repair depends on')
  .description('check every part that a repair depends on, and say what to do; changes no route')
  .option('--stack <name>', 'the CloudFormation stack', 'RouteReconciler')
  .option('--round-trip <route-table-id>', 'tag this managed table for a moment, and time the event of that call')
  .option('--json', 'one JSON document per check, one per line')
  .action(async (options: DoctorOptions) => {
    const { doctor } = await import('./doctor.ts');
    process.exitCode = await doctor(options, terminal);
  });

tables(program.command('report'))
  .summary('the fleet and the history of urgent tables, as a file')
  .description('the fleet, and the history of tables that need a person or drifted lately, as a file; changes nothing')
  .argument('[route-table-ids...]', 'more tables to show in full')
  .option('--html <file>', 'write one HTML file that needs nothing else; - is standard output')
  .option(...json)
  .action(async (ids: string[], options: ReportOptions) => {
    const { report } = await import('./report.ts');
    process.exitCode = await report(ids, options, terminal);
  });

program.commandsGroup('For your shell:');

program
  .command('completion')
  .summary('print the script that completes commands and options')
  .description('print the script with which your shell completes commands and options')
  .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
  .action(async (shell: Shell) => {
    const { completion } = await import('./completion.ts');
    completion(shell, program, terminal);
  });

program.hook('preAction', async (_, command) => {
  // Only these commands have settings: the others must work without them.
  if (!command.options.some(({ long }) => long === '--account')) return;
  const { applySettings } = await import('./settings.ts');
  await applySettings(command);
});

// No top-level await: the built CLI is CommonJS, which starts faster.
program.parseAsync().catch((error: unknown) => {
  process.exitCode = error instanceof CommanderError ? error.exitCode : exitCode.failed;
  if (!(error instanceof CommanderError)) terminal.note(`routectl: ${explained(error)}`);
});

/** The message of a `Failure` is already a sentence. Anything else is a defect, reported by its message. */
function explained(error: unknown): string {
  if (process.env['DEBUG'] === 'routectl') return inspect(error);
  if (error instanceof Failure) return error.message;
  const message = error instanceof Error ? error.message : String(error);
  return `unexpected: ${printable(message)} (DEBUG=routectl shows where)`;
}
