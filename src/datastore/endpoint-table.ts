import { CORE_METRICS } from '../core/endpoint-facts.ts';
import type { Candidates, Endpoint, EndpointSpec, EndpointView, LoraInfo } from '../core/endpoint.ts';
import { joinHostPort } from '../lib/host-port.ts';
import { Attributes } from './attributes.ts';
import { type Columns, MAX_ENDPOINTS, openColumns } from './columns.ts';
import { FactBook } from './endpoint-facts.ts';
import { LoadBooks } from './load-books.ts';

/** Free slots kept back from reuse, so that nothing late finds a new tenant in the slot it meant. */
const REST = 64;
/** What KV-cache use nobody trusts counts as: half full. */
const UNKNOWN_KV_USAGE = 0.5;

/** Told about membership, after the table has changed. */
export interface MembershipListener {
  added(endpoint: Endpoint): void;
  removed(endpoint: Endpoint): void;
}

/** What a `replace` did. */
export interface MembershipChange {
  readonly added: number;
  readonly removed: number;
  /** Endpoints left out because every slot was taken. */
  readonly refused: number;
}

/**
 * The pool: endpoints in slots, signals in columns over memory shared with the scrape worker.
 *
 *     slot        0         1         2        ...
 *     tenant      vllm-0    (free)    vllm-2          Endpoint objects, this thread only
 *     generation  7         0         9               \
 *     waiting     2         NaN       0                } columns, shared
 *     running     5         NaN       1               /
 *
 * Freed slots are reused oldest first, so a scrape that was under way when its endpoint left has long ended before
 * the slot has a new tenant; the generation check stops the rest.
 */
export class EndpointTable implements EndpointView {
  readonly memory: SharedArrayBuffer;
  readonly signals: Columns;
  /** How far the signals of a slot count, 0 to 1; `MetricsTrust` writes it. */
  readonly trust = new Float64Array(MAX_ENDPOINTS).fill(1);
  readonly books: LoadBooks;
  readonly attributes: Attributes;
  readonly facts: FactBook;
  #all: Candidates = new Uint32Array(0);
  readonly #tenants: (Endpoint | undefined)[] = [];
  readonly #slotById = new Map<string, number>();
  /** Slots by the very spec their tenants were last given: most of a pool is handed in again as it was. */
  readonly #slotBySpec = new Map<EndpointSpec, number>();
  readonly #specs: (EndpointSpec | undefined)[] = [];
  readonly #slotByHostPort = new Map<string, number>();
  readonly #free: number[] = [];
  readonly #listeners = new Set<MembershipListener>();
  #nextGeneration = 1;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.signals = openColumns(memory);
    this.books = new LoadBooks(this.signals, this.trust);
    this.attributes = new Attributes(this.signals);
    this.facts = new FactBook(this.signals.generation);
  }

  get all(): Candidates {
    return this.#all;
  }

  at(slot: number): Endpoint | undefined {
    return this.#tenants[slot];
  }

  byId(id: string): Endpoint | undefined {
    const slot = this.#slotById.get(id);
    return slot === undefined ? undefined : this.#tenants[slot];
  }

  trustedWaiting(slot: number): number {
    return this.trust[slot] * this.signals.waiting[slot];
  }

  trustedRunning(slot: number): number {
    return this.trust[slot] * this.signals.running[slot];
  }

  trustedKvUsage(slot: number): number {
    const trust = this.trust[slot];
    return trust * this.signals.kvUsage[slot] + (1 - trust) * UNKNOWN_KV_USAGE;
  }

  readWaiting(slots: Candidates, out: Float64Array): void {
    this.books.readWaiting(slots, out);
  }

  readRunning(slots: Candidates, out: Float64Array): void {
    this.books.readRunning(slots, out);
  }

  readUnseen(slots: Candidates, out: Float64Array): void {
    this.books.readUnseen(slots, out);
  }

  attribute(key: string, producer: string = CORE_METRICS): Float64Array | undefined {
    return this.attributes.find(key, producer);
  }

  lora(slot: number): LoraInfo | undefined {
    return this.facts.lora(slot);
  }

  models(slot: number): ReadonlySet<string> | undefined {
    return this.facts.models(slot);
  }

  /** The endpoint the proxy calls `hostPort`, if it is in the pool. */
  byHostPort(hostPort: string): Endpoint | undefined {
    const slot = this.#slotByHostPort.get(hostPort);
    return slot === undefined ? undefined : this.#tenants[slot];
  }

  /** Tells `listener` of every change from now on, until the function it returns is called. */
  listen(listener: MembershipListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Makes the pool equal to `specs`. Endpoints whose spec did not change keep their slot, signals and books; of two
   * specs with one id the last wins.
   */
  replace(specs: Iterable<EndpointSpec>): MembershipChange {
    const { stays, wanted } = this.#compare(specs);
    const gone = this.#tenants.filter((tenant) => tenant !== undefined && stays[tenant.slot] === 0) as Endpoint[];
    for (const tenant of gone) this.#vacate(tenant);
    const come: Endpoint[] = [];
    let refused = 0;
    for (const [id, spec] of wanted) {
      const endpoint = this.#settle(id, spec);
      if (endpoint === undefined) refused++;
      else come.push(endpoint);
    }
    if (gone.length > 0 || come.length > 0) this.#all = Uint32Array.from(this.#slotById.values()).sort();
    for (const listener of this.#listeners) {
      for (const endpoint of gone) listener.removed(endpoint);
      for (const endpoint of come) listener.added(endpoint);
    }
    return { added: come.length, removed: gone.length, refused };
  }

  /** Which tenants stay, by slot, and the specs that none of them has, by id. */
  #compare(specs: Iterable<EndpointSpec>): { readonly stays: Uint8Array; readonly wanted: Map<string, EndpointSpec> } {
    const stays = new Uint8Array(this.#tenants.length);
    const wanted = new Map<string, EndpointSpec>();
    for (const spec of specs) {
      const slot = this.#slotBySpec.get(spec);
      if (slot === undefined) wanted.set(`${spec.namespace}/${spec.name}`, spec);
      else {
        stays[slot] = 1;
        if (wanted.size > 0) wanted.delete((this.#tenants[slot] as Endpoint).id);
      }
    }
    for (const [id, spec] of wanted) {
      const slot = this.#slotById.get(id);
      if (slot === undefined) continue;
      const isSame = sameSpec(spec, this.#tenants[slot] as Endpoint);
      stays[slot] = isSame ? 1 : 0;
      if (isSame) {
        wanted.delete(id);
        this.#remember(slot, spec);
      }
    }
    return { stays, wanted };
  }

  /** The spec a slot's tenant was given last; undefined for none. */
  #remember(slot: number, spec: EndpointSpec | undefined): void {
    const former = this.#specs[slot];
    if (former !== undefined) this.#slotBySpec.delete(former);
    this.#specs[slot] = spec;
    if (spec !== undefined) this.#slotBySpec.set(spec, slot);
  }

  #vacate(tenant: Endpoint): void {
    this.#remember(tenant.slot, undefined);
    this.signals.generation[tenant.slot] = 0;
    this.#tenants[tenant.slot] = undefined;
    this.facts.forget(tenant.slot);
    this.#slotById.delete(tenant.id);
    if (this.#slotByHostPort.get(tenant.hostPort) === tenant.slot) this.#slotByHostPort.delete(tenant.hostPort);
    this.#free.push(tenant.slot);
  }

  #settle(id: string, spec: EndpointSpec): Endpoint | undefined {
    const slot = this.#takeSlot();
    if (slot === undefined) return undefined;
    const generation = this.#nextGeneration++ >>> 0;
    const endpoint: Endpoint = {
      ...spec,
      id,
      hostPort: joinHostPort(spec.address, spec.port),
      slot,
      generation,
    };
    this.#forgetSignals(slot);
    this.trust[slot] = 1;
    this.books.clear(slot, generation);
    this.signals.generation[slot] = generation;
    this.#tenants[slot] = endpoint;
    this.#remember(slot, spec);
    this.#slotById.set(id, slot);
    this.#slotByHostPort.set(endpoint.hostPort, slot);
    return endpoint;
  }

  #takeSlot(): number | undefined {
    const unused = this.#tenants.length;
    return this.#free.length > REST || unused === MAX_ENDPOINTS ? this.#free.shift() : unused;
  }

  #forgetSignals(slot: number): void {
    const { scrapes, generation: _, ...columns } = this.signals;
    for (const column of Object.values(columns)) column[slot] = Number.NaN;
    scrapes[slot] = 0;
    this.attributes.forget(slot);
  }
}

function sameSpec(a: EndpointSpec, b: EndpointSpec): boolean {
  if (a.address !== b.address || a.port !== b.port || a.podName !== b.podName) return false;
  const names = Object.keys(a.labels);
  return names.length === Object.keys(b.labels).length && names.every((name) => a.labels[name] === b.labels[name]);
}
