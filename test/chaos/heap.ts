import * as v from 'valibot';

const Answer = v.object({ id: v.number(), result: v.optional(v.unknown()), error: v.optional(v.unknown()) });
const Usage = v.object({ result: v.object({ value: v.object({ heapUsed: v.number(), external: v.number() }) }) });

/**
 * Bytes a Node process has in use on its heap and beside it, after a full collection: what a leak would add to, and
 * garbage does not. `url` is that of its inspector. Rejects when that does not answer as it should.
 */
export async function bytesInUse(url: string): Promise<number> {
  const socket = new WebSocket(url);
  try {
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve, { once: true });
      socket.addEventListener('error', () => reject(new Error(`no inspector at ${url}`)), { once: true });
    });
    await call(socket, 1, 'HeapProfiler.collectGarbage');
    const asked = { expression: 'process.memoryUsage()', returnByValue: true };
    const { heapUsed, external } = v.parse(Usage, await call(socket, 2, 'Runtime.evaluate', asked)).result.value;
    return heapUsed + external;
  } finally {
    socket.close();
  }
}

function call(socket: WebSocket, id: number, method: string, params: object = {}): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(new Error(`the inspector left during ${method}`));
    const onMessage = ({ data }: MessageEvent): void => {
      const answer = v.parse(Answer, JSON.parse(String(data)));
      if (answer.id !== id) return;
      socket.removeEventListener('message', onMessage);
      socket.removeEventListener('close', onClose);
      if (answer.error === undefined) resolve(answer.result);
      else reject(new Error(`${method}: ${JSON.stringify(answer.error)}`));
    };
    socket.addEventListener('message', onMessage);
    socket.addEventListener('close', onClose);
    socket.send(JSON.stringify({ id, method, params }));
  });
}
