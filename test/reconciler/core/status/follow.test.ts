import { describe, expect, it } from 'vitest';
import { emptyMemory } from '../../../../reconciler/core/memory/memory.ts';
import { deviationsIn } from '../../../../reconciler/core/status/follow.ts';
import { memory } from '../../../support/builders.ts';
import { hijack } from './given.ts';

describe('the deviations that a reconcile saw', () => {
  const { destination, action, from, to } = hijack;

  it('include a change that was tried, although the last read no longer asks for it', () => {
    const deviations = deviationsIn(emptyMemory, [], [{ ...hijack, result: 'done' }]);
    expect(deviations.get(destination)).toEqual({ action, destination, from, to });
  });

  it('do not include a change that was skipped and is no longer needed', () => {
    expect(deviationsIn(emptyMemory, [], [{ ...hijack, result: 'skipped' }]).size).toBe(0);
  });

  describe('are what others did, not what an edit asked for before:', () => {
    const was = memory({ [destination]: { seen: { target: 'pcx-aaaaaaaa' } } });
    const replace = (from: string, to: string) => ({ action: 'replace', destination, from, to }) as const;

    it('another target than the edit found and our call may have left', () => {
      const edited = { ...replace('pcx-aaaaaaaa', 'pcx-bbbbbbbb'), result: 'unknown' } as const;
      const repaired = { ...replace('tgw-aaaaaaaa', 'pcx-bbbbbbbb'), result: 'done' } as const;
      expect(deviationsIn(was, [], [edited, repaired]).get(destination)).toEqual(
        replace('tgw-aaaaaaaa', 'pcx-bbbbbbbb'),
      );
    });

    it.each(['pcx-bbbbbbbb', 'i-bbbbbbbb'])('not what the edit before it made: %s', (made) => {
      const first = { ...replace('pcx-aaaaaaaa', made), result: 'unknown' } as const;
      const second = { ...replace(made.replace('i-', 'eni-'), 'tgw-bbbbbbbb'), result: 'done' } as const;
      expect(deviationsIn(was, [], [first, second]).get(destination)).toEqual(replace('pcx-aaaaaaaa', made));
    });
  });
});
