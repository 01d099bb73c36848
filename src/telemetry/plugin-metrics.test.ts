import { describe, expect, it } from 'vitest';
import { Metrics } from './metrics.ts';
import { pluginMeter } from './plugin-metrics.ts';

describe('the meter of a plugin', () => {
  it('counts every fault and logs the first', async () => {
    const metrics = new Metrics({ processMetrics: false });
    const logged: unknown[] = [];
    const log = { error: (details: unknown) => void logged.push(details) };
    const [one, two] = ['one', 'two'].map((name) => pluginMeter(metrics, { name, type: 't' }, log));
    const first = new Error('first');
    one.fault(first);
    one.fault(new Error('second'));
    two.fault('third');
    expect(logged).toEqual([
      { err: first, plugin: 'one' },
      { err: 'third', plugin: 'two' },
    ]);
    const page = await metrics.registry.metrics();
    expect(page).toContain('llm_d_epp_plugin_faults_total{plugin_name="one",plugin_type="t"} 2');
    expect(page).toContain('llm_d_epp_plugin_faults_total{plugin_name="two",plugin_type="t"} 1');
  });

  it('shows how many sessions are bound', async () => {
    const metrics = new Metrics({ processMetrics: false });
    const meter = pluginMeter(metrics, { name: 'mine', type: 'session-affinity-scorer' });
    meter.sessionBindings(3);
    meter.sessionBindings(2);
    const line = 'llm_d_epp_session_bindings{plugin_name="mine",plugin_type="session-affinity-scorer"} 2';
    expect(await metrics.registry.metrics()).toContain(line);
  });
});
