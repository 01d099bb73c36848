import { expect, it } from 'vitest';
import { readPicks } from './picker-process.ts';

it('reads picks by endpoint, over all models, from a metrics page', () => {
  const page = [
    '# TYPE llm_d_epp_scheduler_attempts_total counter',
    'llm_d_epp_scheduler_attempts_total{status="success",target_model_name="a",endpoint_name="sim-1",namespace="d",port="1"} 3',
    'llm_d_epp_scheduler_attempts_total{status="success",target_model_name="b",endpoint_name="sim-1",namespace="d",port="1"} 4',
    'llm_d_epp_scheduler_attempts_total{endpoint_name="sim-2",status="success",namespace="d",port="1"} 1e3',
    'llm_d_epp_scheduler_attempts_total{status="failure",target_model_name="a",endpoint_name="",namespace="",port=""} 9',
    'llm_d_epp_request_total{status="success",endpoint_name="sim-3"} 5',
  ].join('\n');
  expect(readPicks(page)).toEqual({ 'sim-1': 7, 'sim-2': 1000 });
});
