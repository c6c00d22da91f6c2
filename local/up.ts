// `npm run local`: runs the whole product on this machine until Ctrl-C, `kill`, or `npm run local -- --stop`.
import { parseArgs, styleText } from 'node:util';
import { environmentFor, startStack, stopStacks } from './stack.ts';

const { values: options } = parseArgs({ options: { stop: { type: 'boolean', default: false } } });

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // Everything that this process started ends with it.
  process.once(signal, () => process.exit(0));
}

const started = performance.now();
const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

if (options.stop) {
  const stopped = await stopStacks();
  console.log(stopped === 1 ? '1 local stack is stopped' : `${stopped} local stacks are stopped`);
} else await start();

async function start(): Promise<void> {
  try {
    const stack = await startStack({
      watch: true,
      onStop: () => process.exit(0),
      step: async (name, work) => {
        const begun = performance.now();
        console.error(styleText('dim', `${name} …`));
        const result = await work();
        console.error(styleText('dim', `${name}: ${seconds(begun)}`));
        return result;
      },
    });
    const exports = Object.entries(environmentFor(stack)).map(([name, value]) => `export ${name}=${value}`);
    const outputs = Object.entries(stack.outputs).map(([name, value]) => `  ${name.padEnd(30)} ${value}`);
    console.log(`
The local stack is up (${seconds(started)}) and sweeps every minute. To use it from another shell, run:

unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN
${exports.join('\n')}

Then the AWS SDKs and version 2 of the AWS CLI use the local stack. In EC2 you are the user "operator"; to be alice, run:
export AWS_ENDPOINT_URL_EC2=${stack.ec2Endpoint}/user/alice

${outputs.join('\n')}

Follow the logs:  tail -f ${stack.logs}/relay.log ${stack.logs}/ministack.log ${stack.logs}/alarms.log
To stop everything, press Ctrl-C, or run:  npm run local -- --stop`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
