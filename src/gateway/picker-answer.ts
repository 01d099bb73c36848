import type { HeaderMutation, ImmediateResponse, ProcessingResponse, Struct } from '../protos/ext-proc.ts';

type BodyResponse = NonNullable<ProcessingResponse['requestBody']>;
type BodyMutation = NonNullable<NonNullable<BodyResponse['response']>['bodyMutation']>;
type StreamedBodyResponse = NonNullable<BodyMutation['streamedResponse']>;

/** The picker sent something that has no place here; Envoy fails such a stream. */
export class StreamFault extends Error {
  override readonly name = 'StreamFault';
}

/** What the picker made of a request. */
export type PickerAnswer =
  | { readonly kind: 'immediate'; readonly response: ImmediateResponse }
  | {
      readonly kind: 'picked';
      /** `host:port`, best first. */
      readonly destinations: readonly string[];
      readonly mutation: HeaderMutation | undefined;
      readonly body: Buffer;
    };

/** Puts together the answers of the request phase: headers first, then the body in pieces, as Envoy insists. */
export class RequestPhase {
  readonly #hasBody: boolean;
  readonly #pieces: Uint8Array[] = [];
  #destinations: readonly string[] | undefined;
  #mutation: HeaderMutation | undefined;

  constructor(hasBody: boolean) {
    this.#hasBody = hasBody;
  }

  /** Takes the next answer; returns the whole once it is complete. Throws `StreamFault` for what does not fit. */
  take(answer: ProcessingResponse | undefined): PickerAnswer | undefined {
    if (answer === undefined) throw new Error('the picker left in the middle of the request');
    if (answer.immediateResponse) return { kind: 'immediate', response: answer.immediateResponse };
    if (answer.requestHeaders && this.#destinations === undefined) {
      this.#destinations = destinationsOf(answer.dynamicMetadata);
      this.#mutation = answer.requestHeaders.response?.headerMutation ?? undefined;
      return this.#hasBody ? undefined : this.#whole();
    }
    const piece = streamedPiece(answer.requestBody);
    if (piece === undefined || this.#destinations === undefined) {
      throw new StreamFault('an answer to the request headers, then pieces of the body were expected');
    }
    if (piece.body) this.#pieces.push(piece.body);
    return piece.endOfStream === true ? this.#whole() : undefined;
  }

  #whole(): PickerAnswer {
    const destinations = this.#destinations ?? [];
    return { kind: 'picked', destinations, mutation: this.#mutation, body: Buffer.concat(this.#pieces) };
  }
}

/** The piece a body answer carries; undefined for the other ways to answer, which full duplex does not allow. */
export function streamedPiece(answer: BodyResponse | null | undefined): StreamedBodyResponse | undefined {
  return answer?.response?.bodyMutation?.streamedResponse ?? undefined;
}

function destinationsOf(metadata: Struct | null | undefined): readonly string[] {
  const lb = metadata?.fields?.['envoy.lb']?.structValue;
  const list = lb?.fields?.['x-gateway-destination-endpoint']?.stringValue ?? '';
  return list.split(',').filter((entry) => entry !== '');
}
