// `npm run local`: the whole product on this machine, until Ctrl-C.
import { styleText } from 'node:util';
import { environmentFor, startStack } from './stack.ts';

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // Whatever was started ends with this process.
  process.once(signal, () => process.exit(0));
}

const started = performance.now();
const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

try {
  const stack = await startStack({
    watch: true,
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
The local stack is up (${seconds(started)}). It sweeps every minute. In another shell:

unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN
${exports.join('\n')}

and the SDKs and version 2 of the AWS CLI speak to it. EC2 knows you as the user "operator"; to be alice, say
export AWS_ENDPOINT_URL_EC2=${stack.ec2Endpoint}/user/alice

${outputs.join('\n')}

What happens:  tail -f ${stack.logs}/relay.log ${stack.logs}/ministack.log ${stack.logs}/alarms.log
Ctrl-C takes everything down.`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
