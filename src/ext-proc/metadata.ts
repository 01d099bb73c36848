import type { Metadata, Struct, StructValue } from '../protos/ext-proc.ts';
import type { ProxyMetadata } from '../request/exchange.ts';

const SUBSET_NAMESPACE = 'envoy.lb.subset_hint';
const SUBSET_KEY = 'x-gateway-destination-endpoint-subset';
const LB_NAMESPACE = 'envoy.lb';
const SERVED_KEY = 'x-gateway-destination-endpoint-served';

/**
 * What the messages of one stream carried besides the traffic. Any message may bring a namespace; the latest one that
 * does wins. Source: GIE endpoint picker protocol, proposal 004.
 */
export class WireMetadata implements ProxyMetadata {
  #subset: Struct | undefined;
  #balancer: Struct | undefined;

  /** Takes note of the metadata of one more message. */
  add(metadata: Metadata): void {
    const namespaces = metadata.filterMetadata;
    if (namespaces === null || namespaces === undefined) return;
    this.#subset = namespaces[SUBSET_NAMESPACE] ?? this.#subset;
    this.#balancer = namespaces[LB_NAMESPACE] ?? this.#balancer;
  }

  /** A list of strings or one comma-separated string; anything else is no limit. An empty list allows nobody. */
  subset(): readonly string[] | undefined {
    const value = field(this.#subset, SUBSET_KEY);
    if (typeof value?.stringValue === 'string') return splitList(value.stringValue);
    const list = value?.listValue;
    if (list === null || list === undefined) return undefined;
    const names: string[] = [];
    for (const entry of list.values ?? []) {
      if (typeof entry.stringValue === 'string') names.push(entry.stringValue);
    }
    return names;
  }

  served(): string | undefined {
    return field(this.#balancer, SERVED_KEY)?.stringValue ?? undefined;
  }
}

function field(struct: Struct | undefined, key: string): StructValue | undefined {
  return struct?.fields?.[key];
}

function splitList(text: string): string[] {
  const names: string[] = [];
  for (const part of text.split(',')) {
    const name = part.trim();
    if (name !== '') names.push(name);
  }
  return names;
}
