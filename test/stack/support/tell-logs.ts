import { beforeEach } from 'vitest';
import { recentLogs } from '../../../local/stack.ts';
import { localStack } from './local-stack.ts';

// Whoever reads a failure in a log of CI has no local stack to ask. A test that passes when it is repeated tells it too.
beforeEach(({ onTestFailed }) => onTestFailed(() => console.error(recentLogs(localStack(), 40))));
