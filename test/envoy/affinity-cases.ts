import { afterEach, describe, expect, it } from 'vitest';
import { endpointsText, startTestPicker, type TestPicker } from '../kit/picker.ts';
import { type Backend, metricsPage } from './backend.ts';
import { eventually } from './http-call.ts';
import { send, type Sent } from './one-request.ts';
import { type Rig, type StartRigGateway, startRig } from './rig.ts';

const LORA = 'sql-lora';
const ROUNDS = 8;

/** Headers of a request, and fields of its body. */
interface Asking {
  readonly headers?: Readonly<Record<string, string>>;
  readonly fields?: object;
}

/** A scorer, what a request says to be sent to the busy server, and what to be sent to one of the others. */
interface Preference {
  readonly type: string;
  readonly parameters?: object;
  readonly busy: Asking;
  readonly others: Asking;
}

const PREFERENCES: readonly Preference[] = [
  { type: 'lora-affinity-scorer', busy: { fields: { model: LORA } }, others: { fields: { model: 'one' } } },
  {
    type: 'header-label-affinity-scorer',
    parameters: { headerName: 'X-Tier', labelKey: 'tier' },
    busy: { headers: { 'x-tier': 'gold' } },
    others: { headers: { 'x-tier': 'tin' } },
  },
];

/** The queue decides, unless the scorer, which weighs more, says otherwise. */
function configOf(scorer: Preference | undefined, path: string): object {
  const preference = scorer === undefined ? [] : [{ type: scorer.type, parameters: scorer.parameters }];
  const members = [{ type: 'queue-scorer' }, ...preference, { type: 'max-score-picker' }];
  return {
    plugins: [{ name: 'file', type: 'file-discovery', parameters: { path } }, ...members],
    schedulingProfiles: [
      {
        name: 'default',
        plugins: members.map(({ type }) => ({ pluginRef: type, ...(type === scorer?.type && { weight: 10 }) })),
      },
    ],
    dataLayer: { discovery: { pluginRef: 'file' } },
  };
}

/** What a server says of itself that has one adapter active, of two that it has room for, and requests waiting. */
const pageOf = (adapters: string, waiting: number): string =>
  `${metricsPage(waiting)}vllm:lora_requests_info{max_lora="2",running_lora_adapters="${adapters}",waiting_lora_adapters=""} 1\n`;

const ask = (rig: Rig, { headers = {}, fields = {} }: Asking): Promise<Sent> => send(rig, headers, fields);

/**
 * Whether scorers by LoRA adapter and by label decide through a whole picker, from metrics page and endpoints file to
 * the server that gets the request, against a control without them. The server they prefer is the only busy one.
 */
export function affinityCases(name: string, startGateway: StartRigGateway): void {
  const open: { stop(): Promise<unknown> }[] = [];
  afterEach(async () => {
    for (const part of open.splice(0)) await part.stop();
  });

  /** Servers of which the last has the adapter and the label, as the picker has seen. */
  async function setUp(scorer: Preference | undefined): Promise<{ rig: Rig; preferred: Backend }> {
    let picker: TestPicker | undefined;
    const rig = await startRig({
      backends: 3,
      secure: false,
      startGateway,
      async startPicker(ports, secure) {
        const tier = (index: number) => ({ tier: index === ports.length - 1 ? 'gold' : 'tin' });
        picker = await startTestPicker(
          endpointsText(ports, tier),
          { secure },
          { config: (path) => configOf(scorer, path) },
        );
        return picker;
      },
    });
    open.push(rig);
    const { backends } = rig;
    const [preferred] = backends.slice(-1);
    for (const each of backends) each.metrics = each === preferred ? pageOf(LORA, 50) : pageOf('one,two', 0);
    await eventually('the pages were scraped', () =>
      backends.every((each) => {
        const slot = picker?.table.byHostPort(each.hostPort)?.slot ?? -1;
        return (
          picker?.table.lora(slot)?.active.has(LORA) === (each === preferred) &&
          picker.table.signals.waiting[slot] === (each === preferred ? 50 : 0)
        );
      }),
    );
    return { rig, preferred };
  }

  describe(`affinity, ${name}`, () => {
    it.each(PREFERENCES)('$type decides', async (preference) => {
      const { rig, preferred } = await setUp(preference);
      for (let i = 0; i < ROUNDS; i++) {
        const { server, named } = await ask(rig, preference.busy);
        expect([server, named[0]]).toEqual([preferred, preferred.hostPort]);
        expect((await ask(rig, preference.others)).server).not.toBe(preferred);
      }
      expect(Object.values(await rig.gateway.complaints()).every((count) => count === 0)).toBe(true);
    });

    it('without these scorers the queue decides, whatever requests say', async () => {
      const { rig, preferred } = await setUp(undefined);
      for (const { busy } of PREFERENCES) {
        for (let i = 0; i < ROUNDS; i++) expect((await ask(rig, busy)).server).not.toBe(preferred);
      }
    });
  });
}
