import { MAX_BODY_PIECE_BYTES } from '../../src/ext-proc/response.ts';
import type { ProcessingRequest, ProcessingResponse } from '../../src/protos/ext-proc.ts';
import { sideOf } from './support.ts';

/** One direction of an HTTP exchange, as the proxy sent it and as it was answered. */
class Half {
  headersSent = false;
  headersAnswered = false;
  trailersSent = false;
  trailersAnswered = false;
  endSent = false;
  endAnswered = false;
  readonly #sent: Uint8Array[] = [];
  readonly #answered: Uint8Array[] = [];

  sendBody(body: Uint8Array, end: boolean): void {
    this.#sent.push(body);
    this.endSent ||= end;
  }

  answerBody(body: Uint8Array, end: boolean): void {
    check(this.headersAnswered, 'body answered before headers');
    check(!this.endAnswered && !this.trailersAnswered, 'body answered after the end');
    check(body.length <= MAX_BODY_PIECE_BYTES, 'body piece too long');
    check(!end || this.endSent, 'end answered before it was sent');
    this.#answered.push(body);
    this.endAnswered = end;
    if (end) check(this.bodyAnswered, 'end answered before all bytes');
  }

  answerHeaders(): void {
    check(this.headersSent && !this.headersAnswered, 'headers answered out of turn');
    this.headersAnswered = true;
  }

  answerTrailers(): void {
    check(this.trailersSent && !this.trailersAnswered && this.headersAnswered, 'trailers answered out of turn');
    check(this.bodyAnswered, 'trailers answered before the body');
    this.trailersAnswered = true;
  }

  /** The proxy has nothing more of it to send. */
  get whole(): boolean {
    return this.endSent || this.trailersSent;
  }

  get bodyAnswered(): boolean {
    return Buffer.concat(this.#sent).equals(Buffer.concat(this.#answered));
  }

  /** Everything sent has its answer, and what has an end has it in the answers, too. */
  get settled(): boolean {
    if (this.headersSent !== this.headersAnswered || this.trailersSent !== this.trailersAnswered) return false;
    return this.bodyAnswered && (!this.endSent || this.endAnswered || this.headersEnded);
  }

  /** The headers were all there was. */
  headersEnded = false;
}

/**
 * A proxy in full-duplex mode, as far as it can tell legal answers from illegal ones: throws at the first illegal one.
 */
export class ProxyModel {
  readonly request = new Half();
  readonly response = new Half();
  refused = false;

  send(message: ProcessingRequest): void {
    const headers = message.requestHeaders ?? message.responseHeaders;
    const body = message.requestBody ?? message.responseBody;
    const half =
      message.requestHeaders || message.requestBody || message.requestTrailers ? this.request : this.response;
    if (headers) {
      half.headersSent = true;
      half.endSent = half.headersEnded = headers.endOfStream === true;
    } else if (body) half.sendBody(body.body ?? Buffer.alloc(0), body.endOfStream === true);
    else half.trailersSent = true;
  }

  answer(answer: ProcessingResponse): void {
    check(!this.refused, 'answer after a refusal');
    if (answer.immediateResponse) this.#answerRefusal();
    else if (sideOf(answer) === 'request') this.#answerRequest(answer);
    else answerPart(this.response, answer);
  }

  #answerRefusal(): void {
    check(this.request.headersSent && !this.request.headersAnswered, 'refusal out of turn');
    check(!this.response.headersAnswered, 'refusal after the response began');
    this.refused = true;
  }

  #answerRequest(answer: ProcessingResponse): void {
    check(this.request.whole, 'request answered before it was whole');
    check(!this.response.headersAnswered, 'request answered after the response');
    answerPart(this.request, answer);
    check(Boolean(answer.dynamicMetadata) === Boolean(answer.requestHeaders), 'metadata where it does not belong');
    if (answer.requestHeaders) checkDestination(answer);
  }

  /** Nothing is owed any more; `decided` says whether the decision about the request is out. */
  checkSettled(decided: boolean): void {
    if (this.refused) return;
    check(this.response.settled, 'the response lacks an answer');
    const owed = this.request.whole && decided && !this.response.headersSent;
    check(!owed || this.request.settled, 'the request lacks an answer');
  }
}

function answerPart(half: Half, answer: ProcessingResponse): void {
  const body = (answer.requestBody ?? answer.responseBody)?.response?.bodyMutation?.streamedResponse;
  if (body) half.answerBody(body.body ?? Buffer.alloc(0), body.endOfStream === true);
  else if (answer.requestHeaders ?? answer.responseHeaders) half.answerHeaders();
  else half.answerTrailers();
}

function checkDestination(answer: ProcessingResponse): void {
  const header = answer.requestHeaders?.response?.headerMutation?.setHeaders?.[0]?.header;
  const metadata =
    answer.dynamicMetadata?.fields?.['envoy.lb']?.structValue?.fields?.['x-gateway-destination-endpoint'];
  check(header?.key === 'x-gateway-destination-endpoint', 'no destination header');
  check(Buffer.from(header?.rawValue ?? []).toString() === metadata?.stringValue, 'destinations differ');
}

function check(condition: boolean, text: string): void {
  if (!condition) throw new Error(text);
}
