import { createServer } from 'node:net';

/** Below where systems take ports for outgoing connections from: a port given up for a while is still free after. */
const FROM = 20_000;
const TO = 30_000;
const TRIES = 200;

/** A port of 127.0.0.1 nobody listens on now. Rejects when none of 200 is free. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < TRIES; tried += 1) {
    const port = FROM + Math.floor(Math.random() * (TO - FROM));
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port from ${FROM} to ${TO}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
