import type { ClientHttp2Session } from 'node:http2';
import { EXT_PROC_PROCESS_PATH } from '../../protos/ext-proc.ts';
import type { Rehearsal } from './rehearsals.ts';

/** Makes a call; resolves when it has ended well, rejects when it has not. */
export function sendCall(session: ClientHttp2Session, { headers, messages }: Rehearsal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': EXT_PROC_PROCESS_PATH,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
    let grpcStatus: string | undefined;
    stream.on('trailers', (trailers) => {
      grpcStatus = String(trailers['grpc-status']);
    });
    stream.on('error', reject);
    stream.on('close', () => {
      if (grpcStatus === '0') resolve();
      else reject(new Error(`a rehearsed request ended with gRPC status ${grpcStatus ?? 'unknown'}`));
    });
    stream.resume();
    stream.end(messages);
  });
}
