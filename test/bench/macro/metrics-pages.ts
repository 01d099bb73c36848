import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** What a vLLM server's page weighs with little traffic. */
const PAGE_BYTES = 22 * 1024;
const HEAD_END = '\r\n\r\n';

/**
 * Opens `count` ports of 127.0.0.1 that answer every GET with a metrics page, or with the beginning of it that has the
 * load on it where names are given: as vLLM does.
 */
export async function servePages(count: number): Promise<{ readonly ports: number[]; readonly servers: Server[] }> {
  const whole = answerOf(vllmPage(PAGE_BYTES));
  const short = answerOf(vllmPage(0));
  const servers = Array.from({ length: count }, () => createServer((socket) => answerAll(socket, whole, short)));
  for (const server of servers) await once(server.listen(0, '127.0.0.1'), 'listening');
  return { ports: servers.map((server) => (server.address() as AddressInfo).port), servers };
}

function answerOf(page: string): Buffer {
  const head = ['HTTP/1.1 200 OK', 'content-type: text/plain; version=0.0.4; charset=utf-8'];
  return Buffer.from([...head, `content-length: ${page.length}`, '', page].join('\r\n'));
}

/** Scrapers do not send a request before they have the last answer, so one that ends here is all there is. */
function answerAll(socket: Socket, whole: Buffer, short: Buffer): void {
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    const request = chunk.toString('latin1');
    if (request.endsWith(HEAD_END)) socket.write(request.startsWith('GET /metrics/?name') ? short : whole);
  });
}

/** A page of at least `bytes`: the signals first, then histograms. */
export function vllmPage(bytes: number): string {
  let text =
    '# TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting{engine="0",model_name="m"} 2.0\n' +
    '# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running{engine="0",model_name="m"} 3.0\n' +
    '# TYPE vllm:kv_cache_usage_perc gauge\nvllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.4\n' +
    '# TYPE vllm:cache_config_info gauge\nvllm:cache_config_info{block_size="16",num_gpu_blocks="20000"} 1.0\n';
  for (let i = 0; text.length < bytes; i++) {
    text += `# HELP vllm:hist${i}_seconds Histogram of something in seconds.\n# TYPE vllm:hist${i}_seconds histogram\n`;
    for (let le = 0; le < 22; le++) {
      text += `vllm:hist${i}_seconds_bucket{engine="0",le="${le}.0",model_name="meta-llama/Llama-3.1-8B-Instruct"} ${le * 100}.0\n`;
    }
  }
  return text;
}
