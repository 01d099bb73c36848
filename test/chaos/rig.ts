import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Stack, startStack } from '../../loadtest/stack/stack.ts';
import { MODEL, rightAnswer } from './chat.ts';
import { bytesInUse } from './heap.ts';
import { LoadDriver } from './load-driver.ts';
import { poll } from './poll.ts';

const SERVERS = 4;
/** Each has one right answer, learnt beforehand. */
const PROMPTS = Array.from({ length: 24 }, (_, index) => `Where does train ${index} go?`);
/** After these a process has compiled what it runs and filled what is bounded. */
const WARM_UP_CHATS = 150;
const WARM_UP_MS = 60_000;

/** A stack under test, with the answers that are right and the picker's memory while nothing happens. */
export interface Rig extends Stack {
  readonly answers: ReadonlyMap<string, string>;
  readonly bytesAtRest: number;
}

/** Starts four servers, the picker and Envoy, sends some chats through them, and puts their ends on `parts`. */
export async function startRig(parts: AsyncDisposableStack): Promise<Rig> {
  const logFolder = join(import.meta.dirname, '../../loadtest/results', `chaos-${Date.now()}`);
  await mkdir(logFolder, { recursive: true });
  const stack = await startStack(
    {
      servers: SERVERS,
      serverFlags: ['--model', MODEL],
      configFile: join(import.meta.dirname, 'picker.yaml'),
      // Serving on for a while is what a rollout needs; stream metrics tell of streams that never ended.
      pickerFlags: ['--drain-timeout=2s', '--enable-grpc-stream-metrics'],
      inspectPicker: true,
      control: false,
      logFolder,
      report: () => {},
      signal: AbortSignal.timeout(120_000),
    },
    parts,
  );
  const answers = new Map<string, string>();
  for (const prompt of PROMPTS) answers.set(prompt, await rightAnswer(stack.servers[0].url, prompt));
  const load = new LoadDriver(() => stack.gateway.url, answers);
  const warm = await poll(() => load.ended.length >= WARM_UP_CHATS, WARM_UP_MS);
  await load.stop();
  const wrong = load.ended.find(({ right }) => !right);
  if (!warm || wrong !== undefined) {
    throw new Error(`${load.ended.length} of ${WARM_UP_CHATS} chats ended with nothing wrong; ${wrong?.problem ?? ''}`);
  }
  return { ...stack, answers, bytesAtRest: await bytesInUse(stack.picker.inspectorUrl) };
}
