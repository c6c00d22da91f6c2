/**
 * Whether an EventBridge rule with this pattern matches the event:
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 *
 * Implements the operators that our rules use: exact value, `anything-but`, `exists` and `prefix`. An absent field
 * matches only `exists: false`; in particular it never matches `anything-but`. A list of objects matches when one of
 * them does.
 *
 * @throws Error for an unknown operator
 */
export function matches(pattern: unknown, event: unknown): boolean {
  if (Array.isArray(pattern)) return pattern.some((matcher: unknown) => meets(event, matcher));
  if (!isRecord(pattern)) throw new Error(`not an event pattern: ${JSON.stringify(pattern)}`);
  if (Array.isArray(event)) return event.some((element: unknown) => matches(pattern, element));
  return Object.entries(pattern).every(([field, inner]) => matches(inner, isRecord(event) ? event[field] : undefined));
}

function meets(value: unknown, matcher: unknown): boolean {
  if (Array.isArray(value)) return value.some((element: unknown) => meets(element, matcher));
  if (!isRecord(matcher)) return value === matcher;

  const [[operator, operand] = ['none', undefined], ...others] = Object.entries(matcher);
  if (others.length > 0) throw new Error(`more than one operator: ${JSON.stringify(matcher)}`);
  switch (operator) {
    case 'exists':
      return (value !== undefined) === operand;
    case 'prefix':
      return typeof value === 'string' && typeof operand === 'string' && value.startsWith(operand);
    case 'anything-but':
      return value !== undefined && !(Array.isArray(operand) ? operand : [operand]).includes(value);
    default:
      throw new Error(`unknown operator: ${operator}`);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
