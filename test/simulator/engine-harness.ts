import { Engine, type EngineOptions } from '../../src/simulator/engine/engine.ts';
import { HARDWARE_PROFILES, type ProfileName } from '../../src/simulator/engine/hardware.ts';
import { PromptBuilder, type Prompt } from '../../src/simulator/engine/prompt.ts';
import type { Sequence } from '../../src/simulator/engine/sequence.ts';
import { NO_NOISE } from '../../src/simulator/engine/step-cost.ts';
import { VirtualTimeline } from '../../src/simulator/engine/virtual-timeline.ts';

/** An engine in virtual time. */
export interface Rig {
  readonly engine: Engine;
  readonly timeline: VirtualTimeline;
  /** Submits a request that generates `output` tokens; `onFinish` runs with its last token. */
  submit(prompt: Prompt, output: number, onFinish?: () => void): Sequence;
}

/** An engine of `profile` with nothing in front of it and no noise: the bare step model. */
export function bareEngine(profile: ProfileName, changes: Partial<EngineOptions> = {}): Rig {
  const { cost, blocks } = HARDWARE_PROFILES[profile];
  const timeline = new VirtualTimeline();
  const engine = new Engine(
    {
      cost,
      noise: NO_NOISE,
      requestDelayMs: 0,
      outputDelayMs: 0,
      requestsPerSecond: Number.POSITIVE_INFINITY,
      blocks,
      maxModelLen: 131_072,
      maxNumSeqs: 256,
      maxBatchedTokens: 8192,
      ...changes,
    },
    timeline,
  );
  let outputs = 0;
  const submit = (prompt: Prompt, output: number, onFinish?: () => void): Sequence => {
    outputs += 1;
    let token = outputs * 1_000_000;
    return engine.submit({
      prompt,
      maxTokens: output,
      finishReason: 'length',
      nextToken: () => (token += 1),
      sink: {
        onToken: (_token, finish) => {
          if (finish !== undefined) onFinish?.();
        },
      },
    });
  };
  return { engine, timeline, submit };
}

/** A prompt of `tokens` tokens; those of different `id` share nothing. */
export function promptOf(id: number, tokens: number): Prompt {
  const builder = new PromptBuilder().token(id);
  for (let index = 1; index < tokens; index += 1) builder.token(index);
  return builder.build();
}

/** Clients that each send their next request the moment the last one is answered; runs to the end. */
export function closedLoop(
  rig: Rig,
  requests: readonly (readonly [prompt: number, output: number])[],
  clients: number,
): void {
  let sent = 0;
  const next = (): void => {
    const request = requests[sent];
    if (request === undefined) return;
    sent += 1;
    rig.submit(promptOf(sent, request[0]), request[1], next);
  };
  for (let client = 0; client < clients; client += 1) next();
  rig.timeline.run();
}
