import { ChannelCredentials, Client, type ClientDuplexStream } from '@grpc/grpc-js';
import {
  decodeProcessingResponse,
  encodeProcessingRequest,
  EXT_PROC_PROCESS_PATH,
  type ProcessingRequest,
  type ProcessingResponse,
} from '../protos/ext-proc.ts';
import { PICKER_CLUSTER, type PickerAddress } from './envoy-bootstrap.ts';

/** Opens one external-processing stream per request, as Envoy does, all on one connection to the picker. */
export class PickerClient {
  readonly #client: Client;

  constructor(picker: PickerAddress) {
    // Like the gateways of Istio: any certificate will do, and the authority is the cluster's name.
    const credentials = picker.tls
      ? ChannelCredentials.createSsl(null, null, null, {
          rejectUnauthorized: false,
          checkServerIdentity: () => undefined,
        })
      : ChannelCredentials.createInsecure();
    this.#client = new Client(`${picker.address}:${picker.port}`, credentials, {
      'grpc.default_authority': PICKER_CLUSTER,
      // TLS takes no IP address for a server name.
      'grpc.ssl_target_name_override': 'epp.default.svc.cluster.local',
      'grpc.max_receive_message_length': -1,
    });
  }

  open(): PickerStream {
    return new PickerStream(
      this.#client.makeBidiStreamRequest(EXT_PROC_PROCESS_PATH, encodeProcessingRequest, decodeProcessingResponse),
    );
  }

  close(): void {
    this.#client.close();
  }
}

/** One request's conversation with the picker. */
export class PickerStream {
  readonly #call: ClientDuplexStream<ProcessingRequest, ProcessingResponse>;
  readonly #answers: AsyncIterator<ProcessingResponse>;
  #ended = false;

  constructor(call: ClientDuplexStream<ProcessingRequest, ProcessingResponse>) {
    this.#call = call;
    this.#answers = call[Symbol.asyncIterator]() as AsyncIterator<ProcessingResponse>;
    // Also raised while nobody reads; whoever reads next gets it again.
    call.on('error', () => {
      this.#ended = true;
    });
    call.on('end', () => {
      this.#ended = true;
    });
  }

  /** Resolves when there is room for more. Does nothing once the picker has ended the stream. */
  async send(message: ProcessingRequest): Promise<void> {
    if (this.#ended || this.#call.write(message)) return;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        for (const event of ['drain', 'end', 'error', 'close']) this.#call.off(event, go);
        resolve();
      };
      for (const event of ['drain', 'end', 'error', 'close']) this.#call.on(event, go);
    });
  }

  /** The next answer; undefined when the picker closed the stream in order. Throws when it failed. */
  async next(): Promise<ProcessingResponse | undefined> {
    const { done, value } = await this.#answers.next();
    return done === true ? undefined : value;
  }

  /** Nothing more will be sent. */
  end(): void {
    if (!this.#ended) this.#call.end();
  }

  /** The request is over, whatever is left. Harmless after the end. */
  cancel(): void {
    this.#ended = true;
    this.#call.cancel();
  }
}
