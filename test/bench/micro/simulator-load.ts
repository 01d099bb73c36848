// Streams from simulated servers: simulator-load.ts STREAMS URL,URL...
import { Agent, request } from 'node:http';

const [streams, urls] = [Number(process.argv[2]), process.argv[3].split(',')];
const agent = new Agent({ keepAlive: true, maxSockets: streams });

function next(stream: number, turn: number): void {
  const url = `${urls[stream % urls.length]}/v1/chat/completions`;
  const call = request(url, { method: 'POST', agent }, (response) => {
    response.resume();
    response.once('end', () => next(stream, turn + streams));
  });
  call.end(body(turn));
}

function body(turn: number): string {
  const content = `Question ${turn}: ${'tell me about the railway. '.repeat(40)}`;
  return JSON.stringify({ messages: [{ role: 'user', content }], max_tokens: 256, stream: true });
}

for (let stream = 0; stream < streams; stream++) next(stream, stream);
process.on('disconnect', () => process.exit());
