import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Client, credentials } from '@grpc/grpc-js';
import { afterEach, expect, it } from 'vitest';
import { Capacity } from '../../src/ext-proc/capacity.ts';
import { selfSignedCertificate } from '../../src/ext-proc/certificate.ts';
import { createGrpcServer } from '../../src/ext-proc/grpc-server.ts';
import { listen } from '../../src/ext-proc/listener.ts';
import { externalProcessor } from '../../src/ext-proc/service.ts';
import { encodeProcessingRequest, EXT_PROC_PROCESS_PATH } from '../../src/protos/ext-proc.ts';
import { eventually } from '../kit/eventually.ts';
import { message, ScriptedDirector } from './support.ts';

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

/** A network between two: it can fall silent without either end being told. */
async function networkTo(port: number): Promise<{ readonly port: number; cut(): void }> {
  const sockets: Socket[] = [];
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    near.pipe(far);
    far.pipe(near);
    for (const socket of [near, far]) socket.on('error', () => undefined);
    sockets.push(near, far);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      for (const socket of sockets) socket.unpipe().pause();
    },
  };
}

it.each([true, false])('a gateway that vanishes frees its streams and what they hold (TLS %s)', async (secure) => {
  const director = new ScriptedDirector();
  const capacity = new Capacity();
  const server = createGrpcServer({ keepalive: { timeMs: 50, timeoutMs: 50 } });
  const routes = { [EXT_PROC_PROCESS_PATH]: externalProcessor({ director, capacity }) };
  const tls = secure ? await selfSignedCertificate() : undefined;
  const listener = await listen({ server, routes, host: '127.0.0.1', port: 0, tls });
  cleanUps.push(() => listener.close());
  const network = await networkTo(listener.port);
  const trust = secure
    ? credentials.createSsl(null, null, null, { rejectUnauthorized: false, checkServerIdentity: () => undefined })
    : credentials.createInsecure();
  const client = new Client(`127.0.0.1:${network.port}`, trust, { 'grpc.ssl_target_name_override': 'picker' });
  cleanUps.push(() => client.close());
  const calls = Array.from({ length: 3 }, () => {
    const call = client.makeBidiStreamRequest(
      EXT_PROC_PROCESS_PATH,
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => bytes,
    );
    call.on('error', () => undefined);
    call.write(Buffer.from(encodeProcessingRequest(message.requestHeaders(true))));
    return call;
  });
  await Promise.all(calls.map((call) => once(call, 'data')));
  expect([director.reservations, capacity.streams]).toEqual([3, 3]);
  network.cut();
  await eventually('the streams are over', () => capacity.streams === 0);
  expect([director.reservations, director.ends]).toEqual([0, Array(3).fill('client-disconnect')]);
  await eventually('the connection is gone', () => listener.connections() === 0);
});
