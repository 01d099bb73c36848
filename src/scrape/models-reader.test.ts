import { describe, expect, it } from 'vitest';
import type { EndpointFact } from '../datastore/endpoint-facts.ts';
import { MAX_MODELS, modelsReaders } from './models-reader.ts';

function rig() {
  const told: EndpointFact[] = [];
  const reader = modelsReaders((fact) => told.push(fact))({
    slot: 3,
    generation: 9,
    host: 'h',
    port: 1,
    serves: true,
    paths: ['/v1/models'],
    shortPath: undefined,
    engine: 0,
  });
  return { told, read: (page: string) => reader.read(Buffer.from(page), 0) };
}

const list = (...ids: string[]): string =>
  JSON.stringify({ object: 'list', data: ids.map((id) => ({ id, object: 'model', parent: null })) });

describe('/v1/models', () => {
  it('tells which models are served, when that changes', () => {
    const { told, read } = rig();
    for (const page of [list('llama'), list('llama'), list('sql', 'llama'), list('llama', 'sql'), list()]) {
      expect(read(page)).toEqual({ good: true });
    }
    expect(told).toEqual(
      [['llama'], ['sql', 'llama'], []].map((ids) => ({
        slot: 3,
        generation: 9,
        about: 'models',
        value: new Set(ids),
      })),
    );
  });

  it('tells of a server without models too', () => {
    const { told, read } = rig();
    read(list());
    expect(told).toHaveLength(1);
  });

  it.each(['', '<html>', '{"data": [', 'vllm:num_requests_waiting 1\n'])('%j is not JSON', (page) => {
    const { told, read } = rig();
    expect(read(page)).toEqual({ good: false, malformed: true, trouble: 'the answer is not JSON' });
    expect(told).toEqual([]);
  });

  it.each(['null', '[]', '{}', '{"data": {}}', '{"data": [{"name": "x"}]}', '{"data": [{"id": 1}]}'])(
    '%s is no list of models',
    (page) => {
      const { told, read } = rig();
      read(list('llama'));
      expect(read(page)).toEqual({ good: false, trouble: 'the answer has no list "data" of models with an "id"' });
      expect(told).toHaveLength(1);
    },
  );

  it('keeps a bounded number of names of bounded length', () => {
    const { told, read } = rig();
    const long = 'x'.repeat(512);
    read(list('', long, `${long}x`, ...Array.from({ length: MAX_MODELS }, (_, i) => `m${i}`)));
    const [fact] = told;
    const models = fact.about === 'models' ? fact.value : undefined;
    expect([models?.size, ...[long, `${long}x`, '', 'm2046'].map((name) => models?.has(name))]).toEqual([
      MAX_MODELS,
      true,
      false,
      false,
      true,
    ]);
  });
});
