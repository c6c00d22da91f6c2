import type { ChangeJson } from './change.ts';

/** A change as one line of text for logs, errors and the CLI, such as `replace 10.20.0.0/16 (pcx-… → tgw-…)`. */
export function describeChange({ action, destination, from, to }: ChangeJson): string {
  switch (action) {
    case 'create':
      return `create ${destination} to ${to}`;
    case 'replace':
      return `replace ${destination} (${from} → ${to})`;
    case 'delete':
      return `delete ${destination} from ${from}`;
    default:
      return action satisfies never;
  }
}
