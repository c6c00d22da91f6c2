import { startVitest } from 'vitest/node';

// `npm run walk:permissions`: the walk is no part of `npm test`, because it takes 6 minutes. The exit code is 1 if it fails.
const vitest = await startVitest('test', [], { project: ['permissions'], watch: false });
await vitest.close();
