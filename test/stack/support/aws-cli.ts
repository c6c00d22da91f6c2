import { execFileSync } from 'node:child_process';

/** Whether the AWS CLI is installed here. Tests that need it are skipped otherwise. */
export function hasAwsCli(): boolean {
  try {
    execFileSync('aws', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
