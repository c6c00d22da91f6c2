import { describe, expect, it } from 'vitest';
import { metricUnits } from '../../reconciler/core/announce/metrics.ts';
import { StackTemplate } from '../support/stack.ts';

const body = (template: StackTemplate): string =>
  JSON.stringify(template.one('AWS::CloudWatch::Dashboard', 'Dashboard')['DashboardBody']).replaceAll('\\', '');

describe('the dashboard', () => {
  const shown = body(new StackTemplate());

  it('has the name of the stack, so that people find it', () => {
    expect(new StackTemplate().one('AWS::CloudWatch::Dashboard', 'Dashboard')).toMatchObject({
      DashboardName: 'RouteReconciler',
    });
  });

  it('answers questions in the order in which people ask them', () => {
    const questions = [...shown.matchAll(/## ([^"\\]+)/g)].map(([, question]) => question);
    expect(questions).toEqual([
      'Is anything wrong now?',
      'Which tables, since when, and who was it?',
      'What was repaired, and how fast?',
      'What needs a person?',
      'Are events flowing? Is the sweep alive?',
      'Functions: latency, errors, throttles, cost',
    ]);
  });

  it.each(Object.keys(metricUnits))('shows %s', (metric) => {
    expect(shown).toContain(`"RouteReconciler","${metric}","service","route-reconciler"`);
  });

  it('shows every alarm, every queue, and the widget', () => {
    const template = new StackTemplate();
    for (const alarm of template.all('AWS::CloudWatch::Alarm').keys()) expect(shown).toContain(`${alarm}.Arn`);
    for (const queue of template.all('AWS::SQS::Queue').keys()) expect(shown).toContain(`${queue}.QueueName`);
    expect(shown).toContain('WidgetFunction.Arn');
  });
});
