import { startVitest } from 'vitest/node';

// `npm run walk:permissions`. The walk takes 5 minutes, so `npm test` leaves it out. The exit code is 1 if it fails.
const vitest = await startVitest('test', [], { project: ['permissions'], watch: false });
await vitest.close();
