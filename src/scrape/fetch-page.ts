import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';
import { errorMessage } from '../lib/error-message.ts';
import { joinHostPort } from '../lib/host-port.ts';
import { ResponseReader, type ResponseFault } from './http-response.ts';
import { PageMemory } from './page-memory.ts';

/** Largest page taken; a server with 8 data-parallel engines prints about 0.35 MiB. */
export const MAX_PAGE_BYTES = 8 * 1024 * 1024;

/** Read from a socket at once: most pages whole. */
const READ_BYTES = 64 * 1024;

/** Why no page came. `connect`: refused, reset, unreachable, unknown host, TLS. */
export type FetchFault = ResponseFault | 'connect' | 'timeout';

/** A page, or why there is none. The bytes are valid during the call only. */
export interface PageListener {
  page(bytes: Uint8Array): void;
  failed(fault: FetchFault, message: string): void;
}

/** The way to one model server's page. */
export interface PageConnection {
  /** Asks for the page; the listener is called exactly once unless `close` comes first. One request at a time. */
  get(listener: PageListener): void;
  /** Drops the request under way, if any, and the connection. `get` may be called again. */
  close(): void;
}

/** Opens ways to pages; nothing is sent before the first `get`. */
export interface PageFetcher {
  /** `path`: path and query, with its slash. */
  open(host: string, port: number, path: string): PageConnection;
}

/** How pages are asked for. */
export interface FetchSettings {
  /** Set for https. */
  readonly tls: { readonly context: SecureContext; readonly verify: boolean } | undefined;
  /** Largest page taken, default `MAX_PAGE_BYTES`. */
  readonly maxPageBytes?: number;
}

/**
 * Fetches pages over keep-alive connections, one per server, written on sockets: a scrape is one fixed request and
 * one answer, on which a general HTTP client spends about twice the CPU. No redirects, no compression. Time-outs are the caller's, who has a clock.
 */
export function pageFetcher(settings: FetchSettings): PageFetcher {
  const memory: FetchMemory = { read: Buffer.allocUnsafeSlow(READ_BYTES), pages: new PageMemory() };
  return {
    open: (host, port, path) => new SocketConnection(host, port, path, settings, memory),
  };
}

/** What all connections share. */
interface FetchMemory {
  /** Every socket reads into this; what came is taken out before the next one reads. */
  readonly read: Buffer;
  readonly pages: PageMemory;
}

class SocketConnection implements PageConnection {
  readonly #host: string;
  readonly #port: number;
  readonly #settings: FetchSettings;
  readonly #memory: FetchMemory;
  readonly #request: Buffer;
  #socket: Socket | undefined;
  #listener: PageListener | undefined;
  #response: ResponseReader | undefined;
  /** The socket has carried a response before, so its end may only mean that the server had tired of it. */
  #reused = false;

  constructor(host: string, port: number, path: string, settings: FetchSettings, memory: FetchMemory) {
    this.#host = host;
    this.#port = port;
    this.#settings = settings;
    this.#memory = memory;
    this.#request = Buffer.from(
      `GET ${path} HTTP/1.1\r\nhost: ${joinHostPort(host, port)}\r\nuser-agent: pointsman\r\n` +
        'accept: text/plain;version=0.0.4,*/*;q=0.5\r\naccept-encoding: identity\r\nconnection: keep-alive\r\n\r\n',
    );
  }

  get(listener: PageListener): void {
    this.#listener = listener;
    try {
      if (this.#socket === undefined) this.#connect();
    } catch (error) {
      // An address that cannot be one.
      this.#fail('connect', errorMessage(error));
      return;
    }
    this.#send();
  }

  close(): void {
    this.#listener = undefined;
    this.#drop();
  }

  #send(): void {
    this.#response = new ResponseReader(this.#settings.maxPageBytes ?? MAX_PAGE_BYTES, this.#memory.pages);
    this.#socket?.write(this.#request);
  }

  #connect(): void {
    this.#reused = false;
    const socket = this.#openSocket((piece) => {
      if (this.#socket === socket) this.#onData(piece);
    });
    this.#socket = socket;
    socket.setNoDelay(true);
    // Events of a socket that was given up must not reach the request that came after it.
    socket.on('error', (error: Error) => {
      if (this.#socket === socket) this.#onLost(error.message);
    });
    socket.on('close', () => {
      if (this.#socket === socket) this.#onLost('connection closed before the answer was complete');
    });
    socket.on('end', () => {
      if (this.#socket === socket && this.#listener !== undefined && this.#response?.end()) this.#finish();
    });
  }

  #openSocket(onData: (piece: Buffer) => void): Socket {
    const { tls } = this.#settings;
    const buffer = this.#memory.read;
    const callback = (bytes: number): boolean => {
      onData(buffer.subarray(0, bytes));
      return true;
    };
    const address = { host: this.#host, port: this.#port, onread: { buffer, callback } };
    if (tls === undefined) return connectPlain(address);
    const name = isIP(this.#host) === 0 ? { servername: this.#host } : {};
    return connectTls({ ...address, ...name, secureContext: tls.context, rejectUnauthorized: tls.verify });
  }

  #onData(piece: Buffer): void {
    const response = this.#response;
    if (this.#listener === undefined || response === undefined) {
      // Nobody asked for this.
      this.#drop();
      return;
    }
    response.feed(piece);
    if (response.fault !== undefined) this.#fail(response.fault, response.faultText);
    else if (response.done) this.#finish();
  }

  #onLost(message: string): void {
    const untouched = this.#reused && this.#response?.untouched === true;
    this.#drop();
    if (this.#listener === undefined) return;
    if (untouched) {
      this.#connect();
      this.#send();
    } else {
      this.#fail('connect', message);
    }
  }

  #finish(): void {
    const response = this.#response;
    const listener = this.#listener;
    if (response === undefined || listener === undefined) return;
    this.#listener = undefined;
    this.#response = undefined;
    this.#reused = true;
    if (!response.keepAlive) this.#drop();
    listener.page(response.body);
    response.release();
  }

  #fail(fault: FetchFault, message: string): void {
    const listener = this.#listener;
    this.#listener = undefined;
    this.#drop();
    listener?.failed(fault, message);
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#response?.release();
    this.#response = undefined;
    socket?.destroy();
  }
}
