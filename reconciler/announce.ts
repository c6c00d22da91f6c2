import type { News } from './core/news.ts';
import type { World } from './ports.ts';

/** Tells the news, if there is any. That nobody can be told stops nothing: status and history have it all the same. */
export async function announce(news: News, { announcer, log }: Pick<World, 'announcer' | 'log'>): Promise<void> {
  if (news.metrics.length + news.events.length === 0) return;
  try {
    await announcer.announce(news);
  } catch (error) {
    log.error('could not announce', { events: news.events.map(({ type }) => type), error });
  }
}
