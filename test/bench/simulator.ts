import { fork } from 'node:child_process';
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { startModelServer } from '../../src/simulator/model-server.ts';

/**
 * What simulated servers cost: 16 of them in this process, a given number of streams from another one, closed loop.
 * Prints the CPU this process used, in cores. Run: node test/bench/simulator.ts [streams] [seconds]
 */
const SERVERS = 16;
const WARM_UP_MS = 3000;
const [, , streamsArgument = '200', secondsArgument = '10', urls] = process.argv;

if (urls === undefined) await measure(Number(streamsArgument), Number(secondsArgument));
else load(urls.split(','), Number(streamsArgument));

async function measure(streams: number, seconds: number): Promise<void> {
  const servers = await Promise.all(
    Array.from({ length: SERVERS }, (_, index) => startModelServer({ name: `sim-${index}` })),
  );
  const client = fork(import.meta.filename, [`${streams}`, '0', servers.map(({ url }) => url).join(',')]);
  await delay(WARM_UP_MS);
  const made = (): number => servers.reduce((sum, server) => sum + server.state().generationTokens, 0);
  const [cpu, tokens, startedMs] = [process.cpuUsage(), made(), performance.now()];
  await delay(seconds * 1000);
  const used = process.cpuUsage(cpu);
  const elapsedSeconds = (performance.now() - startedMs) / 1000;
  const cores = (used.user + used.system) / 1e6 / elapsedSeconds;
  const rate = (made() - tokens) / elapsedSeconds;
  const running = servers.reduce((sum, server) => sum + server.state().inFlight, 0);
  process.stdout.write(
    `${SERVERS} servers, ${running} streams: ${cores.toFixed(2)} cores (user ${(used.user / 1e6 / elapsedSeconds).toFixed(2)}, ` +
      `system ${(used.system / 1e6 / elapsedSeconds).toFixed(2)}), ${Math.round(rate)} tokens/s, ` +
      `${((cores / rate) * 1e6).toFixed(1)} us per token\n`,
  );
  client.kill();
  await Promise.all(servers.map((server) => server.close()));
}

function load(servers: readonly string[], streams: number): void {
  const agent = new Agent({ keepAlive: true, maxSockets: streams });
  const next = (stream: number, turn: number): void => {
    const url = `${servers[stream % servers.length]}/v1/chat/completions`;
    const call = request(url, { method: 'POST', agent }, (response) => {
      response.resume();
      response.once('end', () => next(stream, turn + streams));
    });
    call.end(body(turn));
  };
  for (let stream = 0; stream < streams; stream += 1) next(stream, stream);
}

function body(turn: number): string {
  return JSON.stringify({
    messages: [{ role: 'user', content: `Question ${turn}: ${'tell me about the railway. '.repeat(40)}` }],
    max_tokens: 256,
    stream: true,
  });
}
