import * as v from 'valibot';
import type { Prompt } from '../engine/prompt.ts';
import { ApiError } from './api-error.ts';
import { chatPrompt, completionPrompt } from './prompt-text.ts';

export type Api = 'chat' | 'completions';

/** A request body, understood. */
export interface InferenceCall {
  readonly api: Api;
  /** Adapter asked for; undefined for the model itself. */
  readonly adapter: string | undefined;
  /** One per choice the client asked for: prompts times `n`. */
  readonly prompts: readonly Prompt[];
  /** Distinct prompts among them, what `usage` counts. */
  readonly promptTokens: number;
  readonly maxTokens: number | undefined;
  readonly stream: boolean;
  readonly includeUsage: boolean;
}

const MAX_CHOICES = 128;

const Positive = v.pipe(v.number(), v.integer(), v.minValue(1));
const Tokens = v.pipe(v.array(v.number()), v.minLength(1));
const Text = v.pipe(v.string(), v.minLength(1));
const PromptField = v.union([
  Text,
  Tokens,
  v.pipe(v.array(v.union([Text, Tokens])), v.minLength(1), v.maxLength(MAX_CHOICES)),
]);
const COMMON = {
  model: v.nullish(v.string()),
  max_tokens: v.nullish(Positive),
  stream: v.nullish(v.boolean()),
  stream_options: v.nullish(v.looseObject({ include_usage: v.nullish(v.boolean()) })),
  n: v.nullish(v.pipe(Positive, v.maxValue(MAX_CHOICES))),
  cache_salt: v.nullish(v.string()),
};
const ChatBody = v.looseObject({
  ...COMMON,
  messages: v.pipe(
    v.array(
      v.looseObject({
        role: v.string(),
        content: v.nullish(
          v.union([v.string(), v.array(v.looseObject({ type: v.string(), text: v.optional(v.string()) }))]),
        ),
      }),
    ),
    v.minLength(1),
  ),
  max_completion_tokens: v.nullish(Positive),
  tools: v.nullish(v.array(v.unknown())),
});
const CompletionsBody = v.looseObject({
  ...COMMON,
  prompt: PromptField,
});

type CommonBody = v.InferOutput<v.ObjectSchema<typeof COMMON, undefined>>;

/** What a server can be asked for. */
interface Served {
  readonly model: string;
  readonly adapters: readonly string[];
}

/** Reads a parsed body. Throws `ApiError`: 400 for a field that is missing or wrong, 404 for another model. */
export function readInference(api: Api, body: Record<string, unknown>, served: Served): InferenceCall {
  return api === 'chat' ? readChat(body, served) : readCompletions(body, served);
}

function readChat(input: Record<string, unknown>, served: Served): InferenceCall {
  const body = check(ChatBody, input);
  const adapter = adapterOf(body.model, served);
  const prompt = chatPrompt(body.messages, body.tools ?? [], saltOf(body, adapter));
  return call('chat', adapter, [prompt], body, body.max_completion_tokens ?? body.max_tokens);
}

function readCompletions(input: Record<string, unknown>, served: Served): InferenceCall {
  const body = check(CompletionsBody, input);
  const adapter = adapterOf(body.model, served);
  const prompts = promptList(body.prompt).map((one) => completionPrompt(one, saltOf(body, adapter)));
  return call('completions', adapter, prompts, body, body.max_tokens);
}

/** An adapter's keys and values are its own, so nothing of its cache is shared with the model's. */
function saltOf({ cache_salt: salt }: CommonBody, adapter: string | undefined): string {
  return adapter === undefined ? (salt ?? '') : `lora ${adapter}\0${salt ?? ''}`;
}

/** One prompt or several, as text or as tokens: the API takes all four. */
function promptList(prompt: v.InferOutput<typeof PromptField>): (string | number[])[] {
  if (typeof prompt === 'string') return [prompt];
  return isTokens(prompt) ? [prompt] : prompt;
}

function isTokens(prompt: number[] | (string | number[])[]): prompt is number[] {
  return typeof prompt[0] === 'number';
}

function call(
  api: Api,
  adapter: string | undefined,
  prompts: readonly Prompt[],
  body: CommonBody,
  maxTokens: number | null | undefined,
): InferenceCall {
  const n = body.n ?? 1;
  if (prompts.length * n > MAX_CHOICES) throw new ApiError(400, `more than ${MAX_CHOICES} choices asked for`, 'n');
  return {
    api,
    adapter,
    prompts: prompts.flatMap((prompt) => Array<Prompt>(n).fill(prompt)),
    promptTokens: prompts.reduce((sum, prompt) => sum + prompt.tokens, 0),
    maxTokens: maxTokens ?? undefined,
    stream: body.stream ?? false,
    includeUsage: body.stream_options?.include_usage ?? false,
  };
}

function check<S extends v.GenericSchema>(schema: S, input: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, input, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  const path = v.getDotPath(issue);
  throw new ApiError(400, path === null ? issue.message : `${path}: ${issue.message}`, path);
}

function adapterOf(model: string | null | undefined, served: Served): string | undefined {
  if (model === undefined || model === null || model === served.model) return undefined;
  if (served.adapters.includes(model)) return model;
  throw new ApiError(404, `The model \`${model}\` does not exist.`, 'model');
}
