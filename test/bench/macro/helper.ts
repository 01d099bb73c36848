// The other process of the macro benchmarks: answers scrapes, or makes load. Orders come over IPC, one at a time.
import { errorMessage } from '../../../src/lib/error-message.ts';
import { type Load, type LoadResult, runLoad } from './load.ts';
import { servePages } from './metrics-pages.ts';

export type Order = { readonly pages: number } | { readonly load: Load };
export type Reply = { readonly ports: number[] } | { readonly result: LoadResult } | { readonly failed: string };

async function carryOut(order: Order): Promise<Reply> {
  try {
    if ('load' in order) return { result: await runLoad(order.load) };
    return { ports: (await servePages(order.pages)).ports };
  } catch (error) {
    return { failed: errorMessage(error) };
  }
}

process.on('message', (order: Order) => {
  void carryOut(order).then((reply) => process.send?.(reply));
});
// However the benchmark ended.
process.on('disconnect', () => process.exit());
