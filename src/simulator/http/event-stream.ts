import type { ServerResponse } from 'node:http';

/** A client that reads slower than this much behind is let go. */
const MAX_BEHIND_BYTES = 4 * 1024 * 1024;

/**
 * An open `text/event-stream` answer. Events go to the socket as one HTTP chunk in one write; Node's own chunking makes
 * three writes of each, which is most of the cost of a token.
 */
export class EventStream {
  readonly #response: ServerResponse;

  /** Sends the response headers at once, as the servers do: before the first token exists. */
  constructor(response: ServerResponse) {
    this.#response = response;
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'transfer-encoding': 'chunked' });
    response.flushHeaders();
  }

  /** Sends ASCII text. Harmless once the client left. */
  send(text: string): void {
    const { socket } = this.#response;
    if (socket === null || socket.destroyed) return;
    socket.write(`${text.length.toString(16)}\r\n${text}\r\n`, 'latin1');
    if (socket.writableLength > MAX_BEHIND_BYTES) socket.destroy();
  }

  end(): void {
    this.#response.end();
  }
}
